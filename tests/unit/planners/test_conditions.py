"""Law 16: the digests bind when a wave merges, what a failure does and who lets it through."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents.models import application as application_models
from bot.documents.models import fleet as fleet_models
from bot.engine import discovery
from bot.engine.propose import Proposal, propose
from bot.wording.conditions import conditions as in_words
from planners.gating.change_sets import change_digest
from planners.model import (
    Application,
    ApprovalRule,
    Dependency,
    DependencyCondition,
    DependencyScope,
    Freeze,
    MergeMethod,
    OfflineMode,
    OnFailure,
    Policy,
    ReportAge,
    Role,
    Stage,
    Window,
)
from planners.model.gate_rules import GateAction, GatePhase, GateRule, OnTimeout
from planners.model.gates import AwaitsApproval
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.plan import digest_of
from tests.fakes.builders import NOW, World, application, clusters, component, snapshot

BLOBS = st.none() | st.text("0123456789abcdef", min_size=40, max_size=40)
CANARY = Selector(match_labels={"canary": "true"})
NEEDS = Dependency("redis", on=DependencyScope.QUORUM, quorum=2, soak=timedelta(seconds=30))
RULE = ApprovalRule(Selector(), 2, users=("rita", "ada"), teams=("ops",), code_owners=True)
CHECK = discovery.gates()["commitCheck"].settings(check="smoke")  # type: ignore[call-arg]
GATE = GateRule("smoke", "commitCheck", GatePhase.BEFORE, CHECK, stages=("canary",))
NIGHT = Window("night", Selector(), frozenset({0, 1}), time(22), time(4))
POLICY = Policy(
    "production",
    approvals=(RULE,),
    windows=(NIGHT,),
    report_ages=(ReportAge(Selector(), timedelta(minutes=5)),),
    merge_method=MergeMethod.SQUASH,
)
STAGES = (Stage("canary", CANARY, soak=timedelta(minutes=10)), Stage("rest", max_failures=1))


def start() -> Snapshot:
    app = application(component("redis"), component("web", NEEDS), stages=STAGES)
    app = replace(app, gates=(GATE,))
    found = snapshot(app, clusters(3), (POLICY,))
    return replace(found, tenant=replace(found.tenant, approvers=("tess",), approver_teams=("t",)))


def needing(**fields: object) -> Callable[[Snapshot], Snapshot]:
    def change(before: Snapshot) -> Snapshot:
        redis, web = before.application.components
        found = replace(web, depends_on=(replace(NEEDS, **fields),))  # type: ignore[arg-type]
        return with_application(before, components=(redis, found))

    return change


def staged(**fields: object) -> Callable[[Snapshot], Snapshot]:
    changed = (replace(STAGES[0], **fields), STAGES[1])  # type: ignore[arg-type]
    return lambda before: with_application(before, stages=changed)


def ruled(**fields: object) -> Callable[[Snapshot], Snapshot]:
    return with_policy(approvals=(replace(RULE, **fields),))  # type: ignore[arg-type]


def open_in(**fields: object) -> Callable[[Snapshot], Snapshot]:
    return with_policy(windows=(replace(NIGHT, **fields),))  # type: ignore[arg-type]


def gated(**fields: object) -> Callable[[Snapshot], Snapshot]:
    return lambda before: with_application(before, gates=(replace(GATE, **fields),))  # type: ignore[arg-type]


def with_policy(**fields: object) -> Callable[[Snapshot], Snapshot]:
    return lambda before: replace(before, policies=(replace(POLICY, **fields),))  # type: ignore[arg-type]


def with_application(before: Snapshot, **fields: object) -> Snapshot:
    changed: Application = replace(before.application, **fields)  # type: ignore[arg-type]
    return replace(before, application=changed)


def tenant(**fields: object) -> Callable[[Snapshot], Snapshot]:
    return lambda before: replace(before, tenant=replace(before.tenant, **fields))  # type: ignore[arg-type]


def without_dependency(before: Snapshot) -> Snapshot:
    redis, web = before.application.components
    return with_application(before, components=(redis, replace(web, depends_on=())))


def in_berlin(before: Snapshot) -> Snapshot:
    moved = tuple(replace(each, timezone="Europe/Berlin") for each in before.clusters)
    return replace(before, clusters=moved)


CHANGES = {
    "DependencyPart.application": needing(application="other", on=DependencyScope.ANY_CLUSTER),
    "DependencyPart.when": needing(when=DependencyCondition.APPLIED),
    "DependencyPart.on": needing(on=DependencyScope.ANY_CLUSTER),
    "DependencyPart.quorum": needing(quorum=1),
    "DependencyPart.soak": needing(soak=timedelta(seconds=1)),
    "DependencyPart.timeout": needing(timeout=timedelta(minutes=1)),
    "DependencyPart.on_failure": needing(on_failure=OnFailure.CONTINUE),
    "DependencyPart.component": without_dependency,
    "StagePart.soak": staged(soak=timedelta()),
    "StagePart.max_failures": staged(max_failures=1),
    "StagePart.max_failures as a percentage": staged(max_failures_percent=100),
    "RolloutPart.offline": lambda before: with_application(before, offline=OfflineMode.CATCH_UP),
    "RolloutPart.on_failure": lambda before: with_application(
        before, on_failure=OnFailure.ROLLBACK
    ),
    "ApprovalPart.count": ruled(count=1),
    "ApprovalPart.author_may_approve": ruled(author_may_approve=True),
    "ApprovalPart.users": ruled(users=("rita", "ada", "mallory")),
    "ApprovalPart.teams": ruled(teams=()),
    "ApprovalPart.role": ruled(role=Role.READ),
    "ApprovalPart.code_owners": ruled(code_owners=False),
    "ApprovalPart.clusters": ruled(clusters=CANARY),
    "PolicySpec.approvals": with_policy(approvals=()),
    "WindowPart.name": open_in(name="evening"),
    "WindowPart.days": open_in(days=frozenset({0, 1, 2})),
    "WindowPart.begin": open_in(start=time(21)),
    "WindowPart.until": open_in(end=time(5)),
    "WindowPart.clusters": open_in(clusters=CANARY),
    "PolicySpec.windows": with_policy(windows=()),
    "ReportsPart.max_age": with_policy(report_ages=(ReportAge(Selector(), timedelta(hours=1)),)),
    "ReportsPart.clusters": with_policy(report_ages=(ReportAge(CANARY, timedelta(minutes=5)),)),
    "PolicySpec.merge_method": with_policy(merge_method=None),
    "TenantSpec.approvers": tenant(approvers=("mallory",)),
    "TenantSpec.approver_teams": tenant(approver_teams=()),
    "ClusterSpec.timezone": in_berlin,
    "GatePart.name": gated(name="other"),
    "GatePart.phase": gated(phase=GatePhase.AFTER),
    "GatePart.actions": gated(actions=(GateAction.UPDATE,)),
    "GatePart.stages": gated(stages=()),
    "GatePart.timeout": gated(timeout=timedelta(hours=2)),
    "GatePart.on_timeout": gated(on_timeout=OnTimeout.FAIL),
    "GatePart.kind_commitCheck": gated(settings=replace(CHECK, check="other")),
    "GatePart.kind_webhook": gated(kind="webhook"),
    "PolicyGatePart.clusters": gated(clusters=CANARY),
    "RolloutPart.gates": lambda before: with_application(before, gates=()),
    "PolicySpec.gates": with_policy(gates=(replace(GATE, policy="production"),)),
}
ELSEWHERE = {
    "StagePart.name": "is in the names of the waves",
    "StagePart.clusters": "decides which units the waves have",
    "StagePart.max_at_once": "decides which units the waves have",
    "StagePart.by": "decides which units the waves have",
    "RolloutPart.stages": "its fields are told one by one",
    "PolicySpec.reports": "its fields are told",
    "PolicySpec.freezes": "a freeze only stops what is approved",
    "PolicySpec.gate_servers": "decides whether there is a plan, and a result",
    "PolicySpec.notify": "tells people of what happens",
    "PolicySpec.queries": "decides whether there is a plan, and what rules see",
    "PolicySpec.facts": "decides about placement",
    "PolicySpec.watched_clusters": "decides how status arrives",
    "PolicySpec.direct_clusters": "decides whether the fleet is valid",
    "PolicySpec.plaintext_secrets": "decides whether there is a plan",
    "PolicySpec.signed_objects": "decides whether there is a plan",
    "PolicySpec.charts": "decides whether there is a plan",
    "PolicySpec.failover": "decides about placement",
    "PolicySpec.automatic": "is told of the rules that caused a wave, in test_rule_changes.py",
}
PARTS = (
    application_models.DependencyPart,
    application_models.StagePart,
    application_models.RolloutPart,
    fleet_models.ApprovalPart,
    fleet_models.WindowPart,
    fleet_models.ReportsPart,
    fleet_models.PolicySpec,
)


def digests(proposal: Proposal) -> list[str]:
    return [each.digest for each in proposal.changes]


def test_every_field_that_could_be_a_condition_is_in_a_table() -> None:
    told = {name.partition(" ")[0] for name in CHANGES} | ELSEWHERE.keys()

    assert {f"{part.__name__}.{name}" for part in PARTS for name in part.model_fields} <= told


@pytest.mark.parametrize("name", CHANGES)
def test_another_condition_changes_the_digests_and_is_told(name: str) -> None:
    before = propose(start())
    after = propose(CHANGES[name](start()))

    assert (before.problems, after.problems) == ((), ())
    assert after.digest != before.digest
    assert set(digests(after)) != set(digests(before))
    assert in_words(after.conditions) != in_words(before.conditions)


def test_a_freeze_and_the_order_of_policies_files_and_time_change_no_digest() -> None:
    plain = start()
    freeze = Freeze("party", Selector(), NOW, NOW + timedelta(days=1), "new year")
    frozen = replace(plain, policies=(replace(POLICY, freezes=(freeze,)),))
    later = replace(plain, now=NOW + timedelta(days=3))
    other = Policy("test", approvals=(ApprovalRule(Selector(names=("elsewhere",)), 9),))
    more = replace(plain, policies=(POLICY, other))

    for same in (frozen, later, more):
        assert propose(same).digest == propose(plain).digest
        assert digests(propose(same)) == digests(propose(plain))


def test_a_condition_of_one_wave_leaves_the_approvals_of_the_others() -> None:
    before, after = propose(start()), propose(needing(soak=timedelta())(start()))
    moved = [
        change.wave.name
        for change, other in zip(before.changes, after.changes, strict=True)
        if change.digest != other.digest
    ]

    assert moved == ["canary.2", "rest.2"]


def test_a_later_stage_is_no_condition_of_an_earlier_wave() -> None:
    braver = (STAGES[0], replace(STAGES[1], max_failures=2))
    before = propose(start())
    after = propose(with_application(start(), stages=braver))

    moved = [a.wave.name for a, b in zip(before.changes, after.changes, strict=True) if a != b]
    assert all(name.startswith("rest") for name in moved)
    assert moved


def test_an_approval_falls_when_the_brakes_are_loosened() -> None:
    world = World(replace(start(), policies=(), tenant=snapshot().tenant))
    rule = ApprovalRule(Selector(), 1, users=("rita",), role=Role.NONE)
    world.snapshot = replace(world.snapshot, policies=(Policy("p", approvals=(rule,)),))
    world.settle()
    for request in world.snapshot.merge_requests:
        world.approve(request.number)
    held = {
        each.change.wave.name: each.gates
        for each in propose(world.snapshot).evaluation.wave_statuses
    }
    assert not any(isinstance(gate, AwaitsApproval) for gate in held["rest.2"])

    world.snapshot = staged(soak=timedelta())(world.snapshot)
    world.settle()
    (status,) = [
        each
        for each in propose(world.snapshot).evaluation.wave_statuses
        if each.change.wave.name == "rest.2"
    ]
    (gate,) = [each for each in status.gates if isinstance(each, AwaitsApproval)]
    assert gate.stale == ("rita",)


def test_a_branch_of_a_version_without_conditions_is_recognised() -> None:
    files = [("clusters/c1/web.yaml", None, "b" * 40)]
    known = digest_of({"wave": "all.1", "files": [list(each) for each in files]})

    assert change_digest("all.1", files, "") == known
    assert change_digest("all.1", files, "c" * 64) != known


@given(
    st.text(),
    st.dictionaries(st.text(), st.tuples(BLOBS, BLOBS)),
    st.text("0123456789abcdef", min_size=1),
)
def test_the_digest_is_that_of_canonical_json(
    wave: str, changed: dict[str, tuple[str | None, str | None]], conditions: str
) -> None:
    files = [(path, old, new) for path, (old, new) in changed.items()]
    listed = [list(each) for each in sorted(files, key=lambda each: each[0])]
    told = {"wave": wave, "files": listed, "conditions": conditions}
    assert change_digest(wave, files, conditions) == digest_of(told)
