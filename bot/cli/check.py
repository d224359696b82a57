"""`check`: finds mistakes in an app folder, a fleet folder, or both against each other."""

import argparse
from collections.abc import Callable, Mapping

from bot.cli.errors import InputError, ProblemsError
from bot.cli.findings import Findings, findings_of, warning
from bot.cli.findings_json import as_json, as_sarif
from bot.cli.findings_junit import as_junit
from bot.cli.folders import find_registration, load_fleet_folder, read_folder, read_snapshot
from bot.cli.proposals import charts_of, proposal_of
from bot.documents import read_application
from bot.terminal import Line, Style, write, write_error, write_lines
from bot.wording.markdown import plural

FORMATS: Mapping[str, Callable[[Findings], str]] = {
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
}


def check(options: argparse.Namespace) -> int:
    """Find mistakes in an app folder, a fleet folder, or both against each other."""
    if options.app is None and options.fleet is None:
        raise InputError("nothing to check: give --app DIR, --fleet DIR or both")
    found = Findings([str(each) for each in (options.fleet, options.app) if each is not None])
    summary = list[Line]()
    try:
        summary = _check(options, found)
    except InputError as error:
        found.entries += findings_of(error)
        if options.format == "text":
            raise
    if options.format == "text":
        warnings = (f"warning: {each}\n" for each in found.entries)
        write_error("".join(warnings), Style.YELLOW)
        write_lines([*summary, Line("no mistakes found", Style.GREEN)])
    else:
        write(FORMATS[options.format](found))
    return 1 if found.has_errors else 0


def _check(options: argparse.Namespace, found: Findings) -> list[Line]:
    """What was checked, in words; warnings go to `found`.

    Raises:
        InputError: the mistakes.
    """
    fleet = None
    if options.fleet:
        read = load_fleet_folder(options.fleet)
        found.entries += [warning(each, options.fleet) for each in read.warnings]
        fleet = read.fleet
        if not (fleet.clusters or fleet.tenants or fleet.registrations or fleet.policies):
            raise InputError(
                f"{options.fleet}: no clusters/, tenants/, applications/ or policies/ with a "
                "document: name the fleet repo, or begin one with `switchyard init fleet`"
            )
    summary = [Line(f"{options.fleet}: {plural(len(fleet.clusters), 'cluster')}")] if fleet else []
    if not options.app:
        return summary
    files = read_folder(options.app)
    registration = find_registration(options.app, files, fleet, None) if fleet else None
    loaded = read_application(files, fleet, registration)
    if loaded.problems or loaded.application is None:
        raise ProblemsError(options.app, loaded.problems)
    components = loaded.application.components
    summary.append(Line(f"{options.app}: {plural(len(components), 'component')}"))
    if fleet:
        snapshot = read_snapshot(options.app, options.fleet, None, None, charts_of(options))
        proposal = proposal_of(options.app, snapshot)
        found.entries += [warning(each, options.app) for each in proposal.warnings]
    return summary
