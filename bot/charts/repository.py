"""Charts of HTTPS repositories: the index says where the archive of a version is.

Source: Helm documentation, "The Chart Repository Guide" (index file; relative addresses).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.charts.downloads import Downloader, joined
from bot.charts.errors import ChartError
from bot.charts.registry import accepted, basic
from planners.model import Json
from renderers import yaml
from renderers.tree import MAX_FILE


@dataclass(frozen=True, slots=True)
class Repository:
    """A chart repository at an address; `credentials` are `user:password`, or empty.

    These are sent to what is below the address, and to nothing else.
    """

    downloader: Downloader
    address: str
    credentials: str = ""

    async def archive(self, name: str, version: str, digest: str, most: int) -> bytes:
        """The archive of a version; the caller compares it with its digest."""
        index = accepted(
            await self.downloader.get(f"{self.address}/index.yaml", MAX_FILE, self._headers())
        )
        url = joined(f"{self.address}/", archive_url(index.body, name, version, digest))
        headers = self._headers() if url.startswith(f"{self.address}/") else {}
        return accepted(await self.downloader.get(url, most, headers, moves=True)).body

    def _headers(self) -> dict[str, str]:
        return {"authorization": basic(self.credentials)} if self.credentials else {}


def archive_url(index: bytes, name: str, version: str, digest: str) -> str:
    """Where an index says that a chart is, maybe relative to it.

    Raises:
        ChartError: the index is wrong, or has no such chart, or has it with another digest.
    """
    try:
        documents = yaml.load_documents(index)
    except yaml.YamlError as error:
        raise ChartError(f"index.yaml:{error.line}:{error.column}: {error}") from error
    entries = list(_entries(documents[0].value if documents else None, name))
    if not entries:
        raise ChartError(f"the repository has no chart {name!r}")
    found = next((each for each in entries if each.get("version") == version), None)
    if found is None:
        known = ", ".join(str(each.get("version")) for each in entries[:5])
        raise ChartError(f"the repository has no version {version} of {name} (it has {known})")
    stated = found.get("digest")
    if isinstance(stated, str) and stated.removeprefix("sha256:") != digest.partition(":")[2]:
        raise ChartError(
            f"the repository's {name} {version} has the digest sha256:"
            f"{stated.removeprefix('sha256:')}, expected {digest}"
        )
    urls = found.get("urls")
    url = urls[0] if isinstance(urls, list) and urls else None
    if not isinstance(url, str):
        raise ChartError(f"the index gives no address of {name} {version}")
    if url.startswith("oci://"):
        raise ChartError(f"{name} is in a registry: use `chart: {url.rpartition(':')[0]}`")
    return url


def _entries(index: Json, name: str) -> Iterator[dict[str, Json]]:
    entries = index.get("entries") if isinstance(index, dict) else None
    found = entries.get(name) if isinstance(entries, dict) else None
    for each in found if isinstance(found, list) else ():
        if isinstance(each, dict):
            yield each
