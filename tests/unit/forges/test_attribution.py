"""Who has a hand in commits, by what a forge tells of pushes and merge requests."""

import pytest

from bot.forges import MAX_COMMIT_RANGE, CommitRange
from bot.forges._attribution import (
    NO_PUSH,
    MergedRequest,
    Push,
    attribute,
    between,
    checked_range,
)

REPO, FORK = "shop/storefront", "otto/storefront"
ADA, OTTO, RITA = 1, 2, 3
ZERO = "0" * 40
LINE = {"c3": ("c2",), "c2": ("c1",), "c1": ("old",)}


def commits(parents: dict[str, tuple[str, ...]]) -> CommitRange:
    return CommitRange("main", next(iter(parents)), parents)


def push(account: int | None, before: str, after: str, branch: str = "main") -> Push:
    return Push(account, REPO, branch, before, after)


@pytest.mark.parametrize(
    ("pushes", "accounts"),
    [
        ([push(ADA, "old", "c3")], {ADA}),
        ([push(ADA, "old", "c1"), push(OTTO, "c1", "c3")], {ADA, OTTO}),
        ([push(ADA, ZERO, "c3", "shop"), push(OTTO, "old", "c3")], {ADA, OTTO}),
        # Whoever makes a branch of what others pushed before has no hand in it.
        ([push(ADA, "old", "c3"), push(RITA, ZERO, "c3", "mine")], {ADA}),
        ([push(ADA, "old", "c3"), push(RITA, "other", "c3", "mine")], {ADA}),
        # Whoever pushed it first has, on whatever branch.
        ([push(ADA, ZERO, "c2", "scratch"), push(OTTO, "old", "c3")], {ADA, OTTO}),
        ([push(ADA, ZERO, "c2", "x"), push(ADA, "c2", ZERO, "x"), push(OTTO, "old", "c3")],
         {ADA, OTTO}),
    ],
)  # fmt: skip
def test_whoever_pushed_a_commit_first_or_to_the_default_branch(
    pushes: list[Push], accounts: set[int]
) -> None:
    found = attribute(REPO, commits(LINE), pushes, [])

    assert (found.accounts, found.unattributed) == (accounts, ())


def test_a_push_before_the_range_or_to_another_branch_alone_tells_nothing() -> None:
    found = attribute(REPO, commits(LINE), [push(RITA, "older", "old"), push(ADA, "c1", "c3")], [])

    assert found.accounts == {ADA}
    assert [(each.sha, each.reason) for each in found.unattributed] == [("c1", NO_PUSH)]


def test_the_first_push_of_a_commit_must_be_somebodys() -> None:
    pushes = [push(None, ZERO, "c3", "shop"), push(OTTO, "old", "c3")]

    found = attribute(REPO, commits(LINE), pushes, [])

    assert {each.sha for each in found.unattributed} == set(LINE)


def test_commits_of_a_merge_request_need_a_push_to_its_branch() -> None:
    graph = {"m": ("old", "s2"), "s2": ("s1",), "s1": ("old",)}
    proposed = {"s2": ("s1",), "s1": ("old",)}
    request = MergedRequest(7, frozenset({OTTO, RITA}), "m", proposed)
    merged = push(RITA, "old", "m")

    alone = attribute(REPO, commits(graph), [merged], [request])
    assert {each.sha for each in alone.unattributed} == {"s1", "s2"}
    assert "merge request 7" in alone.unattributed[0].reason
    elsewhere = Push(ADA, FORK, "main", "old", "s2")
    for side in (push(ADA, ZERO, "s2", "shop"), elsewhere):
        found = attribute(REPO, commits(graph), [side, merged], [request])
        assert (found.accounts, found.unattributed) == ({ADA, OTTO, RITA}, ())


def test_commits_that_were_squashed_away_count_too() -> None:
    squashed = {"s2": ("s1",), "s1": ("old",)}
    request = MergedRequest(7, frozenset({OTTO}), "q", squashed)
    pushes = [
        push(ADA, ZERO, "s1", "shop"),
        push(OTTO, "s1", "s2", "shop"),
        push(OTTO, "old", "q"),
    ]

    found = attribute(REPO, commits({"q": ("old",)}), pushes, [request])

    assert (found.accounts, found.unattributed) == ({ADA, OTTO}, ())


def test_what_is_between_two_commits() -> None:
    graph = {"m": ("a", "b"), "a": ("x",), "b": ("x",), "x": ("old",)}

    assert between(graph, "a", "m") == {"m", "b"}
    assert between(graph, ZERO, "m") == set(graph)
    assert between(graph, "m", "a") == frozenset()
    assert between(graph, "old", "unknown") == frozenset()


def test_a_range_that_is_too_long_is_not_asked_for() -> None:
    too_long = checked_range(CommitRange("main", "c3", LINE, complete=False))

    assert too_long is not None
    assert f"more than {MAX_COMMIT_RANGE}" in too_long.unattributed[0].reason
    assert checked_range(commits(LINE)) is None
