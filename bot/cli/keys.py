"""`report-key` and `setup-link`: what operators derive from the service's secrets."""

import argparse

from bot.cli.settings import read_settings
from bot.keys import cluster_key, setup_key
from bot.terminal import write


def report_key(options: argparse.Namespace) -> int:
    """Print the key with which one cluster signs its reports."""
    secret = read_settings(options).report_key.get_secret_value()
    key = cluster_key(secret, options.cluster, options.generation)
    write(f"{key.decode()}\n")
    return 0


def setup_link(options: argparse.Namespace) -> int:
    """Print the address of the set-up page, with the key that opens it."""
    settings = read_settings(options)
    key = setup_key(settings.marker_key.get_secret_value())
    write(f"{str(settings.public_url).rstrip('/')}/setup?key={key}\n")
    return 0
