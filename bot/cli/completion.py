"""`completion`: a script that completes the command line in a shell."""

import argparse
from collections.abc import Iterator

import shtab

from bot.cli.parser import parser, subcommands
from bot.terminal import write

PATHS = {"DIR": shtab.DIRECTORY, "FILE": shtab.FILE}


def completion(options: argparse.Namespace) -> int:
    """Print the script."""
    top = parser()
    for action in _actions(top):
        if action.metavar in PATHS:
            vars(action)["complete"] = PATHS[action.metavar]
    write(shtab.complete(top, options.shell) + "\n")
    return 0


def _actions(top: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for command in (top, *subcommands(top).values()):
        yield from command._actions  # noqa: SLF001 - argparse shows its options in no other way
