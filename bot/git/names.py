"""Which file names in a repository are accepted; applies to everything that is read."""

import unicodedata
from functools import lru_cache

from bot.git.errors import RepositoryRefusedError

_GIT_FOLDERS = {".git", "git~1"}
_NOT_UTF8 = "the name is not UTF-8"
_REMEMBERED = 255


def checked_name(raw: bytes, folder: str) -> str:
    """The name of an entry in `folder` (which ends with `/`, or is empty).

    Git rejects these names on checkout (core.protectHFS, core.protectNTFS); nothing is checked out
    here, so the check is repeated.

    Raises:
        RepositoryRefusedError: the name is not UTF-8, contains a slash or a control character, or
            denotes a parent folder or Git's own folder on some file system.
    """
    fault = _fault(raw) if len(raw) <= _REMEMBERED else _fault.__wrapped__(raw)
    if fault:
        shown = raw if fault is _NOT_UTF8 else raw.decode()
        raise RepositoryRefusedError(f"{folder}{shown!r}: {fault}")
    return raw.decode()


@lru_cache(maxsize=65_536)
def _fault(raw: bytes) -> str:
    """What is wrong with a name; remembered, since the folders of a fleet have the same names."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    if not name or name in {".", ".."} or "/" in name:
        return "not a valid file name"
    if any(unicodedata.category(character) == "Cc" for character in name):
        return "the name contains a control character"
    if _as_file_systems_see(name) in _GIT_FOLDERS:
        return "the name denotes Git's own folder"
    return ""


def folded(name: str) -> str:
    """Equal for names that are the same on a case- or normalisation-insensitive file system."""
    return unicodedata.normalize("NFC", name).casefold()


def _as_file_systems_see(name: str) -> str:
    """HFS+ ignores format characters; NTFS ends a name at a colon and drops trailing dots."""
    visible = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return visible.partition(":")[0].rstrip(" .").casefold()
