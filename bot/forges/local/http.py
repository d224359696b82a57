"""The local forge's HTTP: one origin, no redirects, bounded answers, two kinds of failure."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from bot.forges import ForgeError, TransientForgeError

MAX_RESPONSE = 32 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
TOTAL_SECONDS = 120
BUSY = 429
MAX_MESSAGE = 300
HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Response:
    """What the forge answered, read whole."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Http:
    """Speaks to the programming interface below `base` with one token.

    Raises from every call: TransientForgeError when the forge is unreachable, slow or answers 5xx;
    ForgeError with the forge's own words when it refuses, or answers what cannot be read.
    """

    base: str
    token: str
    client: httpx.AsyncClient

    async def get(self, path: str, **query: str) -> Any:
        """Read something."""
        return read(checked(await self.call("GET", path, query=query)))

    async def send(self, method: str, path: str, fields: Mapping[str, str]) -> Any:
        """Change something; what the forge says to it."""
        return read(checked(await self.call(method, path, fields)))

    async def call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        """One request; its answer unless that is a passing failure."""
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
                answer = await self.client.send(request, stream=True, follow_redirects=False)
                try:
                    body = await _body(answer)
                finally:
                    await answer.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise TransientForgeError(f"the forge at {self.base} does not answer: {why}") from error
        if answer.is_server_error or answer.status_code == BUSY:
            raise TransientForgeError(f"the forge answered {answer.status_code} to {method} {path}")
        return Response(answer.status_code, body)


class Fields(dict[str, Any]):
    """A JSON object of the forge; a field that is missing is the forge's fault, not ours."""

    def __missing__(self, name: str) -> Any:
        raise ForgeError(f"the forge's answer has no field {name!r}; is this a local forge?")


async def _body(answer: httpx.Response) -> bytes:
    """The body, refused when it is larger than 32 MiB."""
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MAX_RESPONSE:
            raise ForgeError(f"the forge's answer is larger than {MAX_RESPONSE} bytes")
    return bytes(body)


def checked(answer: Response) -> Response:
    """The answer, if it is no refusal."""
    if answer.status < httpx.codes.MULTIPLE_CHOICES:
        return answer
    raise ForgeError(f"the forge answered {answer.status}: {words_of(answer)}")


def words_of(answer: Response) -> str:
    """The forge's own words."""
    try:
        return str(json.loads(answer.body)["message"])[:MAX_MESSAGE]
    except (ValueError, RecursionError, KeyError, TypeError):
        return answer.body[:MAX_MESSAGE].decode("utf-8", "replace")


def read(answer: Response) -> Any:
    """The JSON of an answer, its objects as Fields."""
    try:
        return json.loads(answer.body, object_hook=Fields)
    except (ValueError, RecursionError) as error:
        raise ForgeError("the forge's answer is not JSON") from error
