"""Names in repositories, paths in deploy repos, and trees as Git stores them."""

from collections.abc import Iterator

from bot.git.errors import RepositoryRefusedError
from bot.git.names import checked_name, folded
from bot.git.objects import format_tree, parse_tree
from renderers.layout import object_file
from renderers.tree import UnsafePathError, safe_join
from tests.fuzz import Target, text

OID = b"\x12" * 20


def check(data: bytes) -> None:
    """A path that is accepted stays below its folder and is portable."""
    try:
        name = checked_name(data, "a/")
    except RepositoryRefusedError:
        name = ""
    if name:
        assert "/" not in name
        assert name not in {".", ".."}
        assert "\n" not in name
        assert not folded(name).startswith(".git\0")
        assert folded(name) not in {".git", "git~1"}
    _check_path(text(data))
    _check_tree(data)


def _check_path(path: str) -> None:
    try:
        joined = safe_join("clusters", *path.split("/"))
    except UnsafePathError as error:
        assert len(repr(path)) + 200 > len(str(error))
    else:
        assert joined.isascii()
        assert joined == joined.lower()
        assert all(part and not part.startswith((".", "-")) for part in joined.split("/"))
        assert ".." not in joined
    kind, _, name = path.partition(" ")
    try:
        file = object_file({"kind": kind, "metadata": {"name": name, "namespace": kind}}, "shop")
    except UnsafePathError:
        return
    assert "/" not in file
    assert file.endswith(".yaml")


def _check_tree(data: bytes) -> None:
    try:
        listing = parse_tree(data)
    except ValueError:
        return
    assert parse_tree(format_tree(listing)) == listing


def seeds() -> Iterator[bytes]:
    """Names that a file system reads as Git's own folder, and trees that hold them."""
    for name in (
        *(b"web", b".git", b".GIT", b"git~1", b"..", b".git ", b".git::$INDEX", b"a\nb", b"\xff"),
        *(b".g\xe2\x80\x8bit", b"a/b/c", b"-x", b"Deployment web", b"Role a:b", b"apps/v1 x"),
    ):
        yield name
        yield b"100644 " + name + b"\0" + OID + b"40000 a\0" + OID


WORDS = (b".git", b"git~1", b"..", b"100644 ", b"40000 ", b"160000 ", b"120000 ", b"\0" + OID, b":")
TARGET = Target(check, seeds, WORDS, share=2)
