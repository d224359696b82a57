from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.git import GitError, Mirrors, NewCommit, RepositoryRefusedError, Signature
from bot.git.objects import Entry, format_tree, in_order, parse_tree
from renderers.tree import UnsafePathError, blob_id
from tests.fakes.githttp import git
from tests.unit.git.world import BOT, CREDENTIALS, NOON, REPO, World, entry

BASE = {"a/b/one": b"1", "a/b/two": b"2", "a/c/three": b"3", "top": b"t"}


@pytest.fixture
def based(world: World) -> World:
    world.add(BASE)
    world.fetch()
    return world


def commit(world: World, changes: dict[str, bytes | None], parent: str = "", **more: object) -> str:
    given_ = {"message": "Say why", "author": BOT, "at": NOON} | more
    return world.mirror.commit(parent or world.at("main"), changes, **given_)  # type: ignore[arg-type]


def test_files_are_written_changed_and_deleted(based: World) -> None:
    changes = {"a/b/one": b"new", "a/b/two": None, "a/d/e/four": b"4", "top": None}
    sha = commit(based, changes)
    assert based.mirror.files(sha) == {"a/b/one": b"new", "a/c/three": b"3", "a/d/e/four": b"4"}


def test_the_commit_has_the_given_metadata(based: World) -> None:
    sha = commit(based, {"top": b"x"}, message="Roll out shop\n\nWhy.\n\nKey: value")
    info = based.mirror.commit_info(sha)
    assert info.parents == (based.at("main"),)
    assert (info.author_name, info.author_email) == (BOT.name, BOT.email)
    assert (info.committer_email, info.at) == (BOT.email, NOON)
    assert info.message == "Roll out shop\n\nWhy.\n\nKey: value\n"
    assert info.trailers == {"Key": "value"}


