"""Which names in a repository are followed: the rule for everything that is read."""

import unicodedata

from bot.git.errors import RepositoryRefusedError

_GIT_FOLDERS = {".git", "git~1"}


def checked_name(raw: bytes, folder: str) -> str:
    """The name of an entry in `folder` (which ends with `/`, or is empty).

    Git itself refuses these names on checkout (core.protectHFS, core.protectNTFS); nothing is
    checked out here, so the rule is ours.

    Raises:
        RepositoryRefusedError: it is not UTF-8, holds a slash or a control character, or stands for
            a parent folder or Git's own folder on some file system.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise RepositoryRefusedError(f"{folder}{raw!r}: the name is not UTF-8") from error
    if not name or name in {".", ".."} or "/" in name:
        raise RepositoryRefusedError(f"{folder}{name!r}: the name is not that of a file")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise RepositoryRefusedError(f"{folder}{name!r}: the name holds a control character")
    if _as_file_systems_see(name) in _GIT_FOLDERS:
        raise RepositoryRefusedError(f"{folder}{name!r}: the name stands for Git's own folder")
    return name


def folded(name: str) -> str:
    """Equal for names that a file system blind to case, or to composition, takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _as_file_systems_see(name: str) -> str:
    """HFS+ skips format characters; NTFS ends a name at a colon and drops dots and blanks there."""
    visible = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return visible.partition(":")[0].rstrip(" .").casefold()
