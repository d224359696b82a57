"""Effects of commands on a rollout: cancellations and pauses."""

from dataclasses import replace

import pytest

from bot.engine.propose import propose
from bot.wording.headline import headline
from planners.gating.effects import CloseMergeRequest, SetOrderStatus
from planners.gating.evaluate import WaveState
from planners.model import OnFailure, Readiness, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.gates import Cancelled, PausedByCommand
from planners.model.overrides import Cancellation, Overrides, Pause
from planners.model.snapshot import PreviousDeployment
from tests.fakes.builders import NOW, World, application, component, snapshot

GIVEN_UP = Cancellation("a" * 40, "rita", "1.4.3 comes")


def world(on_failure: OnFailure = OnFailure.HOLD) -> World:
    app = application(component("redis"), component("web", "redis"))
    return World(snapshot(replace(app, on_failure=on_failure)))


def steer(made: World, **told: object) -> None:
    made.snapshot = replace(made.snapshot, overrides=Overrides(**told))  # type: ignore[arg-type]


def test_a_cancellation_marks_and_closes_merge_requests_and_keeps_merged_waves() -> None:
    made = world()
    made.settle()
    assert made.merged == ["all.1"]
    steer(made, cancelled=GIVEN_UP)

    proposal = propose(made.snapshot)

    told, closed = proposal.evaluation.effects
    assert isinstance(told, SetOrderStatus)
    assert told.gates == (Cancelled("rita", "1.4.3 comes"),)
    assert isinstance(closed, CloseMergeRequest)
    assert told.number == closed.number
    assert [each.state for each in proposal.evaluation.wave_statuses] == [
        WaveState.SETTLING,
        WaveState.CANCELLED,
    ]
    assert str(headline(proposal, preview=False)) == (
        "cancelled by rita: 1.4.3 comes; 1 of 2 waves merged, which stay as they are; "
        "continues with a new revision"
    )
    made.settle()
    made.report_all()
    made.settle()
    assert made.merged == ["all.1"]


def test_a_cancellation_does_not_affect_another_revision() -> None:
    made = world()
    steer(made, cancelled=replace(GIVEN_UP, revision="b" * 40))

    made.finish()

    assert made.merged == ["all.1", "all.2"]


def test_a_cancelled_revision_is_rolled_back_only_by_command() -> None:
    made = world(OnFailure.ROLLBACK)
    before = PreviousDeployment(made.snapshot.base.revision, FleetFiles(), {})
    made.settle()
    made.report(Unit("redis", "c1"), Readiness.STALLED, "broken")
    made.snapshot = replace(made.snapshot, previous=before)
    assert propose(made.snapshot).plan.restores is not None

    steer(made, cancelled=GIVEN_UP)
    assert propose(made.snapshot).plan.restores is None
    steer(made, cancelled=GIVEN_UP, reverted="a" * 40)
    back = propose(made.snapshot)
    assert back.plan.restores is not None
    assert not any(
        isinstance(gate, Cancelled) for each in back.evaluation.wave_statuses for gate in each.gates
    )


@pytest.mark.parametrize(
    ("target", "waits"),
    [("tenant/shop", True), ("cluster/c2", True), ("tenant/bank", False), ("cluster/c9", False)],
)
def test_a_pause_gates_its_target(target: str, *, waits: bool) -> None:
    made = world()
    steer(made, pauses=(Pause(target, "otto", "the network is being moved", NOW),))

    made.settle()

    wave_status = propose(made.snapshot).evaluation.wave_statuses[0]
    gate = PausedByCommand("otto", "the network is being moved", target)
    assert (gate in wave_status.gates) is waits
    assert made.merged == ([] if waits else ["all.1"])
