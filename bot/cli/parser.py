"""The command line: all subcommands, and what a mistyped word was meant to be."""

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, NoReturn

from bot.cli.arguments import clusters, documents, remote, sandbox, service, shell
from bot.terminal import write, write_error

GROUPS = (sandbox, service, remote, documents, clusters, shell)
EPILOG = """examples:
  switchyard demo                              try everything on this machine, in a browser
  switchyard check --app . --fleet ../fleet    list mistakes with file, line and column
  switchyard plan --app . --fleet ../fleet     show what would be merged, wave by wave

exit codes: 0 success, 1 wrong input, 2 wrong usage, 3 the plan differs from --expect
colours: on a terminal, unless NO_COLOR is set or TERM is dumb; always if FORCE_COLOR is set

`switchyard COMMAND --help` describes one command, with examples.
"""
USAGE = 2
SIMILARITY = 0.6

_Subparsers = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """Names the nearest subcommand, option or choice where one is mistyped."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse an unknown option before argparse says that another one is missing."""
        if not subcommands(self):
            known = [name for each in self._actions for name in each.option_strings[-1:]]
            for word in args:
                name = word.partition("=")[0]
                if name == "--":
                    break
                if name.startswith("--") and not any(each.startswith(name) for each in known):
                    self.error(f"unknown option {name}{_suggestion(name, known)}")
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        if isinstance(action, _Subparsers):
            raise argparse.ArgumentError(
                None, f"unknown command {value!r}{_suggestion(value, list(action.choices))}"
            )
        if isinstance(action.choices, range):
            known = f"; expected {action.choices.start} to {action.choices.stop - 1}"
        else:
            known = _suggestion(str(value), list(map(str, action.choices)))
        raise argparse.ArgumentError(action, f"unknown choice {value!r}{known}")

    def _print_message(self, message: str, file: object = None) -> None:
        del file  # argparse names none for help and the version, and `error` is below
        write(message)

    def error(self, message: str) -> NoReturn:
        """End with a mistake of usage."""
        write_error(f"{self.prog}: {message}\n`{self.prog} --help` shows options and examples\n")
        self.exit(USAGE)


class _Version(argparse.Action):
    """Prints the version. Package metadata takes longer to import than everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415 - see the class

        write(f"switchyard {version('switchyard')}\n")
        parser.exit()


def parser() -> Parser:
    """The command line; after parsing, `run` is the subcommand's function as `module:function`."""
    top = Parser(
        prog="switchyard",
        description="Rolls applications out over a fleet of Kubernetes clusters by merge request.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add(commands)
    return top


def subcommands(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands by name."""
    found = [each for each in top._actions if isinstance(each, _Subparsers)]  # noqa: SLF001 - as above
    return {name: each for action in found for name, each in action.choices.items()}


def _suggestion(word: str, known: Sequence[str]) -> str:
    """The nearest known word, or all of them."""
    close = difflib.get_close_matches(word, known, 1, SIMILARITY)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known: {', '.join(known)}"