def test_mirrors_may_be_in_a_relative_folder(
    based: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git runs in the folder of the mirror, which it is also told."""
    monkeypatch.chdir(tmp_path)
    mirror = Mirrors(Path("here")).of(REPO)
    mirror.fetch(based.url, CREDENTIALS)

    changes = {f"many/{number}": b"%d" % number for number in range(300)}
    sha = mirror.commit(based.at("main"), changes, message="Many", author=BOT, at=NOON)

    assert mirror.files(sha) == {**BASE, **changes}


@pytest.mark.usefixtures("far_time_zone")
def test_the_same_arguments_give_the_same_commit_wherever_it_is_made(based: World) -> None:
    changes: dict[str, bytes | None] = {"x": b"1", "a/b/one": None, "y/z": b"2"}
    first = commit(based, changes)
    assert first == commit(based, dict(reversed(changes.items())))
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert first == commit(based, changes, at=there)
    assert first != commit(based, changes, at=datetime.fromtimestamp(0, NOON.tzinfo))


def test_git_itself_makes_the_same_tree(based: World) -> None:
    changes = {"a-b": b"1", "a/b/one": b"2", "a.b": b"3", "a0": b"4", "a/b-c/x": b"5"}
    sha = commit(based, dict(changes))
    theirs = based.add(changes)
    based.fetch()
    assert based.mirror.commit_info(sha).tree == based.mirror.commit_info(theirs).tree


def test_equal_changes_of_equal_folders_are_those_of_each_folder(based: World) -> None:
    """Folders are written once for all clusters that have them alike, and no others."""
    alike = {f"fleet/{cluster}/app/{file}": b"1" for cluster in "abc" for file in ("x", "y")}
    based.add({**alike, "fleet/c/app/y": b"2"})
    based.fetch()
    changed = {f"fleet/{cluster}/app/x": b"new" for cluster in "abc"} | {"fleet/b/app/z": b"3"}
    sha = commit(based, dict(changed))
    assert based.mirror.files(sha, "fleet") == {
        **{path.removeprefix("fleet/"): content for path, content in alike.items()},
        "c/app/y": b"2",
        **{path.removeprefix("fleet/"): content for path, content in changed.items()},
    }


def test_commits_that_are_written_together_are_those_of_each_alone(based: World) -> None:
    changes: list[dict[str, bytes | None]] = [
        {"a/b/one": b"new", "d/b/one": b"new"},
        {"a/b/one": b"new"},
        {"a/b/one": None, "a/b/two": None, "a/c/three": None},
    ]
    new = [NewCommit(based.at("main"), each, "Say why", BOT, NOON) for each in changes]
    together = based.mirror.commits(new)
    assert together == [commit(based, each) for each in changes]
    assert based.mirror.files(together[1]) == BASE | {"a/b/one": b"new"}
    assert based.mirror.files(together[2]) == {"top": b"t"}


def test_empty_folders_are_removed(based: World) -> None:
    sha = commit(based, {"a/b/one": None, "a/b/two": None, "a/c/three": None})
    assert based.mirror.entries(sha) == {"top": blob_id(b"t")}
    assert based.mirror.files(commit(based, {"top": None}, sha)) == {}


def test_deleting_a_missing_file_changes_nothing(based: World) -> None:
    sha = commit(based, {"no/such/file": None, "top/below": None, "a": None})
    assert based.mirror.files(sha) == BASE


def test_a_file_becomes_a_folder_and_back(based: World) -> None:
    sha = commit(based, {"top": None, "top/below": b"b"})
    assert based.mirror.files(sha, "top") == {"below": b"b"}
    back = commit(based, {"top/below": None, "top": b"t"}, sha)
    assert based.mirror.files(back) == BASE


def test_a_file_that_becomes_a_folder_moves_behind_names_that_go_on(based: World) -> None:
    """Git sorts the name of a folder as if it ended with a slash."""
    beside = commit(based, {"top.d": b"d"})
    sha = commit(based, {"top": None, "top/below": b"b"}, beside)
    assert list(based.mirror.files(sha)) == [
        "a/b/one",
        "a/b/two",
        "a/c/three",
        "top.d",
        "top/below",
    ]
    assert git(based.mirror._folder, "fsck", "--strict", "--no-dangling", sha) == ""


def test_a_file_and_a_folder_cannot_share_a_path(based: World) -> None:
    with pytest.raises(GitError, match="top is a file"):
        commit(based, {"top/below": b"b"})
    with pytest.raises(GitError, match="a/b is a folder"):
        commit(based, {"a/b": b"b"})
    with pytest.raises(GitError, match="x is a folder"):
        commit(based, {"x": b"1", "x/y": b"2"})


@pytest.mark.parametrize(
    "path",
    ["", "/abs", "a//b", "../x", "a/../b", ".git/config", ".GIT/x", "a/.gitmodules", "A/b", "a\nb"],
)
def test_paths_that_must_not_be_written(based: World, path: str) -> None:
    for content in (b"x", None):
        with pytest.raises(UnsafePathError):
            commit(based, {path: content})


def test_an_unsafe_name_in_a_changed_folder_is_rejected(world: World) -> None:
    blob = world.store("blob", b"x")
    world.add_tree(entry("100644", b".git", blob) + entry("100644", b"a", blob))
    world.fetch()
    with pytest.raises(RepositoryRefusedError, match="Git's own folder"):
        commit(world, {"a": b"new"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": " \n"},
        {"message": "a\0b"},
        {"author": Signature("A\nB", "a@b")},
        {"author": Signature("A", "a> 0 +0000\ncommitter x <a@b")},
    ],
)
def test_invalid_commit_metadata_is_rejected(based: World, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"commit message|signature"):
        commit(based, {"a/x": b"1"}, **wrong)


def test_an_unknown_parent_is_an_error(based: World) -> None:
    for parent in ("1" * 40, "main", based.at("main")[:8], blob_id(b"t")):
        with pytest.raises(GitError, match="not a commit of this mirror"):
            commit(based, {"x": b"1"}, parent)


def test_many_changes_make_one_pack_and_doing_it_again_none(based: World) -> None:
    folder = based.mirror._folder
    changes = {f"c{number}/x": b"%d" % number * (number % 40) for number in range(300)}
    sha = commit(based, dict(changes))
    packs = set(folder.glob("objects/pack/*.pack"))
    assert len(packs) == 2
    assert commit(based, dict(changes)) == sha
    assert set(folder.glob("objects/pack/*.pack")) == packs
    assert based.mirror.files(sha) == BASE | changes
    assert git(folder, "fsck", "--strict", "--no-dangling", sha) == ""


def test_objects_of_every_size_survive_the_pack(based: World) -> None:
    sizes = [0, 1, 15, 16, 17, 2047, 2048, 2049, 262143, 262144, 262145]
    large = {f"size/{size}": b"x" * size for size in sizes}
    sha = commit(based, large | {f"f/{number}": b"%d" % number for number in range(200)})
    assert based.mirror.files(sha, "size") == {str(size): b"x" * size for size in sizes}


@given(
    st.dictionaries(
        st.binary(min_size=1, max_size=9).filter(lambda name: not set(name) & set(b"/\0")),
        st.tuples(st.sampled_from([0o100644, 0o40000]), st.binary(min_size=20, max_size=20)),
    )
)
def test_trees_are_read_as_they_are_written(listing: dict[bytes, tuple[int, bytes]]) -> None:
    entries = {name: Entry(*pair) for name, pair in listing.items()}
    assert parse_tree(format_tree(in_order(entries))) == entries
