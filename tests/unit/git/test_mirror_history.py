import random
from datetime import UTC, datetime

import pytest

from bot.git import GitError, Mirrors, RepositoryRefusedError
from tests.fakes.githttp import git
from tests.unit.git.world import CREDENTIALS, REPO, World


def merge(world: World, branch: str) -> str:
    """Merge a branch into main as a forge does; the merge commit."""
    main, other = world.at("main"), world.at(branch)
    tree = git(world.remote, "merge-tree", "--write-tree", main, other)
    sha = git(world.remote, "commit-tree", "-p", main, "-p", other, "-m", "Merge", tree)
    git(world.remote, "update-ref", "refs/heads/main", sha)
    return sha


def test_a_commit_as_a_value(world: World) -> None:
    message = "Roll out\n\nBody: not a trailer\n\nSwitchyard-Wave: one\nFixes: a: b\n"
    first = world.add({"a": b"1"})
    sha = world.add({"a": b"2"}, message=message)
    world.fetch()
    info = world.mirror.commit_info(sha)
    assert (info.sha, info.parents) == (sha, (first,))
    assert info.tree == git(world.remote, "rev-parse", f"{sha}^{{tree}}")
    assert (info.author_name, info.author_email) == ("Ada", "ada@example.com")
    assert info.at == datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC)
    assert info.message == message
    assert info.trailers == {"Switchyard-Wave": "one", "Fixes": "a: b"}


def test_a_subject_is_not_a_trailer(world: World) -> None:
    sha = world.add({"a": b"1"}, message="Switchyard-Wave: forged")
    world.fetch()
    assert world.mirror.commit_info(sha).trailers == {}


def odd_commit(world: World, author: bytes, message: bytes, *, head: bytes = b"") -> str:
    tree = git(world.remote, "rev-parse", "main^{tree}").encode()
    raw = b"tree %s\n%sauthor %s\ncommitter %s\n\n%s" % (tree, head, author, author, message)
    sha = world.store("commit", raw)
    git(world.remote, "update-ref", "refs/heads/odd", sha)
    return sha


def test_text_that_is_not_utf8_gets_replacement_characters(world: World) -> None:
    world.add({"a": b"1"})
    sha = odd_commit(world, b"J\xf6rg <j\xf6rg@example.com> 1 +0000", b"caf\xe9\n\nKey: \xff\n")
    world.fetch()
    info = world.mirror.commit_info(sha)
    assert (info.author_name, info.message) == ("J\ufffdrg", "caf\ufffd\n\nKey: \ufffd\n")
    assert info.trailers == {"Key": "\ufffd"}


def test_a_timestamp_out_of_range_is_rejected(world: World) -> None:
    world.add({"a": b"1"})
    sha = odd_commit(world, b"A <a@b> 99999999999999 +0000", b"x")
    world.fetch()
    with pytest.raises(RepositoryRefusedError, match="timestamp out of range"):
        world.mirror.commit_info(sha)


@pytest.mark.parametrize("name", ["1" * 40, "main", "", "HEAD", "not hex" * 6, "refs/heads/main"])
def test_only_full_ids_of_commits_name_one(world: World, name: str) -> None:
    sha = world.add({"a": b"1"})
    world.fetch()
    tree = world.mirror.commit_info(sha).tree
    for other in (name, tree, sha[:12], sha.upper()):
        assert not world.mirror.contains(sha, other)
        assert not world.mirror.contains(other, sha)
        with pytest.raises(GitError, match="not a commit of this mirror"):
            world.mirror.commit_info(other)


def test_contains_follows_every_parent(world: World) -> None:
    first = world.add({"a": b"1"})
    git(world.remote, "branch", "side", "main")
    side = world.add({"b": b"1"}, branch="side")
    main = world.add({"a": b"2"})
    world.fetch()
    assert not world.mirror.contains(main, side)
    merged = merge(world, "side")
    world.fetch()
    contained = [world.mirror.contains(merged, sha) for sha in (first, side, main, merged)]
    assert contained == [True] * 4
    assert not world.mirror.contains(first, main)


def test_authors_include_committers_and_co_authors(world: World) -> None:
    first = world.add({"a": b"1"}, email="old@example.com")
    git(world.remote, "branch", "side", "main")
    world.add(
        {"b": b"1"},
        branch="side",
        email="Side@Example.com",
        message="Pair\n\nText.\n\nCo-authored-by: Grace <GRACE@example.com>\nOther: <x@y>",
    )
    second = world.add({"a": b"2"}, email="two@example.com")
    merged = merge(world, "side")
    world.fetch()

    def authors(tip: str, known: tuple[str, ...]) -> frozenset[str]:
        return world.mirror.new_commits(tip, known, 100).addresses

    assert authors(merged, (second,)) == {
        "side@example.com",
        "grace@example.com",
        "ada@example.com",
    }
    everybody = authors(merged, (second,)) | {"two@example.com", "old@example.com"}
    assert authors(merged, (first, second)) == everybody - {"old@example.com"}
    assert authors(merged, ()) == authors(merged, ("1" * 40,)) == everybody
    assert authors(merged, (merged,)) == {"ada@example.com"}

    found = world.mirror.new_commits(merged, (second,), 2)
    assert set(found.parents) == {merged, found.parents[merged][1]}
    assert (found.complete, world.mirror.new_commits(merged, (), 2).complete) == (True, False)


