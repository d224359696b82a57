"""What asks a running service: `status`, `why` and `approve`."""

import argparse

from bot.cli.arguments import Subcommands, add_command

SETTINGS = (
    "\n\nSWITCHYARD_SERVICE_URL is the address of the service (default:\n"
    "http://127.0.0.1:7080), SWITCHYARD_API_TOKEN a token from its account page."
)


def add(commands: Subcommands) -> None:
    """Add the subcommands."""
    status = add_command(
        commands,
        "status",
        "bot.cli.ask:status",
        "show how the rollouts of a running service stand",
        "",
        "boutique",
        "boutique --format json",
    )
    status.add_argument("application", nargs="?", help="only this one, with its waves")
    status.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    why = add_command(
        commands,
        "why",
        "bot.cli.ask:why",
        "say what a rollout of a running service waits for, and what ends it",
        "boutique",
        "boutique cart",
        "boutique cart eu-1",
    )
    why.add_argument("application", help="name of the application")
    why.add_argument("component", nargs="?", help="only this component")
    why.add_argument("cluster", nargs="?", help="only this cluster")
    approve = add_command(
        commands,
        "approve",
        "bot.cli.approve:approve",
        "approve waves at the forge, as yourself, with a token of yours",
        "boutique",
        "boutique canary.1",
        "boutique eu-1",
    )
    approve.add_argument("application", help="name of the application")
    approve.add_argument("target", nargs="?", help="wave or cluster (default: all that wait)")
    for command in (status, why, approve):
        _add_settings(command)
    _add_forge_settings(approve)


def _add_settings(command: argparse.ArgumentParser) -> None:
    assert command.description is not None
    command.description += SETTINGS


def _add_forge_settings(command: argparse.ArgumentParser) -> None:
    assert command.description is not None
    command.description += (
        "\nSWITCHYARD_FORGE_URL is the address of the forge, such as https://github.com,\n"
        "SWITCHYARD_FORGE_TOKEN your token there, which may comment. The service does\nnot see it."
    )
