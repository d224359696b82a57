"""The charts that documents name by digest: from the disk, or fetched once and kept there."""

import asyncio
import hashlib
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bot.charts.archive import MOST_PACKED, unpack
from bot.charts.downloads import Downloader
from bot.charts.errors import ChartError, ChartUnavailableError
from bot.charts.registry import DOCKER_HUB, Registry, chart_layer
from bot.charts.repository import Repository
from bot.settings import ChartSettings
from planners.model import ChartOrigin, ComponentSource
from renderers import yaml
from renderers.tree import FileTree

SECONDS = 90
MOST_KEPT = 1024 * 1024 * 1024
OCI = "oci://"
METADATA = "Chart.yaml"


@dataclass(frozen=True, slots=True)
class ChartStore:
    """Charts by digest, kept in `folder`; several processes may share it.

    `credentials` are `user:password` by host. `ca_file` has CAs to trust besides the system's.
    At most `most` bytes are kept; fetching a chart may take `seconds`.
    """

    folder: Path
    credentials: Mapping[str, str] = field(default_factory=dict)
    ca_file: Path | None = None
    most: int = MOST_KEPT
    seconds: float = SECONDS

    @classmethod
    def of(cls, settings: ChartSettings, folder: Path) -> "ChartStore":
        """With the credentials and the CAs of the settings."""
        credentials = settings.chart_credentials.items()
        return cls(
            folder,
            {host: each.get_secret_value() for host, each in credentials},
            settings.chart_ca_file,
        )

    def files(self, source: ComponentSource, origin: ChartOrigin) -> FileTree:
        """See `Charts.files`."""
        with ThreadPoolExecutor(1) as own:  # the caller's thread may run an event loop
            archive = own.submit(lambda: asyncio.run(self._archive(source, origin))).result()
        return _checked(source, unpack(archive))

    async def _archive(self, source: ComponentSource, origin: ChartOrigin) -> bytes:
        try:
            async with asyncio.timeout(self.seconds):
                if source.path.startswith(OCI):
                    return await self._from_registry(source, origin)
                return await self._from_repository(source, origin)
        except TimeoutError as error:
            raise ChartUnavailableError(
                f"it took longer than {self.seconds:g} s to fetch it"
            ) from error

    async def _from_registry(self, source: ComponentSource, origin: ChartOrigin) -> bytes:
        host, _, repository = source.path.removeprefix(OCI).partition("/")
        home = f"registry-1.{DOCKER_HUB}" if host == DOCKER_HUB else host
        registry = Registry(
            self._downloader(home, origin),
            origin.token_hosts,
            repository,
            self.credentials.get(host, ""),
        )
        manifest = await self._blob(source.digest, lambda: registry.manifest(source.digest))
        layer = chart_layer(manifest, MOST_PACKED)
        return await self._blob(layer.digest, lambda: registry.blob(layer.digest, layer.size))

    async def _from_repository(self, source: ComponentSource, origin: ChartOrigin) -> bytes:
        address, _, name = source.path.rpartition("/")
        host = address.removeprefix("https://").partition("/")[0]
        repository = Repository(
            self._downloader(host, origin), address, self.credentials.get(host, "")
        )
        return await self._blob(
            source.digest,
            lambda: repository.archive(name, source.version, source.digest, MOST_PACKED),
        )

    def _downloader(self, host: str, origin: ChartOrigin) -> Downloader:
        context = _ssl_context(self.ca_file)
        return Downloader(host, context, origin.download_hosts, origin.private_network)

    async def _blob(self, digest: str, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        """The content with that digest, fetched unless it is on the disk."""
        content = self._read(digest)
        if content is not None:
            return content
        content = await fetch()
        if _digest(content) != digest:
            raise ChartError(
                f"what was fetched has the digest {_digest(content)}, not {digest}: it was "
                f"published again, or the host is not to be trusted; compare with what was reviewed"
            )
        with suppress(OSError):  # a full disk costs another fetch
            self._write(digest, content)
        return content

    def _file(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-")

    def _read(self, digest: str) -> bytes | None:
        """The kept content; one that was damaged is as good as none."""
        file = self._file(digest)
        try:
            content = file.read_bytes()
        except OSError:
            return None
        if _digest(content) != digest:
            return None
        with suppress(OSError):
            os.utime(file)
        return content

    def _write(self, digest: str, content: bytes) -> None:
        """Keep content: whole or not at all, whenever the process ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._make_room(len(content))
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="new-", delete=False) as new:
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        Path(new.name).replace(self._file(digest))

    def _make_room(self, size: int) -> None:
        """Delete what was not used for the longest time."""
        kept = [(each.stat(), each) for each in self.folder.iterdir()]
        total = size + sum(stat.st_size for stat, _ in kept)
        for stat, file in sorted(kept, key=lambda pair: pair[0].st_mtime_ns):
            if total <= self.most:
                break
            file.unlink(missing_ok=True)
            total -= stat.st_size


@cache
def _ssl_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the system's CAs and those of a file; loading them is slow."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _checked(source: ComponentSource, files: FileTree) -> FileTree:
    """The files of the chart that the document names, and not of another one."""
    try:
        documents = yaml.load_documents(files.get(METADATA, b""))
    except yaml.YamlError as error:
        raise ChartError(f"{METADATA}:{error.line}:{error.column}: {error}") from error
    chart = documents[0].value if documents else None
    if not isinstance(chart, dict):
        raise ChartError(f"the archive has no {METADATA}: it is no Helm chart")
    expected = (source.path.rpartition("/")[2], source.version)
    found = (chart.get("name"), chart.get("version"))
    if found != expected:
        raise ChartError(
            f"the digest is that of {found[0]} {found[1]}, expected {expected[0]} {expected[1]}"
        )
    return files
