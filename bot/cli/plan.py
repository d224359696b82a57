"""`plan`: shows what would be merged, wave by wave, as text, JSON or the comment's Markdown."""

import argparse
import json
import sys
from collections.abc import Mapping

from bot.cli.folders import read_folder
from bot.cli.proposals import propose_or_fail, snapshot_of
from bot.engine.propose import Proposal
from bot.terminal import write, write_error
from bot.wording import comment as words
from bot.wording import explanation as why
from bot.wording import timetable
from bot.wording.connections import all_connections
from bot.wording.diffs import counts, diffs_of
from planners.model.snapshot import Snapshot

DIFFERS = 3


def plan(options: argparse.Namespace) -> int:
    """Show what would be merged, wave by wave, and the digest."""
    snapshot = snapshot_of(options)
    proposal = propose_or_fail(options.app, snapshot)
    match options.format:
        case "json":
            write(json.dumps(_as_json(proposal), indent=2, sort_keys=True) + "\n")
        case "markdown":
            write(_as_markdown(options, snapshot, proposal) + "\n")
        case _:
            write(_as_text(proposal))
    if options.expect and not proposal.digest.startswith(options.expect):
        write_error(f"the plan digest is {proposal.digest}, expected {options.expect}\n")
        return DIFFERS
    return 0


def _as_text(proposal: Proposal) -> str:
    made = proposal.plan
    changes = {each.wave.name: counts(each) for each in proposal.changes}
    optimum = [f"optimal placement: {made.optimization}"] if made.optimization else []
    return "\n".join(
        [
            f"plan {proposal.digest[:12]} of {made.application}",
            "",
            *timetable.as_text(made, proposal.application, changes),
            *all_connections(proposal.links),
            *optimum,
            f"digest {proposal.digest}",
            "",
        ]
    )


def _as_json(proposal: Proposal) -> Mapping[str, object]:
    made, trace = proposal.plan, proposal.plan.trace
    return {
        "application": proposal.plan.application,
        "digest": proposal.digest,
        "waves": [
            {
                "name": change.wave.name,
                "digest": change.digest,
                "after": timetable.waits_for(made, proposal.application, change.wave),
                "units": [str(unit) for unit in change.wave.units],
                "files": [{"path": file.path, "change": file.kind.value} for file in change.files],
                "unchanged": change.unchanged,
            }
            for change in proposal.changes
        ],
        "placement": [why.as_data(each) for each in trace],
        "connections": list(all_connections(proposal.links)),
        "longestChain": timetable.longest_chain(made, proposal.application),
        "warnings": list(proposal.warnings),
    }


def _as_markdown(options: argparse.Namespace, snapshot: Snapshot, proposal: Proposal) -> str:
    deploy = read_folder(options.deploy) if options.deploy else {}
    old = {
        blob: deploy[path]
        for entries in snapshot.base.entries.values()
        for path, blob in entries.items()
    }
    context = words.CommentContext(
        marker="",
        application=snapshot.application.name,
        revision=snapshot.revision.sha,
        preview=True,
        page="",
        reproduce=f"switchyard plan --app {options.app} --fleet {options.fleet}",
        limit=sys.maxsize,
    )
    changes = [change for change in proposal.changes if change.files]
    return words.comment(context, proposal, diffs_of(changes, {**old, **proposal.contents})).strip()
