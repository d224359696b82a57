"""Limits on connections: how many there are, and how long each may take to send its request.

uvicorn has no timeout for the headers or the body of a request, and counts a connection without a
request like every other one: a thousand connections that never send anything stop all webhooks.
`ConnectionLimits` belongs to a server, `GuardedProtocol` to one of its connections.

When there are too many connections, in total or from one address, the one that has waited longest
for its request is closed. Only if all of them are being served is the new one refused.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import h11
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bot.web.peers import Network, is_trusted, peer_group

MAX_CONNECTIONS = 1000
MAX_PER_PEER = 200
HEADER_SECONDS = 10.0
REQUEST_SECONDS = 60.0
UNREAD_SECONDS = 30.0
TIMED_OUT = b"The request was not received in time."

log = structlog.get_logger()


@dataclass(slots=True)
class ConnectionLimits:
    """The limits of one server, and what is connected to it.

    A request has `header_seconds` for its headers, and `request_seconds` in all. A client that does
    not read its response has `unread_seconds`. `trusted_proxies` may have any number of connections
    within `total`.
    """

    trusted_proxies: Sequence[Network] = ()
    total: int = MAX_CONNECTIONS
    per_peer: int = MAX_PER_PEER
    header_seconds: float = HEADER_SECONDS
    request_seconds: float = REQUEST_SECONDS
    unread_seconds: float = UNREAD_SECONDS
    peers: Counter[str] = field(default_factory=Counter)
    waiting: dict["GuardedProtocol", None] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)

    @property
    def protocol(self) -> type[asyncio.Protocol]:
        """What `uvicorn.Config` takes as `http`."""
        return cast("type[asyncio.Protocol]", partial(GuardedProtocol, limits=self))

    def admit(self, connection: "GuardedProtocol") -> bool:
        """Count a new connection, at the expense of a waiting one if necessary."""
        peer = connection.peer
        if peer and self.peers[peer] >= self.per_peer and not self._make_room(peer):
            return False
        if self.peers.total() >= self.total and not self._make_room(""):
            return False
        self.peers[peer] += 1
        return True

    def release(self, peer: str) -> None:
        """Forget a connection that was admitted."""
        self.peers[peer] -= 1
        if self.peers[peer] < self.per_peer // 2:
            self.full.discard(peer)
        if self.peers.total() < self.total // 2:
            self.full.discard("")
        if not self.peers[peer]:
            del self.peers[peer]

    def _make_room(self, peer: str) -> bool:
        """Close the connection of this peer, or of all (empty), that has waited longest.

        False if there is none. Logs once until half of the connections have ended.
        """
        if peer not in self.full:
            self.full.add(peer)
            log.warning("too many connections", peer=peer or "all")
        for connection in self.waiting:
            if peer in {"", connection.peer}:
                connection.drop()
                return True
        return False


class GuardedProtocol(H11Protocol):
    """One connection within the limits."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.peer = ""
        self._limits = limits
        self._admitted = False
        self._phase: object = None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection or close it, and wait for a request."""
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        self.peer = "" if is_trusted(host, self._limits.trusted_proxies) else peer_group(host)
        self._admitted = self._limits.admit(self)
        if self._admitted:
            self._watch()
        else:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        super().connection_lost(exc)
        self._forget()

    def data_received(self, data: bytes) -> None:
        """Read what the client sent, unless the connection is being closed."""
        if self._admitted:
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 to what is not HTTP; a request that it belongs to gets no other answer."""
        super().send_400_response(msg)
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        """The client does not read its response: it has a while to do so."""
        super().pause_writing()
        self._unread = self._call_later(self._limits.unread_seconds, self.drop)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def drop(self) -> None:
        """Close the connection at once; what has not been sent yet is lost."""
        self._forget()
        self.transport.abort()

    def _forget(self) -> None:
        self._limits.waiting.pop(self, None)
        for timer in (self._deadline, self._unread):
            if timer is not None:
                timer.cancel()
        if self._admitted:
            self._admitted = False
            self._limits.release(self.peer)

    def _watch(self) -> None:
        """Give each phase of a request its time: waiting for headers, then for the body."""
        phase = self.conn.their_state
        if not self._admitted or phase is self._phase:
            return
        self._phase = phase
        self._limits.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        if phase is h11.IDLE:
            self._limits.waiting[self] = None
            self._deadline = self._call_later(self._limits.header_seconds, self._time_out)
        elif phase is h11.SEND_BODY:
            self._deadline = self._call_later(self._limits.request_seconds, self.drop)

    def _time_out(self) -> None:
        """Answer 408 to a request whose headers are incomplete, and close the connection."""
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            response = h11.Response(status_code=408, headers=headers, reason=b"Request Timeout")
            for event in (response, h11.Data(data=TIMED_OUT), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _call_later(self, seconds: float, action: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, action)
