"""Connections that never finish a request: each ends in time, and none keeps others out."""

import asyncio
from collections.abc import Callable, Mapping
from ipaddress import ip_network

import pytest
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from bot.web.connections import (
    HEADER_SECONDS,
    REQUEST_SECONDS,
    UNREAD_SECONDS,
    ConnectionLimits,
)
from bot.web.peers import forwarded_client, is_trusted, peer_group
from tests.fakes.served import Timers, served

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
UNFINISHED: Mapping[str, bytes] = {
    "request line": b"GET / HT",
    "header name": b"GET / HTTP/1.1\r\nHo",
    "header value": b"GET / HTTP/1.1\r\nHost: x",
    "end of headers": b"GET / HTTP/1.1\r\nHost: x\r\n",
}
UNFINISHED_BODIES: Mapping[str, bytes] = {
    "length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
    "chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "last chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "expected": b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
}


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("hello")(scope, receive, send)


def waits_after(sent: bytes) -> Callable[[ConnectionLimits], bool]:
    """Whether a connection has sent so much of its next request."""
    return lambda limits: [each.conn.trailing_data[0] for each in limits.waiting] == [sent]


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
async def test_headers_that_do_not_arrive_are_answered_with_408(sent: bytes) -> None:
    async with served(hello, ConnectionLimits(), timers := Timers()) as server:
        reader, writer = await server.connect()
        writer.write(sent)
        await server.until(waits_after(sent))
        timers.elapse(HEADER_SECONDS)
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert not server.limits.waiting


async def test_a_connection_that_sends_nothing_is_closed() -> None:
    async with served(hello, ConnectionLimits(), timers := Timers()) as server:
        reader, writer = await server.connect()
        await server.until(waits_after(b""))
        timers.elapse(HEADER_SECONDS)
        assert await reader.read() == b""
        writer.close()


async def test_the_second_request_of_a_connection_has_the_same_time() -> None:
    less_than_keep_alive = ConnectionLimits(header_seconds=1.0)
    async with served(hello, less_than_keep_alive, timers := Timers()) as server:
        reader, writer = await server.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT")
        await server.until(waits_after(b"GET / HT"))
        timers.elapse(1.0)
        answers = await reader.read()
        writer.close()
        assert answers.count(b"HTTP/1.1 200") == answers.count(b"HTTP/1.1 408") == 1


@pytest.mark.parametrize("sent", UNFINISHED_BODIES.values(), ids=UNFINISHED_BODIES)
async def test_a_body_that_does_not_arrive_is_dropped(sent: bytes) -> None:
    """Even if the response was sent without waiting for the body."""
    async with served(hello, ConnectionLimits(), timers := Timers()) as server:
        sending = asyncio.create_task(server.exchange(sent))
        await server.until(lambda limits: limits.peers.total() == 1 and not limits.waiting)
        await server.until(lambda _: not server.state.tasks)
        timers.elapse(REQUEST_SECONDS)
        await sending
        await server.until(lambda limits: not limits.peers.total())


async def test_a_response_that_is_not_read_is_dropped() -> None:
    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        async def parts() -> object:
            while True:
                yield b"x" * 1_000_000
                await asyncio.sleep(0)

        await StreamingResponse(parts())(scope, receive, send)

    async with served(endless, ConnectionLimits(), timers := Timers()) as server:
        _, writer = await server.connect()
        writer.transport.pause_reading()
        writer.write(WHOLE)
        await server.until(lambda _: timers.is_set(UNREAD_SECONDS))
        assert server.limits.peers.total() == 1
        timers.elapse(UNREAD_SECONDS)
        await server.until(lambda limits: not limits.peers.total())
        writer.close()


async def test_half_open_connections_keep_no_request_out() -> None:
    """Those of one peer make room for its next one; a thousand of them are a warning in the log."""
    limits = ConnectionLimits(per_peer=20)
    async with served(hello, limits) as server:
        with capture_logs() as logs:
            pending = [await server.connect() for _ in range(60)]
            for _, writer in pending:
                writer.write(b"POST / HTTP/1.1\r\n")
            assert b" 200 OK" in await server.exchange(WHOLE)
            assert limits.peers.total() <= 20
        for _, writer in pending:
            writer.close()
    assert logs == [{"event": "too many connections", "peer": "127.0.0.1", "log_level": "warning"}]


async def test_half_open_connections_of_many_peers_keep_no_request_out() -> None:
    proxy = (ip_network("127.0.0.0/8"),)
    limits = ConnectionLimits(trusted_proxies=proxy, total=20, per_peer=2)
    async with served(hello, limits) as server:
        pending = [await server.connect() for _ in range(60)]
        assert b" 200 OK" in await server.exchange(WHOLE)
        assert limits.peers.total() <= 20
        for _, writer in pending:
            writer.close()


async def test_requests_in_progress_are_never_closed_for_new_ones() -> None:
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await hello(scope, receive, send)

    async with served(slow, ConnectionLimits(per_peer=3)) as server:
        busy = [asyncio.create_task(server.exchange(WHOLE)) for _ in range(3)]
        await server.until(lambda limits: limits.peers.total() == 3 and not limits.waiting)
        assert await server.exchange(WHOLE) == b""
        release.set()
        assert all(b" 200 OK" in each for each in await asyncio.gather(*busy))


async def test_counts_are_exact_when_all_connections_have_ended() -> None:
    async with served(hello, limits := ConnectionLimits(per_peer=5)) as server:
        for sent in (WHOLE, b"", b"GET / HT", b"nonsense\r\n\r\n"):
            _, writer = await server.connect()
            writer.write(sent)
            writer.close()
        await server.until(lambda limits: not limits.peers.total())
    assert not limits.peers
    assert not limits.waiting


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_a_network_of_ipv6_is_one_peer(host: str, group: str) -> None:
    assert peer_group(host) == group


PROXIES = (ip_network("10.0.0.0/24"),)


@pytest.mark.parametrize(
    ("host", "forwarded", "client"),
    [
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1, 10.0.0.7"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.7"], ""),
        ("10.0.0.1", [], ""),
        ("10.0.0.1", ["nonsense"], ""),
        ("192.0.2.1", ["203.0.113.9"], ""),
    ],
)
def test_only_a_trusted_proxy_names_the_client(
    host: str, forwarded: list[str], client: str
) -> None:
    assert forwarded_client(host, forwarded, PROXIES) == client
    assert not is_trusted(client, PROXIES)
