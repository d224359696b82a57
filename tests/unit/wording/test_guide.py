"""The guide "Why a wave waits" lists every gate, in the words that people find in the product."""

import re
from datetime import timedelta
from pathlib import Path
from typing import get_args

from bot.wording.reasons import reason
from planners.model import DependencyCondition, DependencyScope, Role, UnattributedCommit, Unit
from planners.model.addresses import AwaitedAddress, RefusedAddress
from planners.model.gate_rules import GatePhase, GateState, OnTimeout
from planners.model.gates import (
    ApprovalReason,
    AwaitsAddress,
    AwaitsApproval,
    AwaitsDependency,
    AwaitsGate,
    AwaitsReplacement,
    AwaitsRoom,
    AwaitsStep,
    BehindTarget,
    Cancelled,
    ClosedByPerson,
    Conflicts,
    ForeignCommit,
    Frozen,
    Gate,
    HeldByCommand,
    HeldByLabel,
    InvalidPlan,
    NotProposed,
    NotReadyReason,
    OpenedByPerson,
    OutsideWindow,
    PausedByCommand,
    PendingUnit,
    RefusedByForge,
    UnknownAuthors,
    UnknownOwners,
)
from tests.fakes.builders import NOW

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/guides/why-does-it-wait.md"


def dependency(pending: PendingUnit, component: str = "cart", on: str = "redis") -> Gate:
    """A dependency that one unit does not satisfy."""
    ready, here = DependencyCondition.READY, DependencyScope.SAME_CLUSTER
    return AwaitsDependency(component, on, ready, here, (pending,), 1, 0)


def pending(why: NotReadyReason, message: str = "", **fields: object) -> PendingUnit:
    """What redis on eu-1 lacks."""
    return PendingUnit(Unit("redis", "eu-1"), why, message, **fields)  # type: ignore[arg-type]


def approval(rule: str, about: str | None = None, stale: tuple[str, ...] = ()) -> Gate:
    """One approval is missing."""
    why = ApprovalReason(rule, about)
    return AwaitsApproval(1, (), (), why, author_may_approve=False, stale=stale, role=Role.WRITE)


OLDER = "the last report is for the older revision 1f7c2e90"
HELD_BACK = "the last report was sent 40 min after it was observed, or the clock is behind"
CART, PAYMENT = Unit("cart", "eu-2"), "Service shop/payment"
NAMED, PODS = RefusedAddress("a1b2.elb.example.com"), RefusedAddress("10.1.0.9", "eu-1")
OTHER = AwaitedAddress(("eu-1",), "Service shop/mail")
REPORTED = pending(NotReadyReason.PROGRESS)
BEFORE, AFTER = GatePhase.BEFORE, GatePhase.AFTER
RUNNING, FAILED = GateState.RUNNING, GateState.FAILED
HOLD, FAIL = OnTimeout.HOLD, OnTimeout.FAIL
GATES = (
    dependency(REPORTED),
    dependency(pending(NotReadyReason.REPORT)),
    dependency(pending(NotReadyReason.REPORT, OLDER)),
    dependency(pending(NotReadyReason.FRESH_REPORT, "no report since 10:00:00")),
    dependency(pending(NotReadyReason.FRESH_REPORT, HELD_BACK)),
    dependency(pending(NotReadyReason.OFFLINE, "offline since 2026-11-20 12:00")),
    dependency(pending(NotReadyReason.REPAIR, "image not found")),
    dependency(pending(NotReadyReason.SOAK, until=NOW)),
    dependency(pending(NotReadyReason.MERGE, "canary.1")),
    dependency(pending(NotReadyReason.PROGRESS, overdue=True)),
    dependency(pending(NotReadyReason.ABSENT), "nginx", "vault/safe"),
    AwaitsStep("canary", (REPORTED,)),
    AwaitsReplacement((REPORTED,)),
    AwaitsReplacement((PendingUnit(Unit("cart", "eu-1"), NotReadyReason.PRESENT, "shop"),)),
    AwaitsAddress((CART,), (AwaitedAddress(("eu-1",), PAYMENT),)),
    AwaitsAddress((CART,), (AwaitedAddress(("eu-1",), PAYMENT, PODS),)),
    AwaitsAddress((CART,), (AwaitedAddress(("eu-1", "eu-3"), PAYMENT, NAMED), OTHER)),
    approval("clusters with", "canary=true"),
    approval("clusters with", "canary=true", stale=("rita",)),
    approval("it overwrites a change by", "tom"),
    UnknownAuthors((UnattributedCommit("1f7c2e901f7c2e90", "no push", "when told"),), NOW),
    UnknownOwners("CODEOWNERS has 5001 lines, more than 5000"),
    Frozen("sale", NOW, "the sale"),
    OutsideWindow(("eu-1",), NOW + timedelta(hours=1)),
    HeldByLabel("switchyard/hold"),
    HeldByCommand("rita", "latency", "canary.2"),
    PausedByCommand("otto", "an incident", "tenant/shop"),
    Cancelled("otto", "wrong image"),
    ForeignCommit("tom", "1f7c2e901f7c2e90"),
    ClosedByPerson("otto", 7),
    OpenedByPerson("otto", 7),
    RefusedByForge("a check is missing", NOW, 1),
    BehindTarget(),
    BehindTarget("canary.2"),
    Conflicts(),
    NotProposed(),
    NotProposed(is_open=True),
    NotProposed("pre-receive hook declined"),
    AwaitsRoom(("shop !3",)),
    AwaitsRoom(()),
    AwaitsGate("smoke", BEFORE, "canary.1", RUNNING, HOLD, begins="all other gates are open"),
    AwaitsGate("smoke", AFTER, "canary.1", RUNNING, HOLD, message="asked; no result yet"),
    AwaitsGate("smoke", AFTER, "canary.1", FAILED, HOLD, message="5 errors", url="https://x.test"),
    AwaitsGate("smoke", BEFORE, "canary.1", RUNNING, HOLD, message="asked", overdue=True),
    AwaitsGate("smoke", BEFORE, "canary.1", FAILED, FAIL, overdue=True),
    InvalidPlan("web/x.yaml:1:1: web: Service/web: spec requires the field ports"),
)


def test_the_guide_quotes_the_text_of_every_gate() -> None:
    rows = re.findall(r"(?m)^\| (`.*?`) \| ", GUIDE.read_text())
    quotes = [quote for row in rows for quote in re.findall(r"`([^`]+)`", row)]
    patterns = [re.compile(".*".join(map(re.escape, quote.split("...")))) for quote in quotes]
    texts = [str(reason(gate)) for gate in GATES]

    for pattern in patterns:
        assert any(pattern.fullmatch(text) for text in texts), pattern.pattern
    for text in texts:
        assert any(pattern.fullmatch(text) for pattern in patterns), text
    source = (ROOT / "planners/gating/readiness.py").read_text()
    assert "the last report is for the older revision {" in source
    assert "no report since {" in source
    assert "the last report was sent {" in source
    assert {type(gate) for gate in GATES} == set(get_args(Gate))
