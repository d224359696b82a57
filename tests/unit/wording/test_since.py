"""What a comment remembers of the plan it showed, and what it says when the plan is another."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording import comment as words
from bot.wording.markdown import units
from bot.wording.prose import say
from bot.wording.since import (
    MOST,
    Memory,
    PlanSummary,
    Relation,
    decode,
    encode,
    remember,
    since,
    summarize,
)
from tests.fakes.builders import clusters
from tests.fakes.comments import MARKER, assert_dead, home, world
from tests.fakes.comments import read as parsed
from tests.fakes.examples import examples
from tests.fakes.hostile import SECRET, Size, everywhere
from tests.fakes.states import remembered, updated
from tests.unit.wording.test_hostile_comment import HOSTILE, UNPAIRED

GIST = PlanSummary(
    *("d" * 12, "r" * 12, "f" * 12, "o" * 12, "t" * 12),
    changes=(say("1 cluster: {}", "image 1 -> 2"),),
    conditions=(say("after stage {}: no cluster may fail", "canary"), say("reports count for 15m")),
    sites={"web": 1},
)
PLACED = replace(GIST, placed={"web": ("one",)})


def compared(before: PlanSummary, now: PlanSummary) -> tuple[str, ...]:
    known = remember(None, before, preview=True)
    memory = remember(known, replace(now, digest="e" * 12), preview=True)
    return tuple(str(each) for each in memory.differences)


def test_what_is_remembered_is_read_again() -> None:
    summary = replace(PLACED, restores="b" * 12)
    memory = Memory(summary, True, Relation.CHANGED, "c" * 12, (say("fleet {}", "a -> b"),))

    assert decode(encode(memory)) == memory


@pytest.mark.parametrize("text", ["", "x", "eJyLVsrLL0pVslJKzs9TqgUAHb4EtQ==", "eJxLTAQAAm0BKg=="])
def test_what_nobody_wrote_so_is_nothing(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize("count", [1, 200, 5_000])
def test_what_is_remembered_is_bounded(count: int) -> None:
    names = tuple(f"site-{number * 7919 % 100_003:x}" for number in range(count))
    gist = replace(GIST, sites={"web": count}, placed={"web": names})
    found = decode(encode(Memory(gist, True)))

    assert len(encode(Memory(gist, True))) <= MOST
    assert found is not None
    assert found.summary.sites == {"web": count}
    assert found.summary.placed == (gist.placed if count < 5_000 else {})


def test_a_plan_that_stays_keeps_what_was_told_of_it() -> None:
    first = remember(None, GIST, preview=True)
    second = remember(first, replace(PLACED, digest="e" * 12), preview=True)

    assert second.relation is Relation.CHANGED
    assert remember(second, replace(PLACED, digest="e" * 12), preview=True) == second


def test_the_merge_compares_with_what_was_previewed() -> None:
    known = remember(None, GIST, preview=True)
    same = remember(known, GIST, preview=False)
    other = remember(known, replace(GIST, digest="e" * 12), preview=False)

    assert (same.relation, same.differences) == (Relation.AS_PREVIEWED, ())
    assert other.relation is Relation.NOT_AS_PREVIEWED
    assert remember(same, GIST, preview=False) == same


def test_what_moved_is_told_with_its_reason() -> None:
    more = replace(PLACED, fleet="g" * 12, sites={"web": 2}, placed={"web": ("one", "two")})
    assert compared(PLACED, more) == (f"fleet {'f' * 12} -> {'g' * 12}", "web: + two")

    less = replace(more, placed={"web": ("three", "two")}, order="p" * 12)
    assert compared(more, less) == (
        (
            "same revision and fleet; reported cluster facts or the resources that other "
            "applications use changed"
        ),
        "web: + three; - one",
        "the waves or their order changed",
    )


def test_conditions_that_changed_are_told() -> None:
    fewer = replace(GIST, revision="q" * 12, terms="u" * 12, conditions=GIST.conditions[1:])
    moved = f"revision {'r' * 12} -> {'q' * 12}"

    assert compared(GIST, fewer) == (
        moved,
        "condition dropped: after stage canary: no cluster may fail",
    )
    assert compared(replace(GIST, conditions=()), fewer) == (moved, "the conditions changed")


def test_a_rollback_is_said_and_compared_by_what_it_changes() -> None:
    back = replace(PLACED, restores="b" * 12, order="p" * 12, terms="u" * 12, conditions=())
    undone = replace(back, changes=(say("1 cluster: {}", "image 2 -> 1"),), sites={}, placed={})

    assert compared(PLACED, undone) == (
        (
            f"this is a rollback: it restores commit {'b' * 12} of the deploy repo, and what is "
            "left of the earlier plan is not merged"
        ),
        "web: - one",
        "new: 1 cluster: image 2 -> 1",
    )
    assert compared(back, undone)[0] == (
        "same revision and fleet; what is merged or the conditions of merges changed"
    )


def test_of_large_fleets_numbers_are_compared() -> None:
    before, now = (replace(GIST, revision=str(n), sites={"web": n}) for n in (900, 901))

    assert compared(before, now) == ("revision 900 -> 901", "web: 900 -> 901 clusters")


def test_another_image_is_told_in_words() -> None:
    start = updated(world(stages=()).installed())
    known = remembered(start)
    proposal = updated(start, "1.5.1").proposal()
    now = remember(known, summarize(proposal, start.diffs(proposal)), preview=True)

    differences = [str(each) for each in now.differences]
    assert "dropped: 3 clusters (c1, c2, c3): image 1.4.2 -> 1.5.0 (2 times)" in differences
    assert "new: 3 clusters (c1, c2, c3): image 1.4.2 -> 1.5.1 (2 times)" in differences


def test_what_stays_the_same_on_its_clusters_is_not_told_when_another_cluster_joins() -> None:
    start = updated(world(stages=()).installed())
    known = remembered(start)
    proposal = start.change(clusters=clusters(4)).proposal()
    now = remember(known, summarize(proposal, start.diffs(proposal)), preview=True)

    assert [str(each) for each in now.differences][1:] == [
        "redis, web: + c4",
        "new: 1 cluster (c4): 2 objects created",
    ]


@pytest.mark.parametrize("text", [*HOSTILE, *UNPAIRED])
def test_what_strangers_wrote_stays_text(text: str) -> None:
    proposal, diffs = everywhere(text, "harmless" if text in UNPAIRED else text)
    gist = replace(summarize(proposal, diffs), digest="c" * 12, changes=(), sites={}, placed={})
    memory = remember(remember(None, gist, preview=True), summarize(proposal, diffs), preview=True)
    again = decode(encode(memory))
    assert again is not None
    said = since(again, proposal)

    assert_dead(parsed(said))
    assert SECRET not in said
    assert "new: " in said


@given(st.text(max_size=60), st.integers(1, 60), st.integers(words.SMALLEST, 20_000))
@examples(15)
def test_a_comment_with_a_memory_keeps_its_limit(text: str, clusters: int, limit: int) -> None:
    proposal, diffs = everywhere(text, text, Size(clusters=clusters, kinds=clusters))
    gist = summarize(proposal, diffs)
    before = replace(gist, digest="c" * 12, changes=(say("{}", "x" * 200),) * 5, placed={})
    memory = remember(remember(None, before, preview=True), gist, preview=False)
    marker = f"{MARKER[:-4]}{encode(memory)} -->"
    about = replace(home(preview=False, limit=limit), marker=marker, memory=memory)

    assert units(words.comment(about, proposal, diffs)) <= limit
