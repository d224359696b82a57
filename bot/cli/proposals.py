"""From options to a proposal, for `plan`, `render`, `explain` and `check`."""

import argparse
from pathlib import Path

from bot.charts import Charts
from bot.cli.errors import ProblemsError
from bot.cli.folders import read_facts_file, read_snapshot
from bot.engine.propose import Proposal, propose
from bot.terminal import Style, progress, write_error
from bot.wording.markdown import plural
from planners.model.snapshot import Snapshot


def snapshot_of(options: argparse.Namespace) -> Snapshot:
    """The Snapshot that the options name.

    Raises:
        InputError: every mistake in a folder or in the facts.
    """
    facts = read_facts_file(options.facts) if options.facts is not None else None
    charts = charts_of(options)
    with progress("reading the folders"):
        return read_snapshot(
            options.app, options.fleet, options.deploy, options.application, charts, facts=facts
        )


def application_folder(options: argparse.Namespace, snapshot: Snapshot) -> Path | None:
    """Where the application's documents and sources are; see `read_snapshot`."""
    app: Path | None = options.app
    return app / snapshot.registration.path if app and options.application else app


def charts_of(options: argparse.Namespace) -> Charts | None:
    """The charts in the folder `options.charts`, if it is given: only then are any fetched."""
    if options.charts is None:
        return None
    from bot.cli.charts import read_charts  # noqa: PLC0415 - takes long to import

    return read_charts(options.charts)


def propose_or_fail(app: Path | None, snapshot: Snapshot) -> Proposal:
    """The proposal for a Snapshot; its warnings go to standard error.

    Raises:
        InputError: every reason why there is no plan.
    """
    proposal = proposal_of(app, snapshot)
    print_warnings(app, proposal)
    return proposal


def proposal_of(app: Path | None, snapshot: Snapshot) -> Proposal:
    """The proposal for a Snapshot.

    Raises:
        InputError: every reason why there is no plan.
    """
    with progress(planning(snapshot)):
        proposal = propose(snapshot)
    if proposal.problems:
        notes = list[str]()
        for defect in proposal.defects:
            notes += [f"internal error {defect.error}:", *(f"  {each}" for each in defect.frames)]
        raise ProblemsError(app, proposal.problems, *notes)
    return proposal


def planning(snapshot: Snapshot) -> str:
    """What a plan is made of, for people who wait."""
    clusters = plural(len(snapshot.clusters), "cluster")
    return f"planning {snapshot.application.name} for {clusters}"


def print_warnings(app: Path | None, proposal: Proposal) -> None:
    """Print warnings and problems to standard error."""
    lines = [f"{app}/{each}" if each.position else str(each) for each in proposal.problems]
    write_error("".join(f"warning: {each}\n" for each in proposal.warnings), Style.YELLOW)
    write_error("".join(f"{line}\n" for line in lines), Style.RED)
