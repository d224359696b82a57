"""Which file names in a repository are accepted; applies to everything that is read."""

import unicodedata

from bot.git.errors import RepositoryRefusedError

_GIT_FOLDERS = {".git", "git~1"}


def checked_name(raw: bytes, folder: str) -> str:
    """The name of an entry in `folder` (which ends with `/`, or is empty).

    Git rejects these names on checkout (core.protectHFS, core.protectNTFS); nothing is checked out
    here, so the check is repeated.

    Raises:
        RepositoryRefusedError: the name is not UTF-8, contains a slash or a control character, or
            denotes a parent folder or Git's own folder on some file system.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise RepositoryRefusedError(f"{folder}{raw!r}: the name is not UTF-8") from error
    if not name or name in {".", ".."} or "/" in name:
        raise RepositoryRefusedError(f"{folder}{name!r}: not a valid file name")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise RepositoryRefusedError(f"{folder}{name!r}: the name contains a control character")
    if _as_file_systems_see(name) in _GIT_FOLDERS:
        raise RepositoryRefusedError(f"{folder}{name!r}: the name denotes Git's own folder")
    return name


def folded(name: str) -> str:
    """Equal for names that are the same on a case- or normalisation-insensitive file system."""
    return unicodedata.normalize("NFC", name).casefold()


def _as_file_systems_see(name: str) -> str:
    """HFS+ ignores format characters; NTFS ends a name at a colon and drops trailing dots."""
    visible = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return visible.partition(":")[0].rstrip(" .").casefold()
