"""The arguments of each subcommand, and what its help says; one file for what belongs together.

Imports the standard library alone, so that help is instant: a subcommand names the function that
runs it as `module:function`, which is imported when it runs.
"""

import argparse
from pathlib import Path
from typing import TypeAlias

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

LAST_PORT = 65_535
DEMO_PORT = 7080


def add_command(
    commands: Subcommands, name: str, run: str, summary: str, *examples: str
) -> argparse.ArgumentParser:
    """Add a subcommand; `run` is its function as `module:function`."""
    lines = [f"  switchyard {name} {each}".rstrip() for each in examples]
    command = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog="\n".join(["examples:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def add_secrets_folder(command: argparse.ArgumentParser) -> None:
    """The folder of secret settings."""
    command.add_argument(
        "--secrets-dir",
        type=Path,
        metavar="DIR",
        help="folder with one file for each secret setting",
    )


def port(text: str) -> int:
    """The type of an option that names a TCP port; 0 lets the system choose."""
    if not text.isdecimal() or int(text) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; expected 0 to {LAST_PORT}")
    return int(text)
