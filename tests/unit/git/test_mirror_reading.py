from pathlib import Path

import pytest

from bot.git import Limits, Mirrors, RepositoryRefusedError
from bot.git.objects import parse_tree
from renderers.tree import NOT_FOLLOWED, blob_id, unread
from tests.unit.git.world import CREDENTIALS, REPO, World, entry

FILES = {
    "README.md": b"hi",
    "clusters/a/apps/t/shop/web/x.yaml": b"x",
    "clusters/a/sync/t/shop/web.yaml": b"s",
    "clusters/b/apps/t/shop/web/x.yaml": b"x",
    "clusters/b/apps/t/other/web/x.yaml": b"x",
    "clusters/note": b"n",
}


@pytest.fixture
def filled(world: World) -> str:
    sha = world.add(FILES)
    world.fetch()
    return sha


def test_files_below_a_prefix_by_their_path_there(world: World, filled: str) -> None:
    assert world.mirror.files(filled) == FILES
    below = {"apps/t/shop/web/x.yaml": b"x", "sync/t/shop/web.yaml": b"s"}
    assert world.mirror.files(filled, "clusters/a") == below
    assert world.mirror.files(filled, "/clusters/a/") == below
    assert world.mirror.files(filled, "clusters/c") == {}
    assert world.mirror.files(filled, "clust") == {}


def test_entries_of_many_prefixes_without_the_missing_ones(world: World, filled: str) -> None:
    prefixes = (
        "clusters/a/apps/t/shop",
        "clusters/a/sync/t/shop/web.yaml",
        "clusters/b/apps/t/shop/web",
        "clusters/b/apps/t/shop",
        "clusters/c/apps/t/shop",
        "README.md/below",
        "..",
    )
    assert world.mirror.entries(filled, prefixes) == {
        "clusters/a/apps/t/shop/web/x.yaml": blob_id(b"x"),
        "clusters/a/sync/t/shop/web.yaml": blob_id(b"s"),
        "clusters/b/apps/t/shop/web/x.yaml": blob_id(b"x"),
    }
    assert set(world.mirror.entries(filled)) == set(FILES)
    assert world.mirror.entries(filled, ()) == {}


def test_folders_of_a_folder(world: World, filled: str) -> None:
    assert world.mirror.folders(filled, "clusters") == ("a", "b")
    assert world.mirror.folders(filled, "") == ("clusters",)
    assert world.mirror.folders(filled, "nowhere") == ()
    assert world.mirror.folders(filled, "README.md") == ()


def test_a_blob_by_its_id(world: World, filled: str) -> None:
    assert world.mirror.blob(world.mirror.entries(filled)["README.md"]) == b"hi"


@pytest.mark.parametrize(
    ("mode", "name", "why"),
    [
        ("100644", b".git", "Git's own folder"),
        ("40000", b".GiT", "Git's own folder"),
        ("40000", b"git~1", "Git's own folder"),
        ("40000", b".git. ", "Git's own folder"),
        ("40000", ".g\u200cit".encode(), "Git's own folder"),
        ("40000", b".git::$INDEX_ALLOCATION", "Git's own folder"),
        ("40000", b"..", "not a valid file name"),
        ("100644", b".", "not a valid file name"),
        ("100644", b"a/../../b", "not a valid file name"),
        ("100644", b"a\nb", "control character"),
        ("100644", b"\x7f", "control character"),
        ("100644", "\u0085".encode(), "control character"),
        ("100644", b"\xff\xfe", "not UTF-8"),
        ("107777", b"odd", "odd: special files"),
    ],
)
def test_unsupported_entries_are_rejected_with_their_path(
    world: World, mode: str, name: bytes, why: str
) -> None:
    blob = world.store("blob", b"x")
    oid = world.store("tree", entry("100644", b"f", blob)) if mode == "40000" else blob
    below = world.store("tree", entry(mode, name, oid))
    sha = world.add_tree(entry("40000", b"apps", below))
    world.fetch()
    for read in (world.mirror.files, world.mirror.entries):
        with pytest.raises(RepositoryRefusedError, match=why) as caught:
            read(sha)
        assert "apps/" in str(caught.value)


@pytest.mark.parametrize(("mode", "kind"), [("120000", "symbolic links"), ("160000", "submodules")])
def test_links_and_submodules_stay_unread_where_files_are_read(
    world: World, mode: str, kind: str
) -> None:
    blob = world.store("blob", b"x")
    below = world.store("tree", entry("100644", b"f", blob) + entry(mode, b"odd", blob))
    sha = world.add_tree(entry("40000", b"apps", below))
    world.fetch()

    found = world.mirror.files(sha, "apps")

    assert (dict(found), unread(found)) == ({"f": b"x"}, {"odd": NOT_FOLLOWED})
    with pytest.raises(RepositoryRefusedError, match=f"apps/odd: {kind}"):
        world.mirror.entries(sha)


@pytest.mark.parametrize(("one", "other"), [("A", "a"), ("Straße", "STRASSE"), ("é", "e\u0301")])
def test_names_that_collide_on_some_file_system_are_rejected(
    world: World, one: str, other: str
) -> None:
    sha = world.add({one: b"1", other: b"2"})
    world.fetch()
    with pytest.raises(RepositoryRefusedError, match="only in case"):
        world.mirror.files(sha)


