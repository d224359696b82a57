"""`serve`, `health`, `report-key`, `setup-link`, stored webhooks, and `notify`."""

import argparse
from pathlib import Path

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
    for command in (serve, key, link, _add_notify(commands), *_add_stored(commands)):
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


def _add_notify(commands: Subcommands) -> argparse.ArgumentParser:
    notify = add_command(
        commands,
        "notify",
        "bot.cli.notify:notify",
        "send one message to a channel of the fleet, to see that it works",
        "test platform --fleet fleet",
        "test platform --fleet fleet --secrets-dir /run/secrets/switchyard",
    )
    notify.add_argument("action", choices=("test",), metavar="test", help="what to do")
    notify.add_argument("channel", help="name of the channel in a policy")
    notify.add_argument(
        "--fleet", type=Path, required=True, metavar="DIR", help="folder of the fleet repo"
    )
    return notify


def _add_stored(
    commands: Subcommands,
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    delivery = add_command(
        commands,
        "delivery",
        "bot.cli.replay:delivery",
        "print a stored webhook, to look at it or to replay it",
        "github 2f6e1c0a-8f1d-11f0-9b5e-3c2a1d0e9f8b > delivery.json",
    )
    delivery.add_argument("forge", help="name of the forge: github, gitlab or local")
    delivery.add_argument("id", help="id of the delivery, as the log and the forge show it")
    replay = add_command(
        commands,
        "replay",
        "bot.cli.replay:replay",
        "say what a stored webhook would make due and do, without writing anywhere",
        "delivery.json",
        "delivery.json --secrets-dir /run/secrets/switchyard",
    )
    replay.add_argument(
        "delivery", type=Path, metavar="FILE", help="what `switchyard delivery` printed"
    )
    return delivery, replay
