"""`explain`: why components run on some clusters and not on others."""

import argparse
import json

from bot.cli.errors import InputError
from bot.cli.proposals import application_folder, planning, print_warnings, snapshot_of
from bot.engine.propose import propose
from bot.terminal import progress, write
from bot.wording import explanation as why


def explain(options: argparse.Namespace) -> int:
    """Explain why each component, or one, runs on some clusters and not on others."""
    snapshot = snapshot_of(options)
    names = [each.name for each in snapshot.application.components]
    if options.component is not None and options.component not in names:
        raise InputError(f"unknown component {options.component!r} (known: {', '.join(names)})")
    if options.cluster and snapshot.cluster(options.cluster) is None:
        known = ", ".join(each.name for each in snapshot.clusters)
        raise InputError(f"unknown cluster {options.cluster!r} (known: {known})")
    with progress(planning(snapshot)):
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
        shown = [why.as_data(each) for each in wanted]
        write(json.dumps(shown, indent=2, sort_keys=True) + "\n")
        return 0
    lines = [line for name in names for line in why.explanation(name, wanted, chosen)]
    if proposal.plan.optimization is not None:
        lines.append(f"optimal placement: {proposal.plan.optimization}")
    write("\n".join(lines) + "\n")
    print_warnings(application_folder(options, snapshot), proposal)
    return 0
