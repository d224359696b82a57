"""From options to a proposal, for `plan`, `render`, `explain` and `check`."""

import argparse
from pathlib import Path

from bot.charts import Charts
from bot.cli.errors import InputError
from bot.cli.folders import read_facts_file, read_snapshot
from bot.engine.propose import Proposal, propose
from bot.terminal import write_error
from planners.model.snapshot import Snapshot


def snapshot_of(options: argparse.Namespace) -> Snapshot:
    """The Snapshot that the options name.

    Raises:
        InputError: every mistake in a folder or in the facts.
    """
    facts = read_facts_file(options.facts) if options.facts is not None else None
    charts = charts_of(options)
    return read_snapshot(
        options.app, options.fleet, options.deploy, options.application, charts, facts=facts
    )


def charts_of(options: argparse.Namespace) -> Charts | None:
    """The charts in the folder `options.charts`, if it is given: only then are any fetched."""
    if options.charts is None:
        return None
    from bot.cli.settings import read_charts  # noqa: PLC0415 - takes long to import

    return read_charts(options.charts)


def propose_or_fail(app: Path | None, snapshot: Snapshot) -> Proposal:
    """The proposal for a Snapshot; its warnings go to standard error.

    Raises:
        InputError: every reason why there is no plan.
    """
    proposal = propose(snapshot)
    if proposal.problems:
        lines = [f"{app}/{each}" if each.position else str(each) for each in proposal.problems]
        for defect in proposal.defects:
            lines += [f"internal error {defect.error}:", *(f"  {each}" for each in defect.frames)]
        raise InputError("\n".join(lines))
    print_warnings(app, proposal)
    return proposal


def print_warnings(app: Path | None, proposal: Proposal) -> None:
    """Print warnings and problems to standard error."""
    lines = [f"warning: {each}" for each in proposal.warnings]
    lines += [f"{app}/{each}" if each.position else str(each) for each in proposal.problems]
    write_error("".join(f"{line}\n" for line in lines))
