"""Git packs: stores many new objects at once, and repacks. Used by `Mirror`."""

import os
import shutil
import time
import zlib
from collections.abc import Collection
from hashlib import sha1
from pathlib import Path

from pygit2.enums import ObjectType

from bot.child_process import MIB, Limits, ProgramError, run
from bot.git.errors import GitError

LIMITS = Limits(seconds=120, memory=2048 * MIB, output=MIB, file=4096 * MIB)
LOOSE_IN_A_FOLDER = 27
"""Of 256 folders: about 6,700, as `gc.auto` of git has it."""
_LOW_BITS, _MORE = 0x7F, 0x80


def store_pack(folder: Path, objects: Collection[tuple[ObjectType, bytes]]) -> None:
    """Store objects in the repository as one pack, checked by `git index-pack --strict`.

    Without `--strict` Git accepts trees with entries `.git` or `..`. Equal objects give the same
    pack with the same name, so that a repetition adds nothing.

    Raises:
        GitError: git is missing or rejects an object.
    """
    run_git(folder, "index-pack", "--strict", "--stdin", stdin=_pack(objects))


def is_fragmented(folder: Path, limit: int) -> bool:
    """Whether there are more than `limit` packs, or as many loose objects as `git gc` allows."""
    packs = sum(name.endswith(".pack") for name in _names(folder / "objects/pack"))
    return packs > limit or len(_names(folder / "objects/17")) > LOOSE_IN_A_FOLDER


def _names(folder: Path) -> list[str]:
    """The names in a folder, which need not be there."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - a path for each name takes four times as long
    except FileNotFoundError:
        return []


def repack(folder: Path, unreachable_seconds: int) -> None:
    """Repack, and delete what no branch has reached for so long.

    Git collects unreachable objects in a cruft pack and counts from the time of the file that they
    were in before (git documentation, git-repack: `--cruft-expiration`; gitformat-pack: "Cruft
    packs"). All other files are touched first, so that it is the time of the repack that finds an
    object unreachable: a pass may still read it, or push it in a moment. The limit goes to git as a
    point in time: git reads "-1.seconds.ago" as one second ago.
    """
    for file in (*folder.glob("objects/pack/*.pack"), *folder.glob("objects/??/*")):
        if not file.with_suffix(".mtimes").exists():
            os.utime(file)
    expiration = f"@{int(time.time()) - unreachable_seconds} +0000"
    run_git(folder, "repack", "--cruft", f"--cruft-expiration={expiration}", "-d", "-q")


def run_git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    """Run git on a bare repository, without system or user configuration and credentials.

    Raises:
        GitError: git is missing, takes too long, or fails (with its error output).
    """
    program = shutil.which("git")
    if program is None:
        raise GitError("git is not installed (not found on PATH)")
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    command = (program, f"--git-dir={folder}", *arguments)
    try:
        done = run(command, folder=folder, environment=environment, limits=LIMITS, stdin=stdin)
    except ProgramError as error:
        raise GitError(f"{arguments[0]}: {error}") from error
    if done.status != 0:
        raise GitError(f"git {arguments[0]} failed: {done.message}")


def _pack(objects: Collection[tuple[ObjectType, bytes]]) -> bytes:
    """A version 2 pack without deltas (git documentation, gitformat-pack).

    Trees are stored as they are: they consist of ids, which compression hardly makes shorter.
    """
    parts = [b"PACK", (2).to_bytes(4), len(objects).to_bytes(4)]
    for kind, raw in objects:
        level = 0 if kind is ObjectType.TREE else 1
        parts += [_object_header(kind, len(raw)), zlib.compress(raw, level)]
    body = b"".join(parts)
    return body + sha1(body, usedforsecurity=False).digest()


def _object_header(kind: ObjectType, size: int) -> bytes:
    """Type and size: four bits of the size in the first byte, then seven in each further byte."""
    header = bytearray()
    byte, size = kind << 4 | size & 0x0F, size >> 4
    while size:
        header.append(byte | _MORE)
        byte, size = size & _LOW_BITS, size >> 7
    header.append(byte)
    return bytes(header)
