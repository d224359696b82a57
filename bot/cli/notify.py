"""`notify test`: sends one message to a channel, so that an operator sees that it works."""

import argparse

from bot.app import notify_keys, notify_secrets
from bot.cli import event_loop
from bot.cli.errors import InputError
from bot.cli.folders import read_fleet_folder
from bot.cli.settings import read_settings
from bot.clock import system_clock
from bot.documents.problems import suggest
from bot.engine import discovery
from bot.notify import Address, Message, NotDeliveredError, Outside, UnsureError
from bot.outbound import Outbound
from bot.outbound.client import OutboundClient
from bot.settings import Settings
from bot.terminal import Line, Style, write_lines
from planners.model import Fleet
from planners.model.fleet import NotifiedChannel

SECRETS = "SWITCHYARD_NOTIFY_SECRETS"


def notify(options: argparse.Namespace) -> int:
    """Send a message to every address that the fleet has for the channel."""
    channels = find_channels(read_fleet_folder(options.fleet), options.channel)
    settings = read_settings(options)
    outbound = OutboundClient(settings.gate_ca_file)
    for each in channels:
        event_loop.run(send_test(each, settings, outbound))
        to = f" to {', '.join(each.to)}" if each.to else ""
        write_lines([Line(f"{each.name} ({each.kind}) took a message{to}", Style.GREEN)])
    return 0


def find_channels(fleet: Fleet, name: str) -> list[NotifiedChannel]:
    """The entries of policies for a channel, each address once.

    Raises:
        InputError: there is none.
    """
    every = [each for policy in fleet.policies for each in policy.notify]
    found = {(each.to, each.sender): each for each in every if each.name == name}
    if not found:
        hint = suggest(name, {each.name for each in every}) or "add it to `notify` of a policy"
        raise InputError(f"no policy of the fleet has a channel {name!r} ({hint})")
    return list(found.values())


async def send_test(channel: NotifiedChannel, settings: Settings, outbound: Outbound) -> None:
    """Send the message.

    Raises:
        InputError: it has not arrived, or nobody knows; without any secret.
    """
    name, now = channel.name, system_clock()
    secret = notify_secrets(settings).get(name, "")
    if not secret:
        raise InputError(f"channel {name!r} has no secret: add one for it to {SECRETS}")
    identity = f"test-{now:%Y%m%dT%H%M%S%f}"
    message = Message(
        id=identity,
        thread=identity,
        event="test",
        application="",
        title=f"Switchyard: test of channel {name}",
        lines=("An operator asked for this message. Nobody has to do anything.",),
        link=str(settings.public_url),
    )
    address = Address(channel.to, channel.sender, channel.private_network)
    outside = Outside(outbound, now, secret, notify_keys(settings).get(name, b""))
    try:
        await discovery.channels()[channel.kind].send(message, address, outside)
    except NotDeliveredError as error:
        raise InputError(
            f"channel {name!r} ({channel.kind}) did not take the message: {error}; correct its "
            f"entry in {SECRETS} or in the policy, or try again if its server is away"
        ) from None
    except UnsureError as error:
        raise InputError(
            f"channel {name!r} ({channel.kind}) may have the message: {error}; look there, and try "
            f"again if it is not"
        ) from None
