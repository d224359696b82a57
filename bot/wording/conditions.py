"""The conditions of a plan in words: what its digest binds besides the files (see `planners`)."""

from collections.abc import Iterator
from datetime import timedelta

from bot.wording.gates import declared_gate
from bot.wording.markdown import fold, plural
from bot.wording.prose import NOTHING, Prose, join, names, say
from bot.wording.timetable import requirement, span
from planners.gating.conditions import Conditions, StageConditions
from planners.model import ApprovalRule, OfflineMode, OnFailure, Window
from planners.model.rules import AutomaticRule
from planners.model.selectors import Selector

MOST = 40
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def conditions(found: Conditions) -> list[Prose]:
    """One line for each condition: stages, dependencies, failures, approvals, windows, reports."""
    return [
        *map(_stage, found.stages),
        *_dependencies(found),
        say(
            "if more clusters of a stage fail: "
            + ("roll back" if found.on_failure is OnFailure.ROLLBACK else "hold")
        ),
        *_offline(found),
        *map(_approval, found.approvals),
        *_approvers(found),
        *(_window(each, found.time_zones) for each in found.windows),
        *_report_ages(found),
        *([say("merge method {}", found.merge_method)] if found.merge_method else []),
        *map(declared_gate, found.gates),
        *map(_automatic, found.automatic),
    ]


def folded(found: Conditions) -> str:
    """All of them as a section that is closed at first."""
    lines = conditions(found)
    shown = [f"- {each.markdown()}" for each in lines[:MOST]]
    if len(lines) > MOST:
        shown.append(f"- and {len(lines) - MOST} more")
    return fold(plural(len(lines), "condition"), "\n".join(shown))


def _offline(found: Conditions) -> Iterator[Prose]:
    if found.offline is OfflineMode.CATCH_UP:
        yield say("clusters that are offline are not waited for: they catch up")


def _stage(stage: StageConditions) -> Prose:
    ready = f"ready for {span(stage.soak)}" if stage.soak else "ready"
    allowed = "no cluster"
    if stage.max_failures_percent is not None:
        allowed = f"{stage.max_failures_percent}% of its clusters"
    elif stage.max_failures:
        allowed = plural(stage.max_failures, "cluster")
    return say(f"after stage {{}}: its clusters are {ready}; {allowed} may fail", stage.name)


def _dependencies(found: Conditions) -> Iterator[Prose]:
    for component, dependencies in found.dependencies.items():
        together: dict[str, list[str]] = {}
        for each in dependencies:
            together.setdefault(requirement(each), []).append(str(each))
        for how, needed in together.items():
            yield say(f"{{}} requires {{}} {how}", component, names(needed, MOST))


def _approval(rule: ApprovalRule) -> Prose:
    details = [
        *([say("users {}", names(rule.users, MOST))] if rule.users else []),
        *([say("teams {}", names(rule.teams, MOST))] if rule.teams else []),
        say(f"role {rule.role.name.lower()} or higher"),
        *([say("code owners too")] if rule.code_owners else []),
        *([say("authors may approve")] if rule.author_may_approve else []),
    ]
    count = plural(rule.count, "approval")
    return say(f"{count}{{}}: {{}}", _where(rule.clusters), join(", ", details))


def _automatic(permitted: AutomaticRule) -> Prose:
    clusters, hour = plural(permitted.max_clusters, "cluster"), permitted.per_hour
    limits = f"up to {clusters} at once, {plural(hour, 'decision')} an hour"
    where = _where(permitted.clusters)
    return say(f"rule {{}} needs no person{{}}: {limits}", permitted.rule, where)


def _approvers(found: Conditions) -> Iterator[Prose]:
    allowed = (*found.approvers, *found.approver_teams)
    if allowed:
        yield say("1 approval by the tenant's approvers {}", names(allowed, MOST))


def _report_ages(found: Conditions) -> Iterator[Prose]:
    clusters: dict[timedelta, list[str]] = {}
    for name, age in found.max_report_ages.items():
        clusters.setdefault(age, []).append(name)
    for age, named in sorted(clusters.items()):
        where = say(" of {}", names(named, MOST)) if named != [""] else NOTHING
        yield say(f"reports{{}} count for {span(age)}", where)


def _window(window: Window, time_zones: tuple[str, ...]) -> Prose:
    days = ", ".join(DAYS[day] for day in sorted(window.days))
    hours = f"{window.start:%H:%M} to {window.end:%H:%M}"
    return say(
        f"window {{}}{{}}: {days}, {hours}, time of {{}}",
        window.name,
        _where(window.clusters),
        names(time_zones, MOST),
    )


def _where(clusters: Selector) -> Prose:
    return NOTHING if clusters == Selector() else say(" for clusters with {}", str(clusters))
