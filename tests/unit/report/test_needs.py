"""What waits for a person: once for all waves, the one whose turn it is first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.report.model import GateView, NeedView, PendingUnitView, RolloutView, WaveView
from bot.report.needs import REPAIR, concerns, needs_of
from planners.gating.evaluate import WaveState
from tests.fakes.pages import NOON, rollout

APPROVAL = GateView("AwaitsApproval canary", "waits for 1 approval", "rita approves", NOON, True)
NAMED = replace(APPROVAL, who=("rita",))
ORDER = GateView("AwaitsStep canary", "waits for canary", "automatically", NOON)
BROKEN = replace(ORDER, person=True)
CANCELLED = GateView("Cancelled", "cancelled", "by a new revision", NOON)


def view(*gates: tuple[GateView, ...], **values: object) -> RolloutView:
    """A rollout whose waves wait for these gates."""
    made = rollout(["one"], steps=len(gates))
    waves = tuple(replace(wave, gates=own) for wave, own in zip(made.waves, gates, strict=True))
    return replace(made, waves=waves, **values)  # type: ignore[arg-type]


CASES = {
    "nothing waits for time and reports alone": (view((ORDER,), ()), []),
    "the turn of a person": (view((APPROVAL,)), [(("s0.1",), True)]),
    "later, after another wave": (view((APPROVAL, ORDER)), [(("s0.1",), False)]),
    "once for two waves, the due one first": (
        view((APPROVAL, ORDER), (APPROVAL,)), [(("s1.1", "s0.1"), True)]
    ),
    "what is due comes first": (
        view((APPROVAL, ORDER), (NAMED,)), [(("s1.1",), True), (("s0.1",), False)]
    ),
    "nobody is needed for what is cancelled": (view((APPROVAL, CANCELLED)), []),
    "a mistake in documents": (view((APPROVAL,), problems=("a.yaml:1: x",)), [((), True)]),
    "late clusters stop the next wave": (view((), (BROKEN,)), [(("s1.1",), True)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_waits_for_people(case: str) -> None:
    made, expected = CASES[case]
    assert [(each.waves, each.due) for each in needs_of(made)] == expected


def test_a_failure_is_told_once_and_not_for_each_wave_behind_it() -> None:
    began = NOON - timedelta(minutes=3)
    made = view((), (ORDER,), holds=True, stopped_since=began)
    pending = (PendingUnitView("web@one", "is stalled"),)
    failing: WaveView = replace(made.waves[0], state=WaveState.SETTLING, failing=1, pending=pending)
    failed = replace(made, waves=(failing, made.waves[1]))
    (need,) = needs_of(failed)
    assert need.waves == ("s0.1",)
    assert (need.reason, need.since) == ("one: is stalled", began)
    assert need.remedy == REPAIR
    (need,) = needs_of(replace(failed, can_roll_back=True))
    assert need.remedy == f"{REPAIR}, or this one is rolled back"


@pytest.mark.parametrize(
    ("who", "login", "mine"),
    [
        ((), "rita", True),
        (("rita",), "Rita", True),
        (("tom",), "rita", False),
        (("tom", "shop/reviewers"), "rita", True),
    ],
)
def test_whom_it_concerns(who: tuple[str, ...], login: str, *, mine: bool) -> None:
    need = NeedView((), "waits", "by people", NOON, due=True, who=who)
    assert concerns(need, login) is mine
