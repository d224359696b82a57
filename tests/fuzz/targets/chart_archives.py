"""Archives of charts, compressed or not: unpacked in memory, within one folder."""

import gzip
import io
import tarfile
from collections.abc import Iterator

from bot.charts.archive import unpack
from bot.charts.errors import ChartError
from tests.fuzz import Target

BLOCK = 512


def check(data: bytes) -> None:
    """ChartError, or files whose paths stay in their folder."""
    for content in (data, gzip.compress(data, 1, mtime=0)):
        try:
            files = unpack(content)
        except ChartError as error:
            assert len(str(error)) < len(data) * 6 + 500
            continue
        for path in files:
            assert path
            assert not {"", ".", ".."} & set(path.split("/"))
            assert "\\" not in path


def seeds() -> Iterator[bytes]:
    """Each kind of entry, in both formats of long names."""
    for kind in (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE):
        for name in ("web/Chart.yaml", f"web/{'a' * 150}"):
            for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
                yield _tar(tarfile.TarInfo(name), kind, form)
    yield gzip.compress(_tar(tarfile.TarInfo("web/a"), tarfile.REGTYPE, tarfile.PAX_FORMAT))


def _tar(entry: tarfile.TarInfo, kind: bytes, form: int) -> bytes:
    entry.type, entry.linkname = kind, "target"
    entry.size = 3 if kind == tarfile.REGTYPE else 0
    entry.pax_headers = {"GNU.sparse.size": "99"} if form == tarfile.PAX_FORMAT else {}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        archive.addfile(entry, io.BytesIO(b"a: "))
    return made.getvalue()[: BLOCK * 7]


WORDS = (b"../", b"/", b"web/", b"ustar\x0000", b"ustar  \0", b"GNU.sparse.map=0,0", b"0000644\0")
TARGET = Target(check, seeds, WORDS, share=0.5)
