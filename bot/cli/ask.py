"""`status` and `why`: how the rollouts of a running service stand, and what they wait for."""

import argparse
import difflib
import json
from collections.abc import Iterable, Iterator, Sequence

from bot.cli.errors import InputError
from bot.cli.service_api import Rollout, ServiceApi, Summary, Wave
from bot.cli.settings import read_client_settings
from bot.terminal import Line, Style, progress, write, write_lines

NAMED = 20
STYLES = {"done": Style.GREEN, "cancelled": Style.YELLOW, "STALLED": Style.RED}


def status(options: argparse.Namespace) -> int:
    """Show all rollouts, or the waves of one."""
    api = ServiceApi(read_client_settings())
    with progress("asking the service"):
        if options.application is None:
            found: Rollout | list[Summary] = api.rollouts()
        else:
            found = api.rollout(options.application)
    if options.format == "json":
        shown = found.data if isinstance(found, Rollout) else [each.model_dump() for each in found]
        write(json.dumps(shown, indent=2) + "\n")
    elif isinstance(found, Rollout):
        write_lines(_rollout(found))
    else:
        write_lines(_summaries(found))
    return 0


def why(options: argparse.Namespace) -> int:
    """Say what a rollout waits for: all of it, a component, or a component on a cluster."""
    with progress("asking the service"):
        rollout = ServiceApi(read_client_settings()).rollout(options.application)
    if not rollout.units and (options.component or options.cluster):
        raise InputError(f"{rollout.application} runs nothing yet: {rollout.headline}")
    _check(options.component, {each.component for each in rollout.units}, "component")
    _check(options.cluster, {each.cluster for each in rollout.units}, "cluster")
    write_lines(_reasons(rollout, options.component, options.cluster))
    return 0


def _summaries(found: Sequence[Summary]) -> Iterator[Line]:
    if not found:
        yield Line("no rollouts: is an application registered in the fleet repo?")
    width = max((len(each.application) for each in found), default=0)
    for each in found:
        counts = ", ".join(f"{count} {state}" for state, count in each.totals.items() if count)
        parts = (each.headline, counts, f"{each.problems} problems" if each.problems else "")
        style = Style.RED if each.problems else Style.GREEN if each.done else None
        told = " \u00b7 ".join(part for part in parts if part)
        yield Line(f"{each.application:{width}}  {told}", style)


def _rollout(rollout: Rollout) -> Iterator[Line]:
    yield from _headline(rollout)
    for wave in rollout.waves:
        yield from _wave(wave)
        yield from (Line(f"  {gate.reason}") for gate in wave.gates)


def _headline(rollout: Rollout) -> Iterator[Line]:
    yield Line(f"{rollout.application}: {rollout.headline}", Style.BOLD)
    if rollout.digest:
        yield Line(f"plan {rollout.digest[:12]}")
    if rollout.home is not None:
        yield Line(rollout.home.url)
    yield from (Line(f"problem: {each}", Style.RED) for each in rollout.problems)


def _wave(wave: Wave) -> Iterator[Line]:
    at = f"  {wave.merge_request.url}" if wave.merge_request is not None else ""
    yield Line(f"{wave.name}: {wave.state}, {wave.changes}{at}", STYLES.get(wave.state))


def _gates(wave: Wave) -> Iterator[Line]:
    for gate in wave.gates:
        remedy = f" ({gate.remedy})" if gate.remedy else ""
        yield Line(f"  {gate.reason}{remedy}, since {gate.since}")


def _reasons(rollout: Rollout, component: str | None, cluster: str | None) -> Iterator[Line]:
    """The closed gates and what is not ready, of what was asked for."""
    yield from _headline(rollout)
    silent = True
    for wave in rollout.waves:
        if not _names(component, wave.components) or not _names(cluster, wave.clusters):
            continue
        units = {
            f"{each.component}@{each.cluster}"
            for each in rollout.units
            if component in {None, each.component} and cluster in {None, each.cluster}
        }
        pending = [each for each in wave.pending if each.unit in units]
        if wave.gates or pending:
            silent = False
            yield from _wave(wave)
            yield from _gates(wave)
            yield from (Line(f"  {each.unit}: {each.reason}") for each in pending)
    if component is not None:
        for unit in rollout.units:
            if unit.component == component and cluster in {None, unit.cluster}:
                told = f": {unit.message}" if unit.message else ""
                line = f"{unit.component} on {unit.cluster}: {unit.readiness}{told}"
                yield Line(line, STYLES.get(unit.readiness))
    if silent and not rollout.problems:
        yield Line("nothing waits", Style.GREEN)


def _names(wanted: str | None, known: Iterable[str]) -> bool:
    return wanted is None or wanted in known


def _check(wanted: str | None, known: Iterable[str], word: str) -> None:
    """Raise InputError for what the rollout does not have."""
    names = sorted(known)
    if wanted is None or wanted in names:
        return
    near = difflib.get_close_matches(wanted, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names[:NAMED])}"
    raise InputError(f"unknown {word} {wanted!r}; {hint}")
