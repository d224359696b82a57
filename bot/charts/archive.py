"""Unpacks the archive of a chart into files, within limits and without touching the disk.

Only regular files in one folder are accepted: no links, no devices, no path that leads out.

Sources: Helm documentation, "Charts" (an archive holds one folder, named like the chart);
POSIX.1-2001, pax (types of entries).
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import Self

from bot.charts.errors import ChartError
from renderers.tree import MAX_FILE, MAX_SEGMENTS, MAX_TOTAL, FileTree

MOST_FILES = 5_000
MOST_PACKED = MAX_FILE
LONGEST_PATH = 1_000
MOST_HEADER = 2 * 1024

_HEADERS = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)

_IGNORE = ".helmignore"
"""The archive was made according to it; helm would apply it to a folder once more."""


class _Entry(tarfile.TarInfo):
    """An entry of bounded headers: some releases of Python read long ones in quadratic time.

    Source: CVE-2024-6232.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Refuse a long header before it is read."""
        entry = super().frombuf(buf, encoding, errors)
        if entry.type in _HEADERS and entry.size > MOST_HEADER:
            raise ChartError(f"the archive has a header of more than {MOST_HEADER} bytes")
        return entry


def unpack(content: bytes) -> FileTree:
    """The files of a chart by their paths in its folder.

    Raises:
        ChartError: it is no such archive, or exceeds a limit.
    """
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    total = 0
    try:
        with tarfile.open(
            fileobj=io.BytesIO(_decompressed(content)), mode="r:", tarinfo=_Entry
        ) as archive:
            for member in _regular(archive):
                folder, path = _split(member.name)
                total += member.size
                if total > MAX_TOTAL or len(files) >= MOST_FILES:
                    raise ChartError(
                        f"the archive has more than {MAX_TOTAL} bytes or {MOST_FILES} files"
                    )
                if path in files:
                    raise ChartError(f"the archive has {member.name!r} twice")
                found = archive.extractfile(member)
                files[path] = found.read() if found else b""
                folders.add(folder)
    except (tarfile.TarError, OSError, ValueError, ArithmeticError) as error:
        raise ChartError(f"the archive is no valid tar: {error}") from error
    if len(folders) != 1:
        raise ChartError(f"the archive has {len(folders)} folders, expected one with the chart")
    return {path: each for path, each in files.items() if path != _IGNORE}


def _decompressed(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            found = packed.read(MAX_TOTAL + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ChartError(f"the archive is not compressed by gzip: {error}") from error
    if len(found) > MAX_TOTAL:
        raise ChartError(f"the archive has more than {MAX_TOTAL} bytes once decompressed")
    return found


def _regular(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Its files; folders are not needed, and everything else is refused."""
    for member in archive:
        if member.isdir():
            continue
        if not member.isreg() or member.issparse():
            raise ChartError(f"{member.name!r} is no regular file: links are not accepted")
        if member.size > MAX_FILE:
            raise ChartError(f"{member.name!r} has more than {MAX_FILE} bytes")
        yield member


def _split(name: str) -> tuple[str, str]:
    """The folder of an entry, and the path in it."""
    parts = name.split("/")
    printable = name.isprintable() and "\\" not in name and ":" not in name
    short = len(name) <= LONGEST_PATH and len(parts) <= MAX_SEGMENTS
    if len(parts) < 2 or {"", ".", ".."} & set(parts) or not printable or not short:  # noqa: PLR2004
        raise ChartError(f"{name[:LONGEST_PATH]!r} is not a path within one folder")
    return parts[0], "/".join(parts[1:])
