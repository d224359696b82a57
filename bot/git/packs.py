"""Packs: many new objects stored at once, and many small packs made one. Used by `Mirror`."""

import os
import shutil
import subprocess
import zlib
from collections.abc import Collection
from hashlib import sha1
from pathlib import Path

from pygit2.enums import ObjectType

from bot.git.errors import GitError

SECONDS = 120
_LOW_BITS, _MORE = 0x7F, 0x80


def store_pack(folder: Path, objects: Collection[tuple[ObjectType, bytes]]) -> None:
    """Store objects in the repository as one pack, checked by `git index-pack --strict`.

    Without `--strict` Git takes trees that hold `.git` or `..` as they are. The same objects make
    the same pack under the same name, so that doing it again adds nothing.

    Raises:
        GitError: git is missing, or refuses an object.
    """
    run_git(folder, "index-pack", "--strict", "--stdin", stdin=_pack(objects))


def repack_when_many(folder: Path, most: int) -> bool:
    """Make one pack of all when there are more than `most`; nothing unreachable is dropped."""
    if sum(1 for _ in folder.glob("objects/pack/*.pack")) <= most:
        return False
    run_git(folder, "repack", "-a", "-d", "-k", "-q")
    return True


def run_git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    """Run git on a bare repository, without anybody's configuration or credentials.

    Raises:
        GitError: git is missing, takes too long or fails; with its own words.
    """
    program = shutil.which("git")
    if program is None:
        raise GitError("there is no `git` on PATH; install git")
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, an argument list, no shell
            [program, f"--git-dir={folder}", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git {arguments[0]} took more than {SECONDS} s") from error
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise GitError(f"git {arguments[0]} failed: {words}")


def _pack(objects: Collection[tuple[ObjectType, bytes]]) -> bytes:
    """A version 2 pack (git documentation, gitformat-pack), each object whole."""
    parts = [b"PACK", (2).to_bytes(4), len(objects).to_bytes(4)]
    for kind, raw in objects:
        parts += [_object_header(kind, len(raw)), zlib.compress(raw, 1)]
    body = b"".join(parts)
    return body + sha1(body, usedforsecurity=False).digest()


def _object_header(kind: ObjectType, size: int) -> bytes:
    """Type and size: four bits of the size beside the type, then seven in each further byte."""
    header = bytearray()
    byte, size = kind << 4 | size & 0x0F, size >> 4
    while size:
        header.append(byte | _MORE)
        byte, size = size & _LOW_BITS, size >> 7
    header.append(byte)
    return bytes(header)
