"""Whose approvals count: accounts are compared, and where one is unknown nobody's counts."""

from dataclasses import replace

import pytest

from planners.model import ApprovalRule, Policy, Role, UnattributedCommit
from planners.model.gates import AwaitsApproval, Gate, UnknownAuthors, UnknownOwners
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from tests.fakes.builders import World, snapshot

UNKNOWN = UnattributedCommit("a" * 40, "nobody is known to have pushed it", "when it is known")


def asked(world: World) -> tuple[Gate, ...]:
    """The gates of the first wave that are about approvals."""
    status = world.pass_once().evaluation.wave_statuses[0]
    kinds = AwaitsApproval | UnknownAuthors | UnknownOwners
    return tuple(each for each in status.gates if isinstance(each, kinds))


def approved(rule: ApprovalRule, **fields: object) -> World:
    """A world whose first wave rita approved."""
    world = World(snapshot(policies=(Policy("p", approvals=(rule,)),)))
    world.pass_once()
    world.pass_once()
    world.approve(world.snapshot.merge_requests[0].number)
    world.snapshot = replace(world.snapshot, **fields)  # type: ignore[arg-type]
    return world


ONE = ApprovalRule(Selector(), 1, role=Role.NONE)


def test_an_author_is_told_by_the_account_alone() -> None:
    assert asked(approved(ONE, authors=frozenset({"local:ada", "github:rita", "rita"}))) == ()
    (gate,) = asked(approved(ONE, authors=frozenset({"local:rita"})))
    assert isinstance(gate, AwaitsApproval)
    assert gate.excluded == ("rita",)


def test_while_an_author_is_unknown_no_approval_counts() -> None:
    world = approved(ONE, unattributed=(UNKNOWN,))
    (gate,) = asked(world)
    assert isinstance(gate, UnknownAuthors)
    assert gate.commits == (UNKNOWN,)
    assert gate.until > world.snapshot.now
    world.settle()
    assert world.merged == []


@pytest.mark.parametrize("authors", [frozenset[str](), frozenset({"local:rita"})])
def test_where_authors_may_approve_it_does_not_matter_who_they_are(authors: frozenset[str]) -> None:
    rule = replace(ONE, author_may_approve=True)

    assert asked(approved(rule, authors=authors, unattributed=(UNKNOWN,))) == ()


def test_no_gate_where_no_approval_is_required() -> None:
    world = World(replace(snapshot(), unattributed=(UNKNOWN,)))
    world.pass_once()

    assert asked(world) == ()


def test_unknown_owners_are_a_gate_where_a_rule_asks_for_them() -> None:
    def with_owners(rule: ApprovalRule) -> Snapshot:
        world = approved(rule)
        (first, *others) = world.snapshot.merge_requests
        first = replace(first, unknown_owners="too long")
        return replace(world.snapshot, merge_requests=(first, *others))

    assert asked(World(with_owners(ONE))) == ()
    assert asked(World(with_owners(replace(ONE, code_owners=True)))) == (UnknownOwners("too long"),)
