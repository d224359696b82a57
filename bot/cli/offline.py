"""`check`, `plan`, `render` and `explain`: the core on folders; no service, forge or network."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.cli.folders import (
    InputError,
    find_registration,
    read_facts_file,
    read_fleet_folder,
    read_folder,
    read_snapshot,
)
from bot.documents import read_application
from bot.engine.propose import Proposal, propose
from bot.wording import comment as words
from bot.wording import explanation as why
from bot.wording import timetable
from bot.wording.diffs import counts, diffs_of
from bot.wording.markdown import plural
from planners.model.snapshot import Snapshot

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
    """Say why each component, or one, runs on some clusters and not on others."""
    snapshot = _snapshot(options)
    names = [each.name for each in snapshot.application.components]
    if options.component is not None and options.component not in names:
        raise InputError(f"no component {options.component!r} (there is: {', '.join(names)})")
    if options.cluster and snapshot.cluster(options.cluster) is None:
        known = ", ".join(each.name for each in snapshot.clusters)
        raise InputError(f"no cluster {options.cluster!r} (there is: {known})")
    proposal = propose(snapshot, thorough=True)
    trace = proposal.plan.trace
    chosen = [each for each in trace if each.chosen]
    wanted = [
        each
        for each in trace
        if options.component in {None, each.unit.component}
        and options.cluster in {None, each.unit.cluster}
    ]
    if options.format == "json":
        shown = [why.as_data(each, why.rivals(each, chosen)) for each in wanted]
        sys.stdout.write(json.dumps(shown, indent=2, sort_keys=True) + "\n")
        return 0
    lines = [line for name in names for line in why.explanation(name, wanted, chosen)]
    if proposal.plan.optimization is not None:
        lines.append(f"optimal placement: {proposal.plan.optimization}")
    sys.stdout.write("\n".join(lines) + "\n")
    _warn(options.app, proposal)
    return 0


def _snapshot(options: argparse.Namespace) -> Snapshot:
    snapshot = read_snapshot(options.app, options.fleet, options.deploy, options.application)
    if options.facts is None:
        return snapshot
    return replace(snapshot, facts=read_facts_file(options.facts))


def _propose(app: Path | None, snapshot: Snapshot) -> Proposal:
    proposal = propose(snapshot)
    if proposal.problems:
        lines = [f"{app}/{each}" if each.position else str(each) for each in proposal.problems]
        raise InputError("\n".join(lines))
    _warn(app, proposal)
    return proposal


def _warn(app: Path | None, proposal: Proposal) -> None:
    """Say on standard error what does not stop a plan, or would."""
    lines = [f"warning: {each}" for each in proposal.warnings]
    lines += [f"{app}/{each}" if each.position else str(each) for each in proposal.problems]
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def _as_text(proposal: Proposal) -> str:
    made = proposal.plan
    changes = {each.wave.name: counts(each) for each in proposal.changes}
    optimum = [f"optimal placement: {made.optimization}"] if made.optimization else []
    return "\n".join(
        [
            f"plan {proposal.digest[:12]} of {made.application}",
            "",
            *timetable.as_text(made, proposal.application, changes),
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
        "placement": [why.as_data(each, why.rivals(each, trace)) for each in trace],
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
    home = words.Home(
        marker="",
        application=snapshot.application.name,
        revision=snapshot.revision.sha,
        preview=True,
        page="",
        reproduce=f"switchyard plan --app {options.app} --fleet {options.fleet}",
        limit=sys.maxsize,
    )
    changes = [change for change in proposal.changes if change.files]
    return words.comment(home, proposal, diffs_of(changes, {**old, **proposal.contents})).strip()
