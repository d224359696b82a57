"""HTTP requests to the local forge: one origin, no redirects, responses of limited size."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.forges import ForgeError, NotFoundError, TransientForgeError
from bot.forges._request_counts import RequestCounts

MAX_RESPONSE = 32 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
TOTAL_SECONDS = 120
TOO_MANY_REQUESTS = 429
MAX_MESSAGE = 300
HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read completely."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Http:
    """Requests to the API below `base` with one token.

    Every call raises TransientForgeError if the forge is unreachable, slow or responds 5xx, and
    ForgeError with its message if it rejects the request or its response is invalid.
    """

    base: str
    token: str
    client: httpx.AsyncClient
    counts: RequestCounts = field(default_factory=RequestCounts)

    async def get(self, path: str, **query: str) -> Any:
        """Read a resource."""
        return read(checked(await self.call("GET", path, query=query)))

    async def send(self, method: str, path: str, fields: Mapping[str, str]) -> Any:
        """Send a write request and return the response."""
        return read(checked(await self.call(method, path, fields)))

    async def call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request; raises only TransientForgeError."""
        request = self.client.build_request(
            method,
            f"{self.base}/api/v1{path}",
            content=json.dumps(dict(fields)) if fields is not None else None,
            params=dict(query or {}),
            headers={"Authorization": f"Bearer {self.token}", **HEADERS},
            timeout=TIMEOUT,
        )
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                response = await self.client.send(request, stream=True, follow_redirects=False)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            self.counts.unreachable()
            why = str(error) or type(error).__name__
            raise TransientForgeError(f"the forge at {self.base} is unreachable: {why}") from error
        self.counts.answered(response.status_code, response.headers)
        if response.is_server_error or response.status_code == TOO_MANY_REQUESTS:
            raise TransientForgeError(
                f"the forge responded {response.status_code} to {method} {path}"
            )
        return Response(response.status_code, body)


class Fields(dict[str, Any]):
    """A JSON object of the forge; a missing field raises ForgeError."""

    def __missing__(self, name: str) -> Any:
        raise ForgeError(f"the forge's response has no field {name!r}; is this a local forge?")


async def _body(response: httpx.Response) -> bytes:
    """The body. Raises ForgeError if it exceeds MAX_RESPONSE."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_RESPONSE:
            raise ForgeError(f"the forge's response is larger than {MAX_RESPONSE} bytes")
    return bytes(body)


def checked(response: Response) -> Response:
    """The response, if it is a success. Raises ForgeError otherwise."""
    if response.status < httpx.codes.MULTIPLE_CHOICES:
        return response
    kind = NotFoundError if response.status == httpx.codes.NOT_FOUND else ForgeError
    raise kind(f"the forge responded {response.status}: {message_of(response)}")


def message_of(response: Response) -> str:
    """The error message of a response."""
    try:
        return str(json.loads(response.body)["message"])[:MAX_MESSAGE]
    except (ValueError, RecursionError, KeyError, TypeError):
        return response.body[:MAX_MESSAGE].decode("utf-8", "replace")


def read(response: Response) -> Any:
    """The JSON of a response, with objects as Fields."""
    try:
        return json.loads(response.body, object_hook=Fields)
    except (ValueError, RecursionError) as error:
        raise ForgeError("the forge's response is not JSON") from error
