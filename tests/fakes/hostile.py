"""A plan in which one text stands in every place that somebody else writes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from bot.engine.propose import Proposal
from bot.wording.diffs import Diffs, diffs_of
from planners.gating.change_sets import ChangeSet
from planners.gating.conditions import Conditions, StageConditions
from planners.gating.differences import FileChange
from planners.gating.evaluate import Evaluation, WaveState, WaveStatus
from planners.model import (
    ApprovalRule,
    Component,
    Dependency,
    DependencyCondition,
    DependencyScope,
    MergeMethod,
    PlanProblem,
    Repo,
    Revision,
    Stage,
    Unit,
    Window,
)
from planners.model.gates import (
    ApprovalReason,
    AwaitsApproval,
    AwaitsDependency,
    ClosedByPerson,
    ForeignCommit,
    Frozen,
    HeldByLabel,
    NotReadyReason,
    OpenedByPerson,
    PendingUnit,
    RefusedByForge,
)
from planners.model.selectors import Selector
from planners.model.snapshot import MergeRequest, MergeRequestState
from planners.order import Wave
from planners.placement.filters import Verdict
from planners.placement.trace import PlacementDecision
from planners.plan import Plan
from renderers import yaml
from renderers.tree import blob_id
from tests.fakes.builders import application, component

SECRET = "s3cr3t-value"


def manifest(text: str, version: str) -> bytes:
    """Objects with that text in keys, names, values and lists; and a Secret's value."""
    pod = {
        "containers": [
            {
                "name": text,
                "image": f"{text}:{version}",
                "args": [text, version],
                "env": [{"name": f"{text}_PASSWORD", "value": SECRET + version}],
            }
        ]
    }
    objects = (
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": text, "annotations": {text: version}},
            "spec": {"template": {"spec": pod}, "note": f"{text}\n{version}\n{text}"},
        },
        {"kind": text, "metadata": {"name": version}, text: [text], "new": {text: text}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{text}{version}"},
            "data": {text: SECRET},
        },
        text,
    )
    return b"---\n".join(yaml.dump(each) for each in objects)


def gates(text: str) -> tuple[object, ...]:
    """One of every gate that has words of others in it."""
    unit, until = Unit(text, text), datetime(2026, 1, 1, tzinfo=UTC)
    failed = PendingUnit(unit, NotReadyReason.REPAIR, text)
    return (
        AwaitsApproval(
            1, (text,), (text,), ApprovalReason("clusters with", text), False, users=(text,)
        ),
        AwaitsDependency(
            text, text, DependencyCondition.READY, DependencyScope.SAME_CLUSTER, (failed,), 1, 0
        ),
        ClosedByPerson(text, 1),
        ForeignCommit(text, text),
        Frozen(text, until, text),
        HeldByLabel(text),
        RefusedByForge(text, until),
        OpenedByPerson(text, 1),
    )


@dataclass(frozen=True)
class Size:
    """How large a plan is; `kinds` is in how many ways clusters differ, three at least."""

    waves: int = 3
    clusters: int = 3
    kinds: int = 1


def everywhere(text: str, written: str, size: Size = Size()) -> tuple[Proposal, Diffs]:
    """A plan of that size; `written` is what stands in manifests."""
    blobs = {blob_id(each): each for each in (manifest(written, "1"), manifest(written, "2"))}
    old, new = blobs
    wave_statuses = [_standing(text, number, size, (old, new)) for number in range(size.waves)]
    trace = tuple(
        PlacementDecision(
            Unit(text, f"{text}{number}"), number == 0, Verdict(text, False, text, text)
        )
        for number in range(size.clusters)
    )
    plan = Plan(
        application=text,
        revision=Revision(Repo("local", text), text),
        fleet_revision=Revision(Repo("local", text), text),
        deploy=Repo("local", text),
        waves=tuple(each.change.wave for each in wave_statuses),
        trace=trace,
    )
    changes = tuple(each.change for each in wave_statuses)
    proposal = Proposal(
        application=application(*_components(text)),
        plan=plan,
        digest="d" * 64,
        changes=changes,
        contents=blobs,
        evaluation=Evaluation(tuple(wave_statuses), ()),
        problems=(),
        warnings=(PlanProblem(text),),
        conditions=_conditions(text),
    )
    return proposal, diffs_of(changes, blobs)


def _components(text: str) -> tuple[Component, ...]:
    """A component with that name, and two that need it."""
    first = replace(component("web"), name=text)
    needs = (Dependency(text),)
    return (first, *(replace(first, name=f"{text}{each}", depends_on=needs) for each in "ab"))


def _conditions(text: str) -> Conditions:
    only = Selector(match_labels={text: text}, names=(text,))
    rule = ApprovalRule(only, 2, True, (text,), (text,), code_owners=True)
    needs = (Dependency(text, quorum=2), Dependency(text, application=text))
    return Conditions(
        stages=(StageConditions(text, timedelta(minutes=1), max_failures=2),),
        dependencies={text: needs},
        approvals=(rule,),
        approvers=(text,),
        windows=(Window(text, only, frozenset({0, 6}), time(22), time(4)),),
        time_zones=(text,),
        max_report_ages={"": timedelta(minutes=15)},
        merge_method=MergeMethod.SQUASH,
    )


def _standing(text: str, number: int, size: Size, blobs: tuple[str, str]) -> WaveStatus:
    name = text.encode("utf-8", "replace").decode()
    units = tuple(Unit(text, f"{name}{each}") for each in range(size.clusters))
    others = (Unit(f"{text}{each}", f"{name}0") for each in "ab")
    wave = Wave(f"{text}.{number}", Stage(text), number, 0, (*units, *others))
    kinds = ((None, blobs[1]), (blobs[0], blobs[1]), (blobs[0], None))
    files = tuple(
        FileChange(
            f"clusters/{unit.cluster}/{text}{each % size.kinds}{index}",
            unit,
            *kinds[(each + index) % 3],
        )
        for each, unit in enumerate(units)
        for index in range(2)
    )
    request = MergeRequest(
        number + 1, wave.name, text, MergeRequestState.OPEN, f"http://forge/{text}", "0" * 40
    )
    found = gates(text)
    turned = (*found[number % len(found) :], *found[: number % len(found)])
    return WaveStatus(ChangeSet(wave, files, 0, "d" * 64), WaveState.WAITING, request, turned)  # type: ignore[arg-type] # all are gates
