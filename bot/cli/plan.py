"""`plan`: shows what would be merged, wave by wave, as text, JSON or the comment's Markdown."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping

from bot.cli import plan_text
from bot.cli.folders import read_folder
from bot.cli.proposals import application_folder, propose_or_fail, snapshot_of
from bot.engine.propose import Proposal
from bot.terminal import Line, Style, progress, write, write_error, write_lines
from bot.wording import changes as words_of_changes
from bot.wording import comment as words
from bot.wording import explanation as why
from bot.wording import rules, timetable
from bot.wording.connections import all_connections
from bot.wording.diffs import DiffGroup, Diffs, counts, diffs_of
from bot.wording.regions import regions_of
from planners.model.snapshot import Snapshot
from renderers.diff.risks import Risk

DIFFERS = 3


def plan(options: argparse.Namespace) -> int:
    """Show what would be merged, wave by wave, and the digest."""
    snapshot = snapshot_of(options)
    proposal = propose_or_fail(application_folder(options, snapshot), snapshot)
    diffs = _diffs(options, snapshot, proposal)
    match options.format:
        case "json":
            write(json.dumps(_as_json(proposal, diffs), indent=2, sort_keys=True) + "\n")
        case "markdown":
            write(_as_markdown(options, snapshot, proposal, diffs) + "\n")
        case _:
            write_lines(_as_text(proposal, diffs))
    if options.expect and not proposal.digest.startswith(options.expect):
        write_error(f"the plan digest is {proposal.digest}, expected {options.expect}\n")
        if _may_differ_by_rules(snapshot):
            write_error(f"{rules.COUNTED}\n")
        return DIFFERS
    return 0


def _may_differ_by_rules(snapshot: Snapshot) -> bool:
    failover = any(policy.failover for policy in snapshot.policies)
    return bool(snapshot.application.rules or failover or snapshot.decisions)


def _diffs(options: argparse.Namespace, snapshot: Snapshot, proposal: Proposal) -> Diffs:
    """What changes against the folder of the deploy repo."""
    deploy = read_folder(options.deploy) if options.deploy else {}
    old = {
        blob: deploy[path]
        for entries in snapshot.base.entries.values()
        for path, blob in entries.items()
    }
    changes = [change for change in proposal.changes if change.files]
    written = {file.new for change in changes for file in change.files if file.new}
    new = {blob: proposal.contents[blob] for blob in written}
    with progress("comparing"):
        return diffs_of(changes, {**old, **new})


def _as_text(proposal: Proposal, diffs: Diffs) -> Iterator[Line]:
    made = proposal.plan
    changes = {
        each.wave.name: f"files: {counts(each)}" if each.files else counts(each)
        for each in proposal.changes
    }
    yield Line(f"plan {proposal.digest[:12]} of {made.application}", Style.BOLD)
    yield Line("")
    yield from plan_text.change_lines(diffs)
    yield from (Line(f"rule {each}") for each in rules.told(proposal.application, made.decisions))
    yield from map(Line, timetable.as_text(made, proposal.application, changes))
    yield from map(Line, all_connections(proposal.links))
    if made.optimization:
        yield Line(f"optimal placement: {made.optimization}")
    yield Line(plan_text.summary(diffs), Style.BOLD)
    yield Line(f"digest {proposal.digest}")


def _as_json(proposal: Proposal, diffs: Diffs) -> Mapping[str, object]:
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
        "groups": [_group(each) for each in diffs.groups],
        "placement": [why.as_data(each) for each in trace],
        "connections": list(all_connections(proposal.links)),
        "longestChain": timetable.longest_chain(made, proposal.application),
        "warnings": list(map(str, proposal.warnings)),
    }


def _group(group: DiffGroup) -> Mapping[str, object]:
    """Clusters that change alike: objects with their fields, and diffs without secrets."""
    return {
        "clusters": list(group.clusters),
        "objects": [
            {
                "object": each.name,
                "change": plan_text.kind_of(each),
                "details": [str(line) for line in words_of_changes.lines([each])],
            }
            for each in group.changes
        ],
        "diffs": dict(group.files),
        "risks": [risk.value for risk in Risk if risk in group.risks],
    }


def _as_markdown(
    options: argparse.Namespace, snapshot: Snapshot, proposal: Proposal, diffs: Diffs
) -> str:
    context = words.CommentContext(
        marker="",
        application=snapshot.application.name,
        revision=snapshot.revision.sha,
        preview=True,
        page="",
        reproduce=f"switchyard plan --app {options.app} --fleet {options.fleet}",
        limit=sys.maxsize,
        regions=regions_of(snapshot.clusters),
    )
    return words.comment(context, proposal, diffs).strip()
