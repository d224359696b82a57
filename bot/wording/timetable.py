"""The timetable of a plan: the order of waves, what each waits for, the longest chain."""

from collections.abc import Iterable
from datetime import timedelta

from bot.wording.markdown import plural
from bot.wording.prose import Prose, names, say
from planners.model import Application, Dependency, DependencyScope, OnFailure, Stage, listing
from planners.order import Wave
from planners.plan import Plan

SCOPES = {
    DependencyScope.SAME_CLUSTER: "on the same cluster",
    DependencyScope.ALL_CLUSTERS: "on all clusters",
    DependencyScope.ANY_CLUSTER: "on any cluster",
    DependencyScope.CALLED_CLUSTERS: "on the clusters that it calls",
}


def span(length: timedelta) -> str:
    """`90s` as `1m30s`."""
    hours, rest = divmod(int(length.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def waits_for(plan: Plan, application: Application, wave: Wave) -> list[str]:
    """What a wave waits for, one line each: earlier steps, then dependencies."""
    if wave.removal:
        return ["all remaining components are ready and dependents are removed"]
    components = {unit.component for unit in wave.units}
    placed = {unit.component for unit in plan.units}
    needs: dict[tuple[str, str], list[str]] = {}
    for part in application.components:
        for need in part.depends_on if part.name in components else ():
            if need.implied and need.component not in placed:
                continue
            needs.setdefault((part.name, requirement(need)), []).append(str(need))
    before = [each for each in plan.waves if each.step < wave.step and not each.removal]
    return [str(each) for each in _step(before)] + [
        f"{name} requires {', '.join(needed)} {how}" for (name, how), needed in needs.items()
    ]


def comes_after(plan: Plan, application: Application, wave: Wave) -> list[Prose]:
    """The same in a few words: the step before, and which components on which clusters."""
    if wave.removal:
        return [say("all remaining components are ready")]
    mine = {unit.component for unit in wave.units}
    placed = {unit.component for unit in plan.units}
    needs: dict[str, dict[str, None]] = {}
    for part in application.components:
        for need in part.depends_on if part.name in mine else ():
            if not need.implied or need.component in placed:
                needs.setdefault(f"{need.when} {_scope(need)}", {})[str(need)] = None
    return earlier_step(plan, wave) + [
        say(f"{{}} {how}", names(components, 5)) for how, components in needs.items()
    ]


def earlier_step(plan: Plan, wave: Wave) -> list[Prose]:
    """The step that a wave comes after, if any: `canary is ready for 10m`."""
    if wave.removal:
        return [say("all remaining components are ready")]
    before = [each for each in plan.waves if each.step < wave.step and not each.removal]
    return _step(before, tolerance=False)


def _step(before: Iterable[Wave], *, tolerance: bool = True) -> list[Prose]:
    """The last step before, and how many failures it tolerates."""
    last = max(before, key=lambda each: (each.step, each.level), default=None)
    if last is None:
        return []
    label, allowed = last.name.rpartition(".")[0], _allowed(last.stage) if tolerance else ""
    return [say(f"{{}} is ready{_soaked(last.stage.soak)}{allowed}", label)]


def _soaked(soak: timedelta) -> str:
    return f" for {span(soak)}" if soak else ""


def _allowed(stage: Stage) -> str:
    if stage.max_failures_percent is not None:
        return f", {stage.max_failures_percent}% of its clusters may fail"
    if stage.max_failures:
        return f", {plural(stage.max_failures, 'cluster')} may fail"
    return ""


def _scope(need: Dependency) -> str:
    return (
        f"on {need.quorum} clusters"
        if need.on is DependencyScope.QUORUM
        else SCOPES.get(need.on, "")
    )


def requirement(need: Dependency) -> str:
    """What a dependency requires, for how long and where, and what follows when it is overdue."""
    late = {
        OnFailure.HOLD: "then hold",
        OnFailure.ROLLBACK: "then roll back",
        OnFailure.CONTINUE: "then continue",
    }[need.on_failure]
    return f"{need.when}{_soaked(need.soak)} {_scope(need)}; timeout {span(need.timeout)}, {late}"


def longest_chain(plan: Plan, application: Application) -> str:
    """The longest chain of waves in which each waits for the one before."""
    waves = [wave for wave in plan.waves if not wave.removal]
    if not waves:
        return ""
    by_step: dict[int, list[Wave]] = {}
    for wave in waves:
        by_step.setdefault(wave.step, []).append(wave)
    depth = sum(max(each.level for each in mine) + 1 for mine in by_step.values())
    soaks = sum((mine[0].stage.soak for mine in by_step.values()), timedelta())
    chain = " -> ".join(_chain(application, {unit.component for w in waves for unit in w.units}))
    times = f", in each of {len(by_step)} steps" if len(by_step) > 1 else ""
    soaked = f"; stage soak times add {span(soaks)}" if soaks else ""
    return f"longest chain: {plural(depth, 'consecutive wave')} ({chain}{times}){soaked}"


def _chain(application: Application, placed: set[str]) -> list[str]:
    """Components, each needing the one before; the first of equals by name."""
    needs = {
        part.name: sorted({n.component for n in part.depends_on if n.application is None} & placed)
        for part in application.components
        if part.name in placed
    }
    paths: dict[str, list[str]] = {}

    def path(name: str) -> list[str]:
        if name not in paths:
            below = [path(need) for need in needs[name]]
            paths[name] = [*max(below, key=len, default=[]), name]
        return paths[name]

    return max((path(name) for name in sorted(needs)), key=len, default=[])


def as_text(plan: Plan, application: Application, changes: dict[str, str]) -> list[str]:
    """The lines of the timetable; `changes` says in words what each wave changes."""
    lines = []
    for wave in plan.waves:
        components = sorted({unit.component for unit in wave.units})
        clusters = sorted({unit.cluster for unit in wave.units})
        lines.append(f"{wave.name}: {listing(components, 6)} on {listing(clusters, 6)}")
        lines.append(f"  {changes[wave.name]}")
        waits = waits_for(plan, application, wave)
        lines += [
            f"  {'after' if index == 0 else '  and'} {each}" for index, each in enumerate(waits)
        ]
    chain = longest_chain(plan, application)
    return [*lines, "", chain] if chain else lines
