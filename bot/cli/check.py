"""`check`: finds mistakes in an app folder, a fleet folder, or both against each other."""

import argparse

from bot.cli.errors import InputError
from bot.cli.folders import find_registration, read_fleet_folder, read_folder, read_snapshot
from bot.cli.proposals import charts_of, propose_or_fail
from bot.documents import read_application
from bot.terminal import write
from bot.wording.markdown import plural


def check(options: argparse.Namespace) -> int:
    """Find mistakes in an app folder, a fleet folder, or both against each other."""
    if options.app is None and options.fleet is None:
        raise InputError("nothing to check: give --app DIR, --fleet DIR or both")
    fleet = read_fleet_folder(options.fleet) if options.fleet else None
    summary = [f"{options.fleet}: {plural(len(fleet.clusters), 'cluster')}"] if fleet else []
    if options.app:
        files = read_folder(options.app)
        registration = find_registration(options.app, files, fleet, None) if fleet else None
        loaded = read_application(files, fleet, registration)
        if loaded.problems or loaded.application is None:
            raise InputError("\n".join(f"{options.app}/{each}" for each in loaded.problems))
        components = loaded.application.components
        summary.append(f"{options.app}: {plural(len(components), 'component')}")
        if fleet:
            charts = charts_of(options)
            snapshot = read_snapshot(options.app, options.fleet, None, None, charts)
            propose_or_fail(options.app, snapshot)
    write("\n".join(summary) + "\nno mistakes found\n")
    return 0
