"""Charts of OCI registries: the manifest that a digest names, and the archive in it.

Sources: OCI Distribution Specification 1.1, "Pulling manifests", "Pulling blobs"; OCI Image
Specification 1.1, "Image Manifest"; CNCF Distribution, "Token Authentication Specification"; Helm
documentation, "Use OCI-based registries" (media types of a chart's configuration and content).
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bot.charts.downloads import Answer, Downloader, host_of
from bot.charts.errors import ChartError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MOST_MANIFEST = 1024 * 1024
MOST_TOKEN = 64 * 1024
DOCKER_HUB = "docker.io"
"""A name that clients know; its registry is another host."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"\\]*)"')
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,32768}")


@dataclass(slots=True)
class Registry:
    """One repository of a registry; `credentials` are `user:password`, or empty.

    `authorization` is what the registry asked for last.
    """

    downloader: Downloader
    token_hosts: tuple[str, ...]
    repository: str
    credentials: str = ""
    authorization: str = ""

    async def manifest(self, digest: str) -> bytes:
        """The manifest with that digest; the caller compares it."""
        accept = ", ".join((MANIFEST, *INDEXES))
        return (await self._get(f"manifests/{digest}", MOST_MANIFEST, accept)).body

    async def blob(self, digest: str, size: int) -> bytes:
        """The blob with that digest and size; the caller compares it."""
        return (await self._get(f"blobs/{digest}", size, "*/*", moves=True)).body

    async def _get(self, path: str, most: int, accept: str, *, moves: bool = False) -> Answer:
        url = f"https://{self.downloader.home}/v2/{self.repository}/{path}"
        for _ in range(2):
            headers = {"accept": accept}
            if self.authorization:
                headers["authorization"] = self.authorization
            answer = await self.downloader.get(url, most, headers, moves=moves)
            if answer.status != 401:  # noqa: PLR2004 - HTTP: Unauthorized
                break
            self.authorization = await self._authorize(answer.headers.get("www-authenticate", ""))
        return accepted(answer)

    async def _authorize(self, challenge: str) -> str:
        scheme, _, rest = challenge.strip().partition(" ")
        if scheme.lower() == "bearer":
            return f"Bearer {await self._token(dict(_PARAMETER.findall(rest)))}"
        if scheme.lower() == "basic" and self.credentials:
            return basic(self.credentials)
        raise refused(self.downloader.home)

    async def _token(self, challenge: dict[str, str]) -> str:
        """A token to pull, from the host that the registry names and the policy permits."""
        realm = challenge.get("realm", "")
        host = host_of(realm)
        home = self.downloader.home
        if host != home and host not in self.token_hosts:
            raise ChartError(
                f"{home} wants a token from the host {host!r}: if it belongs to {home}, add it to "
                f"`tokenHosts` in the policy"
            )
        query = {"scope": f"repository:{self.repository}:pull"}
        if "service" in challenge:
            query["service"] = challenge["service"]
        issuer = Downloader(
            host, self.downloader.context, private_network=self.downloader.private_network
        )
        headers = {"authorization": basic(self.credentials)} if self.credentials else {}
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"
        answer = accepted(await issuer.get(url, MOST_TOKEN, headers))
        found = parse_object(answer.body, f"the token of {host}")
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise ChartError(f"{host} issued no token")
        return token


@dataclass(frozen=True, slots=True)
class Layer:
    """The archive of a chart, as a manifest names it."""

    digest: str
    size: int


def chart_layer(manifest: bytes, most: int) -> Layer:
    """The archive that a manifest names; `most` is the largest permitted one.

    Raises:
        ChartError: it is no manifest of a chart, or the archive is too large.
    """
    found = parse_object(manifest, "the manifest")
    if found.get("mediaType") in INDEXES or "manifests" in found:
        raise ChartError(
            "the digest is that of an image index: give the digest of the chart's manifest, which "
            "`helm pull` prints"
        )
    config = found.get("config")
    if not isinstance(config, dict) or config.get("mediaType") != CONFIG:
        raise ChartError("the digest is that of an image, not of a Helm chart")
    layers = found.get("layers")
    parts = [each for each in layers if isinstance(each, dict)] if isinstance(layers, list) else []
    archives = [each for each in parts if each.get("mediaType") == CONTENT]
    if len(archives) != 1:
        raise ChartError(f"the manifest has {len(archives)} archives of charts, expected one")
    digest, size = archives[0].get("digest"), archives[0].get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or type(size) is not int:
        raise ChartError("the manifest gives no SHA-256 digest or no size of the chart's archive")
    if not 0 < size <= most:
        raise ChartError(f"the archive has {size} bytes; at most {most} are permitted")
    return Layer(digest, size)


def basic(credentials: str) -> str:
    """The header for `user:password`."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def accepted(answer: Answer) -> Answer:
    """An answer with status 200.

    Raises:
        ChartError: the status is another one.
    """
    host = host_of(answer.url)
    match answer.status:
        case 200:
            return answer
        case 401 | 403:
            raise refused(host)
        case 404:
            raise ChartError(f"{answer.url} does not exist")
        case status:
            raise ChartError(f"{answer.url} answers with status {status}")


def refused(host: str) -> ChartError:
    """The error for missing or wrong credentials."""
    return ChartError(
        f"{host} refuses access: set credentials that may read it in SWITCHYARD_CHART_CREDENTIALS"
    )


def parse_object(content: bytes, what: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ChartError: it is none.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ChartError(f"{what} is no JSON object")
    return found
