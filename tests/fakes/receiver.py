"""A server that gates ask: it keeps what it was sent, and posts results when a story says so."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from bot.outbound.client import OutboundClient
from bot.signatures import is_signed, signed_headers

HOST = "checks.example.com"
ADDRESS = f"https://{HOST}"
PUBLIC = "93.184.215.14"
SECRET = "secret-of-the-receiver"


async def resolved(_host: str, _port: int) -> list[str]:
    """A public address, for whatever host."""
    return [PUBLIC]


@dataclass
class Receiver:
    """An ASGI application; `status` is its answer, `asked` what was sent, oldest first.

    It takes only requests that are signed with the secret. `values` are what Prometheus would
    answer, one a query; the last one again and again.
    """

    now: Callable[[], datetime]
    status: int = 202
    asked: list[dict[str, Any]] = field(default_factory=list)
    values: list[str | None] = field(default_factory=list)
    queries: int = 0

    @property
    def outbound(self) -> OutboundClient:
        """The client whose requests arrive here, whatever their host."""
        return OutboundClient(resolve=resolved, transport=httpx.ASGITransport(self))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        assert headers["host"] == HOST
        status, answer = self.status, b""
        if scope["path"] == "/api/v1/query":
            assert headers["authorization"] == f"Bearer {SECRET}"
            status, answer = 200, self._metric()
        elif not is_signed(headers, body, (SECRET.encode(),), self.now()):
            status = 401
        elif status == 202:
            self.asked.append(json.loads(body))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    def _metric(self) -> bytes:
        """An answer to an instant query (Prometheus documentation, "HTTP API")."""
        value = self.values[min(self.queries, len(self.values) - 1)]
        self.queries += 1
        result = [] if value is None else [{"metric": {}, "value": [1.0, value]}]
        data = {"resultType": "vector", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()

    def waves(self, gate: str) -> list[tuple[str, list[str]]]:
        """The waves about which a gate was asked, with what they do."""
        return [(each["wave"], each["actions"]) for each in self.asked if each["gate"] == gate]

    def newest(self, gate: str, wave: str) -> dict[str, Any]:
        """The newest question of a gate about a wave."""
        named = (each for each in reversed(self.asked) if each["gate"] == gate)
        return next(each for each in named if each["wave"] == wave)

    async def post(
        self,
        client: httpx.AsyncClient,
        question: dict[str, Any],
        state: str,
        *,
        secret: str = SECRET,
        at: datetime | None = None,
        **more: str,
    ) -> int:
        """Post a result to the callback of a question; the status of the answer."""
        body = json.dumps({"state": state, **more}).encode()
        headers = signed_headers(secret.encode(), question["id"], body, at or self.now())
        path = "/" + question["callback"].split("/", 3)[3]
        return (await client.post(path, content=body, headers=headers)).status_code


def answering(
    handler: Callable[[httpx.Request], httpx.Response], *addresses: str
) -> OutboundClient:
    """A client whose requests are answered by a function; each host has these addresses."""

    async def resolve(_host: str, _port: int) -> list[str]:
        if not addresses:
            raise OSError("no address")
        return list(addresses)

    def serve(request: httpx.Request) -> httpx.Response:
        made = handler(request)
        stream = httpx.ByteStream(made.content)
        return httpx.Response(made.status_code, headers=made.headers, stream=stream)

    return OutboundClient(resolve=resolve, transport=httpx.MockTransport(serve))