def test_the_last_change_of_folders_and_files(world: World) -> None:
    first = world.add({"c/a/web/x": b"1", "c/b/web/x": b"1", "s/a.yaml": b"1", "other": b"1"})
    second = world.add({"c/a/web/x": b"2"})
    third = world.add({"s/a.yaml": b"2"})
    tip = world.add({"other": b"2"})
    world.fetch()
    found = world.mirror.last_changes(
        tip,
        {
            "a": ("c/a/web",),
            "a with sync": ("c/a/web", "s/a.yaml"),
            "b": ("c/b/web", "s/b.yaml"),
            "all": ("c",),
        },
    )
    assert {key: info.sha for key, info in found.items()} == {
        "a": second,
        "a with sync": third,
        "b": first,
        "all": second,
    }


def test_a_merge_shows_the_changes_of_its_branch(world: World) -> None:
    world.add({"c/a": b"1", "c/b": b"1"})
    git(world.remote, "branch", "side", "main")
    world.add({"c/a": b"2"}, branch="side")
    other = world.add({"c/b": b"2"})
    merged = merge(world, "side")
    world.fetch()
    found = world.mirror.last_changes(merged, {"a": ("c/a",), "b": ("c/b",)})
    assert {key: info.sha for key, info in found.items()} == {"a": merged, "b": other}


def test_a_deletion_is_a_change(world: World) -> None:
    world.add({"c/a": b"1", "z": b"1"})
    gone = world.add({"c/a": None})
    tip = world.add({"z": b"2"})
    world.fetch()
    assert world.mirror.last_changes(tip, {"a": ("c/a",)})["a"].sha == gone


def test_beyond_the_limit_the_oldest_inspected_commit_is_returned(world: World) -> None:
    world.add({"a": b"1"})
    second = world.add({"b": b"1"})
    tip = world.add({"b": b"2"})
    world.fetch()
    assert world.mirror.last_changes(tip, {"a": ("a",)}, limit=2)["a"].sha == second


def slow_last_change(world: World, tip: str, paths: tuple[str, ...]) -> str:
    """What git log says: the newest first-parent commit that differs there from its parent."""
    line = git(world.remote, "log", "-1", "-m", "--first-parent", "--format=%H", tip, "--", *paths)
    return line or git(world.remote, "rev-list", "--first-parent", tip).split()[-1]


@pytest.mark.parametrize("seed", range(4))
def test_cached_results_equal_git_log(world: World, seed: int) -> None:
    chance = random.Random(seed)
    folders = {f"{a}{b}": (f"c/{a}/{b}", f"s/{a}/{b}.yaml") for a in "abc" for b in ("web", "db")}
    world.add({"readme": b""})
    for number in range(12):
        key = chance.choice(sorted(folders))
        path = chance.choice([f"{folders[key][0]}/x", folders[key][1], "readme"])
        tip = world.add({path: chance.choice([b"%d" % number, b"%d" % number, None])})
        if chance.random() < 0.4:
            world.fetch()
            asked = {each: folders[each] for each in chance.sample(sorted(folders), 4)}
            found = world.mirror.last_changes(tip, asked)
            for each, paths in asked.items():
                assert found[each].sha == slow_last_change(world, tip, paths)


def test_only_new_commits_are_inspected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        world.add({f"c/{number}/x": b"1"})
    world.fetch()
    folders = {number: (f"c/{number}",) for number in range(20)}
    world.mirror.last_changes(world.at("main"), folders)
    tip = world.add({"c/3/x": b"2"})
    world.fetch()
    read = count_reads(monkeypatch)
    assert world.mirror.last_changes(tip, folders)[3].sha == tip
    assert len(read) <= 4
    read.clear()
    world.mirror.last_changes(tip, folders)
    assert read == []


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    from bot.git.objects import Objects  # noqa: PLC0415 - watched here alone

    read: list[bytes] = []
    listing = Objects.listing

    def watched(self: Objects, oid: bytes) -> object:
        read.append(oid)
        return listing(self, oid)

    monkeypatch.setattr(Objects, "listing", watched)
    return read


def test_a_rewritten_branch_is_walked_again(world: World) -> None:
    world.add({"a": b"1"})
    world.fetch()
    world.mirror.last_changes(world.at("main"), {"a": ("a",)})
    git(world.remote, "update-ref", "-d", "refs/heads/main")
    new = world.add({"a": b"other"})
    world.fetch()
    assert world.mirror.last_changes(new, {"a": ("a",)})["a"].sha == new


def test_results_do_not_depend_on_earlier_queries(world: World) -> None:
    world.add({"a": b"1", "b": b"1"})
    tip = world.add({"b": b"2"})
    world.fetch()
    folders = {"a": ("a",), "b": ("b",), "none": ("none",)}
    world.mirror.last_changes(tip, {"b": ("b",)})
    fresh = Mirrors(world.mirror._folder.parent / "fresh").of(REPO)
    fresh.fetch(world.url, CREDENTIALS)
    assert world.mirror.last_changes(tip, folders) == fresh.last_changes(tip, folders)
