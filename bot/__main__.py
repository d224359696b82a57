"""The command line. `plan`, `render`, `explain` and `check` need no service, forge or network.

Exit codes: 0 done, 1 the input is wrong (said where), 2 usage, 3 the plan differs from `--expect`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bot import cli

EXAMPLES = """examples:
  switchyard demo                                  the whole loop on this machine, in a browser
  switchyard demo --auto                           the same without people, then a table
  switchyard check --app . --fleet ../fleet        mistakes, each with file, line and column
  switchyard plan --app . --fleet ../fleet         waves, what each changes, and the digest
  switchyard explain --app . --fleet ../fleet cart eu-1
  switchyard plan --fleet ../fleet --application tenant-retail
"""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="switchyard",
        description="Rolls applications out over a fleet of Kubernetes clusters by merge request.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    demo = _command(commands, "demo", cli.demo, "the whole loop on this machine")
    demo.add_argument("--auto", action="store_true", help="play the people too, then end")
    demo.add_argument("--data", type=Path, help="where to keep everything (default: a new folder)")
    demo.add_argument("--port", type=int, default=7080, help="the service; the forge is one above")
    serve = _command(commands, "serve", cli.serve, "the service (settings: SWITCHYARD_*)")
    serve.add_argument("--secrets-dir", type=Path, help="a folder with a file for each secret")
    forge = _command(commands, "forge", cli.forge, "a local forge: Git, merge requests, webhooks")
    forge.add_argument("--data", type=Path, required=True, help="where repositories are kept")
    forge.add_argument("--site", type=Path, help="a YAML file of users, repositories and hooks")
    forge.add_argument("--port", type=int, default=7081)
    key = _command(commands, "report-key", cli.report_key, "the key a cluster signs reports with")
    key.add_argument("cluster")
    key.add_argument("--secrets-dir", type=Path, help="a folder with a file for each secret")
    link = _command(commands, "setup-link", cli.setup_link, "the link that sets up a GitHub App")
    link.add_argument("--secrets-dir", type=Path, help="a folder with a file for each secret")
    check = _command(commands, "check", cli.check, "find mistakes in documents")
    check.add_argument("--app", type=Path, help="the app repo's folder")
    check.add_argument("--fleet", type=Path, help="the fleet repo's folder")
    plan = _inputs(_command(commands, "plan", cli.plan, "what would be merged, wave by wave"))
    plan.add_argument("--format", choices=("text", "json", "markdown"), default="text")
    plan.add_argument("--expect", metavar="DIGEST", help="exit 3 unless the digest begins so")
    render = _inputs(_command(commands, "render", cli.render, "write the deploy tree"))
    render.add_argument("--out", type=Path, required=True, help="a folder that is empty or new")
    explain = _inputs(_command(commands, "explain", cli.explain, "why here, why not there"))
    explain.add_argument("component", nargs="?")
    explain.add_argument("cluster", nargs="?")
    explain.add_argument("--format", choices=("text", "json"), default="text")
    return top


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=summary)
    command.set_defaults(run=run)
    return command


def _inputs(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--app", type=Path, help="the app repo's folder (none for a tenant)")
    command.add_argument("--fleet", type=Path, required=True, help="the fleet repo's folder")
    command.add_argument("--deploy", type=Path, help="the deploy repo's folder (default: empty)")
    command.add_argument("--application", help="which one, when the fleet registers several")
    command.add_argument("--facts", type=Path, help="a YAML file of what clusters report")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except cli.InputError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, as `head` goes; nothing is left to say
        return 141


if __name__ == "__main__":
    sys.exit(main())
