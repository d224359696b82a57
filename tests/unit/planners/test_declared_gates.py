"""What an answer means for a wave, by its state and its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from planners.gating.declared_gates import _closed, names
from planners.model import Policy
from planners.model.fleet import policy_gates
from planners.model.gate_rules import (
    GateAnswer,
    GatePhase,
    GateRule,
    GateSettings,
    GateState,
    OnTimeout,
)
from planners.model.gates import next_check
from tests.fakes.builders import NOW, snapshot

RULE = GateRule("smoke", "webhook", GatePhase.AFTER, GateSettings(), timeout=timedelta(minutes=30))
RUNNING, PASSED, FAILED = GateState.RUNNING, GateState.PASSED, GateState.FAILED
HOLD, FAIL = OnTimeout.HOLD, OnTimeout.FAIL
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "since", "on_timeout", "now", "expected"),
    [
        (RUNNING, 0, HOLD, 29, (RUNNING, False)),
        (RUNNING, 0, HOLD, 30, (RUNNING, True)),
        (RUNNING, 0, FAIL, 29, (RUNNING, False)),
        (RUNNING, 0, FAIL, 30, (FAILED, True)),
        (PASSED, 29, FAIL, 90, None),
        (PASSED, 30, FAIL, 90, (FAILED, True)),
        (PASSED, 30, HOLD, 90, None),
        (FAILED, 10, HOLD, 11, (FAILED, False)),
        (FAILED, 40, FAIL, 41, (FAILED, False)),
    ],
)
def test_a_result_counts_until_the_timeout_and_later_where_it_holds(
    state: GateState,
    since: int,
    on_timeout: OnTimeout,
    now: int,
    expected: tuple[GateState, bool] | None,
) -> None:
    answer = GateAnswer(state, NOW, NOW + since * MINUTE)
    known = replace(snapshot(), now=NOW + now * MINUTE)

    gate = _closed(replace(RULE, on_timeout=on_timeout), "all.1", answer, known)

    assert (None if gate is None else (gate.state, gate.overdue)) == expected


def test_it_is_looked_at_again_when_it_is_asked_again_and_at_its_timeout() -> None:
    answer = GateAnswer(RUNNING, NOW, NOW, again=NOW + 10 * MINUTE)
    for minute, again in ((0, 10), (10, 30), (29, 30)):
        gate = _closed(RULE, "all.1", answer, replace(snapshot(), now=NOW + minute * MINUTE))
        assert gate is not None
        assert next_check(gate) == NOW + again * MINUTE


@pytest.mark.parametrize(
    ("tenants", "held"), [((), True), (("shop", "b2b"), True), (("b2b",), False)]
)
def test_a_gate_of_a_policy_holds_the_waves_of_its_tenants(
    tenants: tuple[str, ...], *, held: bool
) -> None:
    """Which other tenants it holds is no condition of this one's waves, and changes no digest."""
    policy = Policy("platform", gates=(replace(RULE, policy="platform", tenants=tenants),))
    known = snapshot(policies=(policy,))

    assert names(known) == (["smoke"] if held else [])
    assert [each.tenants for each in policy_gates(known.policies, known.tenant.name)] == [()] * held
