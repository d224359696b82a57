"""`demo` and `forge`."""

import argparse
from pathlib import Path

from bot.cli.arguments import DEMO_PORT, Subcommands, add_command, port


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    demo = add_command(
        commands,
        "demo",
        "bot.cli.sandbox:demo",
        "try everything on this machine: forge, service, simulated clusters, sample application",
        "",
        "play",
        "play bump-an-image",
        "--fresh",
        "--auto",
        "--auto --burst",
        "--data /tmp/shop --port 9000",
    )
    demo.add_argument(
        "action",
        nargs="?",
        choices=("play",),
        metavar="play",
        help="play a ready-made change against the running demo (default: run the demo)",
    )
    demo.add_argument("change", nargs="?", help="which change (default: list them)")
    _add_demo_options(demo)
    _add_forge(commands)


def _add_demo_options(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--auto", action="store_true", help="play the people too, then exit")
    demo.add_argument(
        "--burst",
        action="store_true",
        help="with --auto: then let load rise and fall, and a rule take one cluster more",
    )
    demo.add_argument(
        "--fresh", action="store_true", help="begin anew; deletes what an earlier demo has kept"
    )
    demo.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder for all data, kept to go on with it (default: demo-data, with --auto a new "
        "one)",
    )
    demo.add_argument(
        "--port",
        type=port,
        help=f"port of the service (default: that of the kept demo, or {DEMO_PORT}; forge: +1)",
    )


def _add_forge(commands: Subcommands) -> None:
    forge = add_command(
        commands,
        "forge",
        "bot.cli.sandbox:forge",
        "run a local forge with Git repositories, merge requests and webhooks",
        "--data /srv/forge",
        "--data /srv/forge --site site.yaml --port 9001",
    )
    forge.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder for the repositories"
    )
    forge.add_argument(
        "--site", type=Path, metavar="FILE", help="YAML file of users, repositories and webhooks"
    )
    forge.add_argument("--port", type=port, default=7081, help="port to listen on (default: 7081)")
