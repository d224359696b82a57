"""`serve`, `health`, `report-key` and `setup-link`."""

import argparse

from bot.cli.arguments import Subcommands, add_command, add_secrets_folder


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    serve = add_command(
        commands,
        "serve",
        "bot.cli.service:serve",
        "run the service; settings are SWITCHYARD_* variables",
        "",
        "--secrets-dir /run/secrets/switchyard",
    )
    health = add_command(
        commands,
        "health",
        "bot.cli.health:health",
        "ask the service on this machine whether it is healthy",
        "",
        "--url http://127.0.0.1:8080",
    )
    health.add_argument(
        "--url",
        default="http://127.0.0.1:7080",
        help="default: %(default)s",
    )
    key = _add_report_key(commands)
    link = add_command(
        commands,
        "setup-link",
        "bot.cli.keys:setup_link",
        "print the link to the page that sets up a GitHub App",
        "--secrets-dir /run/secrets/switchyard",
    )
    for command in (serve, key, link):
        add_secrets_folder(command)


def _add_report_key(commands: Subcommands) -> argparse.ArgumentParser:
    key = add_command(
        commands,
        "report-key",
        "bot.cli.keys:report_key",
        "print the key with which a cluster sends its reports",
        "edge-17",
        "edge-17 --secrets-dir /run/secrets/switchyard",
        "edge-17 --generation 2",
        "edge-17 --facts",
        "edge-17 --status",
    )
    key.add_argument("cluster", help="name of the cluster")
    purpose = key.add_mutually_exclusive_group()
    purpose.add_argument(
        "--agent",
        default="flux",
        metavar="NAME",
        help="the agent that reports (default: %(default)s)",
    )
    purpose.add_argument(
        "--facts", action="store_true", help="print the key that signs the cluster's facts"
    )
    purpose.add_argument(
        "--status",
        action="store_true",
        help="print the key that signs the cluster's status documents",
    )
    key.add_argument(
        "--generation",
        type=int,
        choices=range(1, 1000),
        default=1,
        metavar="N",
        help="`reportKeyGeneration` of the cluster in the fleet repo (default: 1)",
    )
    return key
