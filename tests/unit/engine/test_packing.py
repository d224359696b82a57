"""Drafts come out of the planner process as they went in."""

from collections.abc import Sequence
from dataclasses import replace

from bot.engine.packing import pack, unpack
from bot.engine.propose import Draft, draft
from planners.inputs import planning_input
from planners.model import Cluster
from planners.model.snapshot import ResourceClaim
from planners.placement.trace import PlacementDecision
from renderers.tree import blob_id
from tests.fakes.builders import snapshot

PLANNED = planning_input(snapshot(fleet=tuple(Cluster(f"c{n}", "flux", {}) for n in range(20))))


def sent(drafted: Draft) -> Draft:
    return unpack(PLANNED, pack(PLANNED, drafted))


def test_a_draft_arrives_as_it_was() -> None:
    drafted = draft(PLANNED)
    arrived = sent(drafted)
    assert len(drafted.plan.trace) == 60
    assert arrived == drafted
    assert list(arrived.files) == list(drafted.files)
    assert arrived.plan.units == drafted.plan.units
    assert list(map(list, arrived.files.values())) == list(map(list, drafted.files.values()))


def test_the_input_is_not_sent_back() -> None:
    large = replace(PLANNED, sources={**PLANNED.sources, "unused": {"a": b"x" * 1_000_000}})
    assert len(pack(large, draft(large))) < 100_000


def test_clusters_are_not_sent_back() -> None:
    drafted = draft(PLANNED)
    assert b"c19" in pack(PLANNED, drafted)
    described = replace(PLANNED.clusters[0], labels={"text": "x" * 1_000_000})
    planned = replace(PLANNED, clusters=(described, *PLANNED.clusters[1:]))
    data = pack(planned, draft(planned))
    assert len(data) < 100_000
    assert unpack(planned, data) == draft(planned)


def test_contents_are_found_by_blob_id() -> None:
    arrived = sent(draft(PLANNED)).contents
    assert arrived.filled
    assert all(blob_id(arrived[blob]) == blob for blob in arrived)
    assert arrived.get("0" * 40) is None


def test_problems_arrive() -> None:
    drafted = draft(replace(PLANNED, clusters=()))
    assert drafted.problems
    assert sent(drafted) == drafted


def test_decisions_are_sent_where_steps_cannot_be() -> None:
    class OfOthers(tuple[PlacementDecision, ...]):
        """A class that cannot be found by its name, as in a filter of others."""

        __slots__ = ()

    drafted = draft(PLANNED)
    trace: Sequence[PlacementDecision] = OfOthers(drafted.plan.trace)
    arrived = sent(replace(drafted, plan=replace(drafted.plan, trace=trace)))
    assert type(arrived.plan.trace) is tuple
    assert arrived == drafted


def test_claims_are_not_sent_back() -> None:
    names = [f"c{n % 20}" for n in range(2_000)]
    claims = tuple(ResourceClaim("store", "web", (e,), {"cpu": 1}, PLANNED.now) for e in names)
    planned = replace(PLANNED, claims=claims)
    drafted = draft(planned)
    data = pack(planned, drafted)
    assert b"ResourceClaim" not in data
    assert unpack(planned, data) == drafted
