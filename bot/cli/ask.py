"""`status` and `why`: how the rollouts of a running service stand, and what they wait for."""

import argparse
import difflib
import json
from collections.abc import Iterable, Iterator, Sequence

from bot.cli.errors import InputError
from bot.cli.service_api import Rollout, ServiceApi, Summary, Wave
from bot.cli.settings import read_client_settings
from bot.terminal import Line, Style, progress, write, write_lines
from planners.model import listing

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


def _gates(waves: Iterable[Wave]) -> Iterator[Line]:
    """Each closed gate once, with the waves that it holds."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for wave in waves:
        for gate in wave.gates:
            found.setdefault((gate.reason, gate.remedy), []).append((wave.name, gate.since))
    for (reason, remedy), held in found.items():
        how = f" ({remedy})" if remedy else ""
        names = listing([name for name, _ in held], NAMED)
        yield Line(f"{names}: {reason}{how}, since {min(since for _, since in held)}")


def _pending(waves: Iterable[Wave], units: set[str]) -> Iterator[Line]:
    """Of merged waves, what is not ready; units with the same reason together."""
    for wave in waves:
        found: dict[str, list[str]] = {}
        for each in wave.pending:
            if each.unit in units:
                found.setdefault(each.reason, []).append(each.unit)
        if found:
            yield from _wave(wave)
        for reason, named in found.items():
            yield Line(f"  {listing(named, NAMED)}: {reason}")


def _reasons(rollout: Rollout, component: str | None, cluster: str | None) -> Iterator[Line]:
    """The closed gates and what is not ready, of what was asked for."""
    yield from _headline(rollout)
    waves = [
        wave
        for wave in rollout.waves
        if component in {None, *wave.components} and cluster in {None, *wave.clusters}
    ]
    units = [
        unit
        for unit in rollout.units
        if component in {None, unit.component} and cluster in {None, unit.cluster}
    ]
    named = {f"{unit.component}@{unit.cluster}" for unit in units}
    waiting = [*_pending(waves, named), *_gates(waves)]
    yield from waiting
    for unit in units if component is not None else ():
        told = f": {unit.message}" if unit.message else ""
        line = f"{unit.component} on {unit.cluster}: {unit.readiness}{told}"
        yield Line(line, STYLES.get(unit.readiness))
    if not waiting and not rollout.problems:
        yield Line("nothing waits", Style.GREEN)


def _check(wanted: str | None, known: Iterable[str], word: str) -> None:
    """Raise InputError for what the rollout does not have."""
    names = sorted(known)
    if wanted is None or wanted in names:
        return
    near = difflib.get_close_matches(wanted, names, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names[:NAMED])}"
    raise InputError(f"unknown {word} {wanted!r}; {hint}")
