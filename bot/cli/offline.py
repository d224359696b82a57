"""`check`, `plan`, `render` and `explain`: the core on folders; no service, forge or network."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.cli.reading import (
    InputError,
    find_registration,
    read_fleet_folder,
    read_folder,
    read_snapshot,
)
from bot.core import Proposal, propose
from bot.intake import read_application
from bot.wording import comment as words
from bot.wording.diffs import counts, diffs_of
from bot.wording.markdown import listing, plural
from planners.gate import Standing
from planners.gates import AwaitsDependency, AwaitsStep
from planners.placement import Decision
from planners.snapshot import Snapshot

DIFFERS = 3


def check(options: argparse.Namespace) -> int:
    """Find mistakes in an app folder, a fleet folder, or both against each other."""
    if options.app is None and options.fleet is None:
        raise InputError("say what to check: --app DIR, --fleet DIR or both")
    fleet = read_fleet_folder(options.fleet) if options.fleet else None
    said = [f"{options.fleet}: {plural(len(fleet.clusters), 'cluster')}"] if fleet else []
    if options.app:
        files = read_folder(options.app)
        registration = find_registration(options.app, files, fleet, None) if fleet else None
        application, problems = read_application(files, fleet, registration)
        if problems or application is None:
            raise InputError("\n".join(f"{options.app}/{problem}" for problem in problems))
        said.append(f"{options.app}: {plural(len(application.components), 'component')}")
        if fleet:
            _propose(options.app, read_snapshot(options.app, options.fleet, None, None))
    sys.stdout.write("\n".join(said) + "\nno mistakes found\n")
    return 0


def plan(options: argparse.Namespace) -> int:
    """Show what would be merged, wave by wave, and the digest."""
    snapshot = _snapshot(options)
    proposal = _propose(options.app, snapshot)
    match options.format:
        case "json":
            sys.stdout.write(json.dumps(_as_json(proposal), indent=2, sort_keys=True) + "\n")
        case "markdown":
            sys.stdout.write(_as_markdown(options, snapshot, proposal) + "\n")
        case _:
            sys.stdout.write(_as_text(proposal))
    if options.expect and not proposal.digest.startswith(options.expect):
        sys.stderr.write(f"the digest is {proposal.digest}, not {options.expect}\n")
        return DIFFERS
    return 0


def render(options: argparse.Namespace) -> int:
    """Write the deploy tree, as it would be after everything merged."""
    out: Path = options.out
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: not empty; name a new folder")
    proposal = _propose(options.app, _snapshot(options))
    files = {path: content for tree in proposal.trees.values() for path, content in tree.items()}
    for path, content in sorted(files.items()):
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    sys.stdout.write(f"{plural(len(files), 'file')} written below {out}\n")
    return 0


def explain(options: argparse.Namespace) -> int:
    """Say for every cluster, or for one, why a component runs there or not."""
    snapshot = _snapshot(options)
    if snapshot.application.component(options.component) is None:
        known = ", ".join(each.name for each in snapshot.application.components)
        raise InputError(f"no component {options.component!r} (there is: {known})")
    if options.cluster and snapshot.cluster(options.cluster) is None:
        known = ", ".join(each.name for each in snapshot.clusters)
        raise InputError(f"no cluster {options.cluster!r} (there is: {known})")
    decisions = [
        decision
        for decision in propose(snapshot).plan.trace
        if decision.unit.component == options.component
        and options.cluster in {None, decision.unit.cluster}
    ]
    if options.format == "json":
        shown = [_decision(decision) for decision in decisions]
        sys.stdout.write(json.dumps(shown, indent=2, sort_keys=True) + "\n")
        return 0
    width = max(len(decision.unit.cluster) for decision in decisions)
    for decision in decisions:
        sys.stdout.write(f"{decision.unit.cluster:{width}}  {_why(decision)}\n")
    return 0


def _snapshot(options: argparse.Namespace) -> Snapshot:
    return read_snapshot(options.app, options.fleet, options.deploy, options.application)


def _propose(app: Path, snapshot: Snapshot) -> Proposal:
    proposal = propose(snapshot)
    if proposal.problems:
        lines = [f"{app}/{each}" if each.place else str(each) for each in proposal.problems]
        raise InputError("\n".join(lines))
    return proposal


def _why(decision: Decision) -> str:
    scores = ", ".join(f"{each.name} {each.value:g}" for each in decision.scores)
    ranked = f", rank {decision.rank} ({scores})" if decision.rank else ""
    if decision.chosen:
        return f"chosen: {decision.verdict.filter}: {decision.verdict.needed}{ranked}"
    return f"not chosen: {words.why_not(decision)}{ranked}"


def _decision(decision: Decision) -> Mapping[str, object]:
    verdict = decision.verdict
    return {
        "component": decision.unit.component,
        "cluster": decision.unit.cluster,
        "chosen": decision.chosen,
        "filter": verdict.filter,
        "seen": verdict.seen,
        "needed": verdict.needed,
        "total": decision.total,
        "scores": [
            {"name": each.name, "weight": each.weight, "value": each.value, "inputs": each.inputs}
            for each in decision.scores
        ],
        "rank": decision.rank,
    }


def _as_text(proposal: Proposal) -> str:
    lines = [f"plan {proposal.digest[:12]} of {proposal.plan.application}", ""]
    for standing in proposal.decision.standings:
        wave = standing.change.wave
        components = sorted({unit.component for unit in wave.units})
        clusters = sorted({unit.cluster for unit in wave.units})
        lines.append(f"{wave.name}: {listing(components, 6)} on {listing(clusters, 6)}")
        lines.append(f"  {counts(standing.change)}")
        lines += _after(standing)
    return "\n".join([*lines, "", f"digest {proposal.digest}", ""])


def _after(standing: Standing) -> list[str]:
    """What a wave comes after, in a line or two."""
    steps = [gate.step for gate in standing.gates if isinstance(gate, AwaitsStep)]
    needs = [
        f"{gate.component} needs {gate.dependency} {gate.when} ({gate.on})"
        for gate in standing.gates
        if isinstance(gate, AwaitsDependency)
    ]
    lines = [f"  after {steps[-1]} is ready"] if steps else []
    return lines + ([f"  {'; '.join(needs)}"] if needs else [])


def _as_json(proposal: Proposal) -> Mapping[str, object]:
    return {
        "application": proposal.plan.application,
        "digest": proposal.digest,
        "waves": [
            {
                "name": change.wave.name,
                "digest": change.digest,
                "units": [str(unit) for unit in change.wave.units],
                "files": [{"path": file.path, "change": file.kind.value} for file in change.files],
                "unchanged": change.unchanged,
            }
            for change in proposal.changes
        ],
        "placement": [_decision(decision) for decision in proposal.plan.trace],
    }


def _as_markdown(options: argparse.Namespace, snapshot: Snapshot, proposal: Proposal) -> str:
    deploy = read_folder(options.deploy) if options.deploy else {}
    old = {
        blob: deploy[path]
        for entries in snapshot.base.entries.values()
        for path, blob in entries.items()
    }
    home = words.Home(
        marker="",
        application=snapshot.application.name,
        revision=snapshot.revision.sha,
        preview=True,
        page="",
        reproduce=f"switchyard plan --app {options.app} --fleet {options.fleet}",
    )
    changes = [change for change in proposal.changes if change.files]
    return words.comment(home, proposal, diffs_of(changes, {**old, **proposal.contents})).strip()
