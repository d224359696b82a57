"""`report-key` and `setup-link`: what operators derive from the service's secrets."""

import argparse

from bot.cli.errors import InputError
from bot.cli.settings import read_report_key_settings, read_settings
from bot.engine import discovery
from bot.keys import agent_key, facts_key, setup_key, status_key
from bot.terminal import write


def report_key(options: argparse.Namespace) -> int:
    """Print the key with which one cluster signs reports, facts, or status documents."""
    secret = read_report_key_settings(options).report_key.get_secret_value()
    if options.agent not in discovery.agents():
        known = ", ".join(discovery.agents())
        raise InputError(f"unknown agent {options.agent}; available: {known}")
    if options.status:
        key = status_key(secret, options.cluster, options.generation)
    elif options.facts:
        key = facts_key(secret, options.cluster, options.generation)
    else:
        key = agent_key(secret, options.agent, options.cluster, options.generation)
    write(f"{key.decode()}\n")
    return 0


def setup_link(options: argparse.Namespace) -> int:
    """Print the address of the set-up page, with the key that opens it."""
    settings = read_settings(options)
    key = setup_key(settings.marker_key.get_secret_value())
    write(f"{str(settings.public_url).rstrip('/')}/setup?key={key}\n")
    return 0
