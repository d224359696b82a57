"""`demo` and `forge`."""

from pathlib import Path

from bot.cli.arguments import Subcommands, add_command, port


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    demo = add_command(
        commands,
        "demo",
        "bot.cli.sandbox:demo",
        "try everything on this machine: forge, service, simulated clusters, sample application",
        "",
        "--auto",
        "--auto --burst",
        "--data /tmp/shop --port 9000",
    )
    demo.add_argument("--auto", action="store_true", help="play the people too, then exit")
    demo.add_argument(
        "--burst",
        action="store_true",
        help="with --auto: then let load rise and fall, and a rule take one cluster more",
    )
    demo.add_argument(
        "--data", type=Path, metavar="DIR", help="folder for all data (default: a new one)"
    )
    demo.add_argument(
        "--port", type=port, default=7080, help="port of the service (default: 7080; forge: +1)"
    )
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
