"""HTTP to one API server, through the `kubernetes` package's asynchronous client.

Of the package only its transport is used: its models know no custom resources. Answers are bounded,
redirects are refused (the token would follow them), and nothing is retried here: the caller decides
when to try again.
"""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from bot.clusters.errors import (
    ApiUnavailableError,
    ClusterError,
    ExpiredError,
    ForbiddenError,
    ObjectNotFoundError,
    OwnershipError,
    WriteConflictError,
)
from bot.clusters.kubeconfig import Credentials

if TYPE_CHECKING:
    from kubernetes.aio.client.rest import RESTClientObject

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_AT_ONCE = 8
REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024
_MAX_TEXT = 500
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_MANAGER = re.compile(r'conflict with "([^"]*)"')
_REDIRECTS = range(300, 400)
_UNTYPED = "failed to create typed patch object"
"""Server-side apply of a field that the schema does not have: the answer is 500, but final."""


class Connection:
    """Requests to one cluster's API server, at most `MAX_AT_ONCE` at a time."""

    def __init__(self, cluster: str, credentials: Credentials) -> None:
        self.cluster = cluster
        self._server = credentials.server
        self._token = credentials.token
        self._rest = _rest_client(credentials)
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def close(self) -> None:
        """Close all connections."""
        await self._rest.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        account: str = "",
    ) -> dict[str, Any]:
        """Send a request and return its JSON object; `account` is the user to impersonate.

        Raises:
            ClusterError: the kind that the answer calls for.
        """
        headers = self._headers(account) | {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        sent = _Request(method, path, query or {}, headers, body, timeout)
        async with self._slots, self._answer(sent) as answer:
            return self._json(await self._read(answer, path), path)

    @asynccontextmanager
    async def lines(
        self, path: str, query: Mapping[str, str], *, seconds: float, accept: str = JSON
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The JSON objects that a watch streams, one a line, until the server ends it.

        `seconds` is how long the connection may stay silent.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=seconds)
        headers = self._headers("") | {"Accept": accept}
        async with self._answer(_Request("GET", path, query, headers, None, timeout)) as answer:
            yield self._objects(answer, path)

    async def _objects(
        self, answer: aiohttp.ClientResponse, path: str
    ) -> AsyncIterator[dict[str, Any]]:
        try:
            async for line in answer.content:
                if line.strip():
                    yield self._json(line, path)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ApiUnavailableError(
                f"{self.cluster}: GET {path} broke off: {_told(error)}"
            ) from error

    @asynccontextmanager
    async def _answer(self, sent: "_Request") -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self._server}{sent.path}" + (f"?{urlencode(sent.query)}" if sent.query else "")
        where = f"{self.cluster}: {sent.method} {sent.path}"
        try:
            answer: aiohttp.ClientResponse = (
                await self._rest.request(
                    sent.method,
                    url,
                    headers=sent.headers,
                    body=sent.body,
                    _request_timeout=sent.timeout,
                )
            ).response
        except (aiohttp.ClientError, TimeoutError, ssl.SSLError, OSError) as error:
            raise ApiUnavailableError(f"{where}: {_told(error)}") from error
        async with answer:
            if answer.status >= _REDIRECTS.start:
                raise await self._refusal(where, sent.path, answer)
            yield answer

    async def _read(self, answer: aiohttp.ClientResponse, path: str) -> bytes:
        """The body, as far as it is allowed to be large."""
        found = bytearray()
        try:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                found += chunk
                if len(found) > MAX_ANSWER_BYTES:
                    raise ClusterError(f"{self.cluster}: the answer to {path} is too large")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiUnavailableError(
                f"{self.cluster}: {path} broke off: {_told(error)}"
            ) from error
        return bytes(found)

    def _json(self, content: bytes, path: str) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ClusterError(f"{self.cluster}: the answer to {path} is not JSON") from error
        if not isinstance(found, dict):
            raise ClusterError(f"{self.cluster}: the answer to {path} is no object")
        return found

    def _headers(self, account: str) -> dict[str, str]:
        """Source: Kubernetes documentation, "Authenticating", "User impersonation"."""
        headers = {"User-Agent": "switchyard"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if account:
            headers["Impersonate-User"] = account
        return headers

    async def _refusal(self, where: str, path: str, answer: aiohttp.ClientResponse) -> ClusterError:
        """The error for a refused request, from the Status object in its body."""
        if answer.status in _REDIRECTS:
            return ClusterError(f"{where}: the server redirects, which is not followed")
        try:
            status = self._json(await self._read(answer, path), path)
        except ClusterError:
            status = {}
        text = str(status.get("message") or answer.reason or "refused")[:_MAX_TEXT]
        message = f"{where}: {answer.status} {text}"
        return _error(answer.status, status, message, answer.headers.get("Retry-After"))


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: dict[str, str]
    body: Any
    timeout: aiohttp.ClientTimeout


def error_of(cluster: str, status: Mapping[str, Any]) -> ClusterError:
    """The error for a Status object that a watch streams."""
    code, text = status.get("code"), str(status.get("message"))[:_MAX_TEXT]
    return _error(code if isinstance(code, int) else 0, status, f"{cluster}: {text}", None)


def _error(
    code: int, status: Mapping[str, Any], message: str, retry_after: str | None
) -> ClusterError:
    reason, managers = status.get("reason"), _managers(status)
    if managers:
        return OwnershipError(message, managers)
    if code in _BUSY and not str(status.get("message", "")).startswith(_UNTYPED):
        wait = int(retry_after) if retry_after and retry_after.isdecimal() else None
        return ApiUnavailableError(message, timedelta(seconds=min(wait, 3600)) if wait else None)
    if reason in ("Expired", "Gone"):
        return ExpiredError(message)
    kinds = {
        403: ForbiddenError,
        404: ObjectNotFoundError,
        409: WriteConflictError,
        410: ExpiredError,
    }
    return kinds.get(code, ClusterError)(message)


def _managers(status: Mapping[str, Any]) -> frozenset[str]:
    """Who owns the fields in conflict; source: apimachinery, `NewApplyConflict`."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    found: set[str] = set()
    for each in causes if isinstance(causes, list) else ():
        if isinstance(each, dict) and each.get("reason") == "FieldManagerConflict":
            match = _MANAGER.match(str(each.get("message", "")))
            found.add(match[1] if match else "another manager")
    return frozenset(found)


async def _refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Hide the target of a redirect from the client, which would follow it."""
    answer = await handler(request)
    if answer.status in _REDIRECTS and "Location" in answer.headers:
        answer.close()
        raise aiohttp.ClientConnectionError("the server redirects, which is not followed")
    return answer


def _rest_client(credentials: Credentials) -> "RESTClientObject":
    """The package's transport: no proxy from the environment, no retries, no redirects.

    It is imported here: only fleets with clusters that the bot reaches itself need it.
    """
    from kubernetes.aio.client.configuration import Configuration  # noqa: PLC0415 - see above
    from kubernetes.aio.client.rest import RESTClientObject  # noqa: PLC0415 - as above

    with TemporaryDirectory(prefix="switchyard-") as folder:
        files: dict[str, str] = {}
        if credentials.client_certificate:
            for name, text in (
                ("cert_file", credentials.client_certificate),
                ("key_file", credentials.client_key),
            ):
                path = Path(folder) / name
                path.touch(mode=0o600)
                path.write_text(text)
                files[name] = str(path)
        try:
            return RESTClientObject(
                Configuration(
                    host=credentials.server,
                    ca_cert_data=credentials.ca or None,
                    tls_server_name=credentials.tls_server_name or None,
                    client_session_kwargs={
                        "trust_env": False,
                        "middlewares": (_refuse_redirects,),
                        "cookie_jar": aiohttp.DummyCookieJar(),
                    },
                    **files,
                )
            )
        except (ssl.SSLError, OSError) as error:
            raise ClusterError(f"certificates for {credentials.server}: {_told(error)}") from None


def _told(error: BaseException) -> str:
    """The error in a message; that of a certificate without its details."""
    if isinstance(error, TimeoutError):
        return "timed out"
    return (str(error) or type(error).__name__)[:_MAX_TEXT]
