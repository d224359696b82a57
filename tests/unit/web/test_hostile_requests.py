"""Requests that no client sends by accident, byte for byte, to every route that takes any.

The answer is a 4xx, or a redirect or page where the request is merely odd; the log has at most one
line, without a traceback; and the service answers the next request.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.app import build
from bot.clock import system_clock
from bot.keys import agent_key, facts_key, setup_key, status_key
from bot.report.model import REPORTERS, ReportersView, ReporterView
from bot.settings import Settings
from bot.web.connections import ConnectionLimits
from tests.fakes.served import Served, served

SECRET = "webhook-secret-of-the-tests"
REPORT_KEY = "report-key-of-the-tests"
MARKER_KEY = "marker-key-of-the-tests"
BIG = b"9" * 5000
LONG = b"x" * 20_000

SENDERS: Mapping[str, Mapping[str, str]] = {
    "/hooks/github": {"X-Hub-Signature-256": "sha256=%s", "X-GitHub-Event": "push",
                      "X-GitHub-Delivery": "1"},
    "/hooks/gitlab": {"X-Gitlab-Token": SECRET, "X-Gitlab-Event": "Push Hook",
                      "X-Gitlab-Event-UUID": "1"},
    "/hooks/local": {"X-Switchyard-Signature-256": "sha256=%s", "X-Switchyard-Event": "push",
                     "X-Switchyard-Delivery": "1"},
    "/reports/flux/edge-1": {"X-Signature": "sha256=%s"},
    "/facts/edge-1": {"X-Signature": "sha256=%s"},
    "/status/edge-1": {"X-Signature": "sha256=%s"},
    "/alerts": {"Authorization": f"Bearer {SECRET}"},
}  # fmt: skip
READERS = (
    "/", "/fleet", "/rollouts/x", "/rollouts/x/plan", "/rollouts/x/rules", "/rollouts/x/events",
    "/healthz",
    "/api/v1/rollouts", "/api/v1/rollouts/x", "/api/v1/clusters", "/static/switchyard.css",
    "/setup", f"/setup?key={setup_key(MARKER_KEY)}", "/setup/github/done?code=a&state=b",
    "/sign-in", "/sign-in/github", "/sign-in/github/done?code=a&state=b", "/sign-out",
)  # fmt: skip
VISITORS = (
    "Cookie", "Host", "Accept", "Authorization", "Origin", "Sec-Fetch-Site", "X-Forwarded-For",
    "X-Forwarded-User", "If-None-Match", "Range", "Last-Event-ID", "Upgrade", "Connection",
)  # fmt: skip
VISITED = ("/", "/rollouts/x/events", "/api/v1/rollouts", "/setup", "/sign-in/github/done?code=a")
HEADERS: Mapping[str, bytes] = {
    "not ASCII": b"\xe9",
    "not UTF-8": b"\xff\xfe",
    "digits that are none": b"\xb2\xb3\xb9",
    "an encoded signature": b"sha256=\xc3\xa9",
    "empty": b"",
    "only a comma": b",",
    "long": LONG,
    "many equals signs": b"=" * 500,
    "a number": BIG,
    "a quoted string without end": b'"abc',
    "percent signs": b"%00%ff%zz",
    "a NUL": b"a\x00b",
    "a bare line feed": b"a\nX-Other: b",
    "a bare carriage return": b"a\rb",
    "a folded line": b"a\r\n b",
}
NAMES = (
    "X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery", "X-Gitlab-Token",
    "X-Gitlab-Event", "X-Gitlab-Event-UUID", "Webhook-Id", "Webhook-Timestamp",
    "Webhook-Signature", "X-Switchyard-Signature-256", "X-Switchyard-Event",
    "X-Switchyard-Delivery", "X-Signature", "Content-Type", "Content-Encoding", "Authorization",
    "Cookie", "Host", "Accept", "Accept-Language", "Origin", "Referer", "Sec-Fetch-Site",
    "X-Forwarded-For", "X-Forwarded-User", "X-Forwarded-Proto", "Forwarded", "If-None-Match",
    "If-Modified-Since", "Range", "Last-Event-ID", "User-Agent", "Upgrade", "Connection", "Expect",
    "TE", "Traceparent", "Content-Length", "Transfer-Encoding",
)  # fmt: skip
LINES: Mapping[str, bytes] = {
    "HTTP/1.0": b"%(method)s %(path)s HTTP/1.0\r\n\r\n",
    "HTTP/0.9": b"%(method)s %(path)s\r\n\r\n",
    "HTTP/9.9": b"%(method)s %(path)s HTTP/9.9\r\nHost: x\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no Host": b"%(method)s %(path)s HTTP/1.1\r\n\r\n",
    "two Hosts": b"%(method)s %(path)s HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "absolute address": b"%(method)s http://other.example%(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "authority": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown method": b"\xc3\x89 %(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "long method": LONG + b" %(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "TRACE": b"TRACE %(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "DELETE": b"DELETE %(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD": b"HEAD %(path)s HTTP/1.1\r\nHost: x\r\n\r\n",
    "two lengths": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                   b"Content-Length: 2\r\n\r\nab",
    "negative length": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                   b"Content-Length: " + BIG + b"\r\n\r\n",
    "length and chunks": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "huge chunk size": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\nab",
    "negative chunk size": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    "chunk without end": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX\r\n",
    "unknown encoding": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                        b"Transfer-Encoding: gzip\r\n\r\n",
    "many headers": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "header without a colon": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "space before the colon": b"%(method)s %(path)s HTTP/1.1\r\nHost : x\r\n\r\n",
    "header name not ASCII": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\nX-\xe9: x\r\n\r\n",
    "body that ends early": b"%(method)s %(path)s HTTP/1.1\r\nHost: x\r\n"
                            b"Content-Length: 10\r\n\r\nabc",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "NULs": bytes(1000),
}  # fmt: skip
PATHS: Mapping[str, bytes] = {
    "percent-encoded NUL": b"%00",
    "percent-encoded bytes that are no UTF-8": b"%ff%fe",
    "incomplete percent-encoding": b"%",
    "invalid percent-encoding": b"%zz",
    "encoded slash": b"a%2f..%2f..%2fetc%2fpasswd",
    "encoded line break": b"a%0d%0aSet-Cookie:%20x",
    "encoded surrogate": b"%ed%a0%80",
    "right-to-left override": b"%e2%80%ae",
    "dots": b"../../../etc/passwd",
    "encoded dots": b"%2e%2e/%2e%2e/etc/passwd",
    "backslashes": b"..\\..\\x",
    "many slashes": b"/" * 1000,
    "long": b"a" * 10_000,
    "semicolon": b"a;b=c",
    "query without name": b"x?=&&=%ff&a=%00",
    "long query": b"x?a=" + b"b" * 8000,
    "many fields": b"x?" + b"a=1&" * 2000,
    "page that is no number": b"x?page=%c2%b2",
    "page that is huge": b"x?page=" + BIG,
    "template": b"{{7*7}}",
}
BODIES: Mapping[str, bytes] = {
    "empty": b"",
    "not JSON": b"nonsense",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NUL": b"\x00",
    "deep list": b"[" * 100_000,
    "deep mapping": b'{"a":' * 50_000,
    "huge integer": b'{"at": ' + BIG + b"}",
    "huge exponent": b'{"carbon": 1e999, "at": "2026-01-01T00:00:00Z"}',
    "NaN": b'{"carbon": NaN, "at": "2026-01-01T00:00:00Z"}',
    "Infinity": b'{"carbon": -Infinity, "at": "2026-01-01T00:00:00Z"}',
    "a list": b"[]",
    "a string": b'"a"',
    "null": b"null",
    "a number": b"1",
    "duplicate keys": b'{"at": 1, "at": "2026-01-01T00:00:00Z", "repository": {}, "repository": 1}',
    "lone surrogate": b'{"at": "\\ud800", "repository": "\\udfff", "involvedObject": {}}',
    "NUL in a string": b'{"repository": {"full_name": "a\\u0000/b"}, "at": "\\u0000"}',
    "wrong types": b'{"repository": [], "project": 1, "involvedObject": "x", "at": {}, "free": []}',
    "nested wrong types": b'{"repository": {"full_name": 1}, "project": {"path_with_namespace": 1},'
                          b'"involvedObject": {"kind": [], "name": {}}, "metadata": 1}',
    "year 9999": b'{"at": "9999-12-31T23:59:59-23:59"}',
    "year 1": b'{"at": "0001-01-01T00:00:00+23:59"}',
    "event in the year 9999": b'{"involvedObject": {"kind": "Kustomization", "name": "a.b"},'
                              b'"metadata": {"revision": "main@sha1:' + b"a" * 40 + b'"},'
                              b'"timestamp": "9999-12-31T23:59:59-23:59"}',
    "event in the year 1": b'{"involvedObject": {"kind": "Kustomization", "name": "a.b"},'
                           b'"metadata": {"revision": "main@sha1:' + b"a" * 40 + b'"},'
                           b'"timestamp": "0001-01-01T00:00:00+23:59"}',
    "event with a surrogate": b'{"involvedObject": {"kind": "Kustomization", "name": "a.b"},'
                              b'"metadata": {"revision": "main@sha1:' + b"a" * 40 + b'"},'
                              b'"message": "\\ud800\\u0000", "timestamp": "2026-01-01T00:00:00Z"}',
    "negative quantities": b'{"at": "2026-01-01T00:00:00Z", "free": {"cpu": "-1", "x": "1e99"}}',
    "huge quantities": b'{"at": "2026-01-01T00:00:00Z", "free": {"cpu": "' + BIG + b'"}}',
    "many fields": json.dumps({f"k{n}": n for n in range(20_000)}).encode(),
    "a form": b"payload=%ff%00",
    "a number that no database takes": b'{"repository": {"full_name": "a/b"}, "number": 9999999999,'
                                       b'"project": {"path_with_namespace": "a/b"},'
                                       b'"object_attributes": {"iid": 99999999999}}',
    "a number below zero": b'{"repository": "a/b", "number": -99999999999}',
    "names with control characters": b'{"repository": {"full_name": "a\\u001b/b"},'
                                     b'"project": {"path_with_namespace": "a\\u202e/b"}}',
}  # fmt: skip
CONTENT_TYPES = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=",
    "text/plain; charset=nonsense", "application/json; charset=utf-7", "",
)  # fmt: skip


async def _never(snapshot: object) -> object:
    raise AssertionError(f"nothing is planned, but {snapshot}")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    settings = Settings(
        fleet="local:fleet/fleet", data_dir=tmp_path, marker_key=MARKER_KEY, report_key=REPORT_KEY,
        alert_tokens=[SECRET],
        local_url="http://127.0.0.1:1", local_token="t", local_webhook_secret=SECRET,
        github_token="t", github_webhook_secrets=[SECRET], github_client_id="c",
        github_client_secret=SECRET, gitlab_token="t", gitlab_webhook_secrets=[SECRET],
    )  # type: ignore[call-arg]  # fmt: skip
    app, service = build(settings, _never)
    limits = ConnectionLimits(header_seconds=0.05, request_seconds=0.05)
    reporters = ReportersView({"edge-1": ReporterView("flux", 1)}, frozenset({"a"}))
    service.context.store.views.save(REPORTERS, "", reporters)
    async with served(app, limits) as found:
        yield found
    for forge in service.context.forges.values():
        await forge.close()
    service.context.store.close()


@dataclass
class Table:
    """Sends requests and keeps what is wrong with the answers."""

    server: Served
    caplog: pytest.LogCaptureFixture

    def __post_init__(self) -> None:
        self.wrong: dict[str, str] = {}

    async def send(self, name: str, raw: bytes) -> None:
        self.caplog.clear()
        with self.caplog.at_level(logging.WARNING), capture_logs() as logs:
            status = await self.server.status(raw)
        lines = [record.getMessage() for record in self.caplog.records]
        traceback = any(record.exc_info for record in self.caplog.records)
        if status >= 500 or len(lines) + len(logs) > 1 or traceback:
            self.wrong[name] = f"{status} {logs} {lines}"

    async def end(self) -> None:
        """Nothing was wrong, and the service still answers."""
        assert self.wrong == {}
        self.server.limits.header_seconds = 3600.0
        assert await self.server.status(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == 200


@pytest.fixture
def table(server: Served, caplog: pytest.LogCaptureFixture) -> Table:
    return Table(server, caplog)


def routes() -> Iterator[tuple[bytes, bytes]]:
    for path in SENDERS:
        yield b"POST", path.encode()
    for path in READERS:
        yield (b"POST" if path == "/sign-out" else b"GET"), path.encode()


def post(path: str, headers: Mapping[str, str], body: bytes, content_type: str) -> bytes:
    """An authentic request: what it says is all that is odd about it."""
    made = agent_key(REPORT_KEY, "flux", "edge-1")
    made = facts_key(REPORT_KEY, "edge-1") if path.startswith("/facts/") else made
    made = status_key(REPORT_KEY, "edge-1") if path.startswith("/status/") else made
    key = made if "hooks" not in path else SECRET.encode()
    signature = hmac.new(key, body, hashlib.sha256).hexdigest()
    lines = [f"{name}: {value.replace('%s', signature)}" for name, value in headers.items()]
    head = [f"POST {path} HTTP/1.1", "Host: x", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, f"Content-Type: {content_type}", "", ""]).encode() + body


@pytest.mark.parametrize("value", HEADERS.values(), ids=HEADERS)
async def test_headers(table: Table, value: bytes) -> None:
    sent = [("POST", path, name) for path in SENDERS for name in NAMES]
    sent += [("GET", path, name) for path in VISITED for name in VISITORS]
    sent += [("POST", "/sign-out", name) for name in VISITORS]
    for method, path, name in sent:
        host = "" if name == "Host" else "Host: x\r\n"
        head = f"{method} {path} HTTP/1.1\r\n{host}{name}: ".encode()
        await table.send(f"{name} to {path}", head + value + b"\r\n\r\n")
    await table.end()


async def test_signed_webhooks_with_odd_headers(table: Table) -> None:
    now = str(int(system_clock().timestamp())).encode()
    for name in ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"):
        for what, value in HEADERS.items():
            given = {"Webhook-Id": b"1", "Webhook-Timestamp": now, "Webhook-Signature": b"v1,x"}
            lines = [key.encode() + b": " + each for key, each in {**given, name: value}.items()]
            head = [b"POST /hooks/gitlab HTTP/1.1", b"Host: x", *lines]
            await table.send(f"{name} {what}", b"\r\n".join(head) + b"\r\n\r\n")
    await table.end()


async def test_request_lines_and_framing(table: Table) -> None:
    for what, raw in LINES.items():
        for method, path in routes():
            filled = raw.replace(b"%(method)s", method).replace(b"%(path)s", path)
            await table.send(f"{what} to {path.decode()}", filled)
    await table.end()


async def test_paths(table: Table) -> None:
    for what, part in PATHS.items():
        for method, path in routes():
            for odd in (path + part, path.rpartition(b"/")[0] + b"/" + part):
                raw = method + b" " + odd + b" HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"
                await table.send(f"{what} after {path.decode()}", raw)
    await table.end()


@pytest.mark.parametrize("path", SENDERS)
async def test_bodies_with_a_valid_signature(table: Table, path: str) -> None:
    for what, body in BODIES.items():
        for content_type in CONTENT_TYPES:
            raw = post(path, SENDERS[path], body, content_type)
            await table.send(f"{what} as {content_type}", raw)
    await table.end()


async def test_cookies(table: Table) -> None:
    names = (b"switchyard-session", b"__Host-switchyard-session", b"switchyard-sign-in")
    values = (
        b"\xff",
        b"a.b",
        b".",
        b"e30.e30",
        b"%",
        b'"',
        b"=" * 300,
        LONG,
        b"bnVsbA.x",
        b"W10.x",
    )
    for path in ("/", "/sign-in", "/sign-in/github/done?code=a&state=b", "/rollouts/x/events"):
        for name in names:
            for value in values:
                raw = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: ".encode() + name + b"=" + value
                await table.send(f"{name!r}={value[:20]!r} to {path}", raw + b"\r\n\r\n")
    await table.end()
