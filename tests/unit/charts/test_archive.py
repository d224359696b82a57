"""Archives of charts: one folder of regular files, within limits."""

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest

from bot.charts.archive import MOST_FILES, MOST_HEADER, unpack
from bot.charts.errors import ChartError
from renderers.tree import MAX_FILE, MAX_TOTAL
from tests.fakes.chart_host import ARCHIVE, CHART, packed

GOOD = CHART["web/Chart.yaml"]


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    """An archive with Chart.yaml and one more entry."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        chart = tarfile.TarInfo("web/Chart.yaml")
        chart.size = len(GOOD)
        archive.addfile(chart, io.BytesIO(GOOD))
        other = tarfile.TarInfo(name)
        other.type, other.linkname, other.size = kind, target, size
        archive.addfile(other, io.BytesIO(b"\0" * size))
    return gzip.compress(tar.getvalue(), mtime=0)


def sparse() -> bytes:
    """A file of 1 TiB without content (GNU tar, "Sparse Formats", version 0.1)."""
    other = tarfile.TarInfo("web/large")
    other.pax_headers = {"GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,0"}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(other)
    return gzip.compress(tar.getvalue(), mtime=0)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a path upwards": (lambda: entry("web/../../etc/passwd"), "not a path within one folder"),
    "an absolute path": (lambda: entry("/etc/passwd"), "not a path within one folder"),
    "a path of Windows": (lambda: entry("web\\..\\x"), "not a path within one folder"),
    "a drive of Windows": (lambda: entry("web/C:x"), "not a path within one folder"),
    "a control character": (lambda: entry("web/\x1b[2J"), "not a path within one folder"),
    "a file beside the folder": (lambda: entry("Chart.yaml"), "not a path within one folder"),
    "a second folder": (lambda: entry("other/a"), "has 2 folders"),
    "a path that is too deep": (lambda: entry("a/" * 60 + "b"), "not a path within one folder"),
    "a symbolic link": (lambda: entry("web/a", tarfile.SYMTYPE, "/etc/passwd"), "links are not"),
    "a hard link": (lambda: entry("web/a", tarfile.LNKTYPE, "web/Chart.yaml"), "links are not"),
    "a device": (lambda: entry("web/a", tarfile.CHRTYPE), "is no regular file"),
    "a pipe": (lambda: entry("web/a", tarfile.FIFOTYPE), "is no regular file"),
    "a sparse file": (sparse, "is no regular file"),
    "a long header": (
        lambda: entry("web/a", tarfile.XHDTYPE, size=MOST_HEADER + 1),
        f"a header of more than {MOST_HEADER} bytes",
    ),
    "one path twice": (lambda: entry("web/Chart.yaml"), "has 'web/Chart.yaml' twice"),
    "a bomb": (lambda: gzip.compress(bytes(MAX_TOTAL + 1), 9), "once decompressed"),
    "a large file": (lambda: entry("web/a", size=MAX_FILE + 1), f"more than {MAX_FILE} bytes"),
    "many files": (
        lambda: packed({f"web/{number}": b"" for number in range(MOST_FILES + 1)}),
        f"{MOST_FILES} files",
    ),
    "nothing": (lambda: b"", "no valid tar"),
    "no files": (lambda: packed({}), "has 0 folders"),
    "no gzip": (lambda: b"PK\x03\x04", "not compressed by gzip"),
    "no tar": (lambda: gzip.compress(b"x" * 2000), "no valid tar"),
    "half of it": (lambda: ARCHIVE[: len(ARCHIVE) // 2], "not compressed by gzip"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused(name: str) -> None:
    make, expected = HOSTILE[name]
    with pytest.raises(ChartError) as caught:
        unpack(make())
    assert expected in str(caught.value)


def test_the_files_of_a_chart_are_unpacked() -> None:
    files = {**CHART, "web/charts/db/Chart.yaml": b"name: db", "web/.helmignore": b"*.bak\n"}
    assert unpack(packed(files)) == {
        "Chart.yaml": GOOD,
        "values.yaml": CHART["web/values.yaml"],
        "templates/map.yaml": CHART["web/templates/map.yaml"],
        "charts/db/Chart.yaml": b"name: db",
    }