def test_a_tree_that_names_a_file_twice_is_refused(world: World) -> None:
    sha = world.add_tree(entry("100644", b"a", world.store("blob", b"x")) * 2)
    world.fetch()
    with pytest.raises(RepositoryRefusedError, match="malformed: entry b'a' appears twice"):
        world.mirror.entries(sha)


@pytest.mark.parametrize("raw", [b"100644 a", b"100644 a\0short", b"x a\0" + b"1" * 20, b"\0"])
def test_malformed_tree_bytes_are_rejected(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's
        parse_tree(raw)


def test_lfs_pointers_are_not_read(world: World) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    sha = world.add({"big.bin": pointer})
    world.fetch()
    read = world.mirror.files(sha)
    assert read == {}
    assert unread(read) == {"big.bin": "Git LFS is not supported; commit the file itself"}


def test_plain_and_executable_files_are_files(world: World) -> None:
    blob = world.store("blob", b"x")
    modes = {b"a": "100644", b"b": "100755", b"c": "100664"}
    sha = world.add_tree(b"".join(entry(mode, name, blob) for name, mode in modes.items()))
    world.fetch()
    assert world.mirror.files(sha) == {"a": b"x", "b": b"x", "c": b"x"}


def limited(world: World, tmp_path: Path, limits: Limits) -> Mirrors:
    mirrors = Mirrors(tmp_path / "limited", limits=limits)
    mirrors.of(REPO).fetch(world.url, CREDENTIALS)
    return mirrors


def test_limits_name_the_place(world: World, tmp_path: Path) -> None:
    sha = world.add({"a/b/c/d": b"1234", "a/e": b"12345", "f": b"1"})
    cases = {
        "a/b/c/: nested deeper than 2 folders": Limits(depth=2),
        "a/b/c: the path is longer than 4 bytes": Limits(path=4),
        "more than 3 files and folders": Limits(entries=3),
    }
    for number, (why, limits) in enumerate(cases.items()):
        mirror = limited(world, tmp_path / str(number), limits).of(REPO)
        with pytest.raises(RepositoryRefusedError, match=why):
            mirror.files(sha)


def test_files_beyond_a_limit_are_not_read(world: World, tmp_path: Path) -> None:
    sha = world.add({"a/b/c/d": b"1234", "a/e": b"12345", "f": b"1"})
    cases = {
        "the file is larger than 4 bytes": Limits(blob=4),
        "is not read: the files exceed 8 bytes in total": Limits(total=8),
    }
    for number, (why, limits) in enumerate(cases.items()):
        read = limited(world, tmp_path / str(number), limits).of(REPO).files(sha)
        assert read == {"a/b/c/d": b"1234", "f": b"1"}
        assert unread(read) == {"a/e": why}


def test_a_tree_bomb_is_rejected_at_the_limit(world: World) -> None:
    oid = world.store("blob", b"x")
    mode = "100644"
    for _ in range(10):
        oid = world.store("tree", b"".join(entry(mode, b"%d" % n, oid) for n in range(10)))
        mode = "40000"
    sha = world.add_tree(entry("40000", b"bomb", oid))
    world.fetch()
    with pytest.raises(RepositoryRefusedError, match="more than 50000 files and folders"):
        world.mirror.files(sha)


def test_differences_between_two_commits(world: World) -> None:
    old = world.add({"same": b"1", "changed": b"1", "gone/x": b"1", "kind": b"1"})
    new = world.add({"changed": b"2", "gone/x": None, "new/y": b"3", "kind": None, "kind/z": b"4"})
    world.fetch()
    one, two, three, four = (blob_id(b"%d" % number) for number in (1, 2, 3, 4))
    assert set(world.mirror.changed_files(old, new)) == {
        ("changed", one, two),
        ("gone/x", one, None),
        ("kind", one, None),
        ("kind/z", None, four),
        ("new/y", None, three),
    }
    assert world.mirror.changed_files(new, new) == ()


def test_a_change_of_mode_is_a_difference(world: World) -> None:
    blob = world.store("blob", b"/etc/passwd")
    old = world.add_tree(entry("100644", b"a", blob) + entry("100644", b"b", blob), "old")
    new = world.add_tree(entry("120000", b"a", blob) + entry("100755", b"b", blob))
    world.fetch()
    assert set(world.mirror.changed_files(old, new)) == {
        ("a", blob, f"120000:{blob}"),
        ("b", blob, f"100755:{blob}"),
    }
    assert world.mirror.blob(f"120000:{blob}") == b"/etc/passwd"


def test_unsafe_names_are_escaped_in_differences(world: World) -> None:
    blob = world.store("blob", b"x")
    old = world.add({"a": b"1"}, branch="old")
    new = world.add_tree(entry("100644", b"\xff", blob) + entry("100644", b"..", blob))
    world.fetch()
    assert set(world.mirror.changed_files(old, new)) == {
        ("a", blob_id(b"1"), None),
        ("\\xff", None, blob),
        ("..", None, blob),
    }
