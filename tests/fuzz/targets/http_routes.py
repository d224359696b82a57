"""Requests to the service, from the connection's bytes on: method, path, headers and body.

The first line is `METHOD PATH`; `SIGN` in a header is a valid signature of a cluster's report.
"""

import asyncio
import hashlib
import hmac
import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.keys import agent_key, facts_key
from bot.report.model import REPORTERS, ReportersView, ReporterView
from tests.fakes.pages import Site, rollout
from tests.fuzz import SECRET, Target
from tests.fuzz.requests import message
from tests.fuzz.targets import facts, report_flux

KEYS = {
    "/facts/": facts_key("report-key", "edge-1"),
    "/reports/": agent_key("report-key", "flux", "edge-1"),
}
_SITES: list[Site] = []
MOST_BYTES = 200_000
TARGET_BYTES = re.compile(rb"[\x21-\x7e]+")
"""What the HTTP server (h11) accepts as the target of a request."""
SECOND = timedelta(seconds=1)


def _site() -> Site:
    if not _SITES:
        site = Site(Path(tempfile.mkdtemp()))
        site.describe(["edge-1", "edge-2"], region="eu")
        reporters = ReportersView({"edge-1": ReporterView("flux", 1)}, frozenset({"storefront"}))
        site.context.store.views.save(REPORTERS, "", reporters)
        asyncio.run(site.show(rollout(["edge-1", "edge-2"])))
        _SITES.append(site)
    return _SITES[0]


def check(data: bytes) -> None:
    """An answer below 500 with the security headers, whoever asks for whatever."""
    first, _, rest = data.partition(b"\n")
    method, _, target = first.partition(b" ")
    if not TARGET_BYTES.fullmatch(target):
        return
    head, _, body = rest.partition(b"\n\n")
    key = KEYS["/facts/" if target.startswith(b"/facts/") else "/reports/"]
    signature = hmac.new(key, body, hashlib.sha256).hexdigest().encode()
    lines = [line.partition(b":") for line in head.replace(b"SIGN", signature).split(b"\n") if line]
    headers = [(name.strip().lower(), value.strip()) for name, _, value in lines]
    site = _site()
    site.now += SECOND  # so that the rate of reports is no limit
    status, answered, answer = asyncio.run(_ask(site, method, target, headers, body))
    assert 200 <= status < 500, status
    assert len(answer) < MOST_BYTES
    assert SECRET.encode() not in answer
    assert b"Traceback" not in answer
    if status != 405:
        assert b"content-security-policy" in answered, status


async def _ask(
    site: Site, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    path, _, query = target.partition(b"?")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": method.decode("latin-1").upper()[:20], "path": path.decode("utf-8", "replace"),
        "raw_path": path, "query_string": query, "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 7080),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []
    left = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        return left.pop() if left else {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await site.app(scope, receive, send)
    content = b"".join(each.get("body", b"") for each in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), content


def _with(line: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    return line.encode() + b"\n" + message(headers, body)


def seeds() -> Iterator[bytes]:
    """Each public route, the pages, the API, and sign-in."""
    signed = {"x-signature": "sha256=SIGN", "content-type": "application/json"}
    for report in report_flux.seeds():
        yield _with("POST /reports/flux/edge-1", signed, report.partition(b"\n\n")[2])
    for value in facts.seeds():
        yield _with("POST /facts/edge-1", signed, value)
    yield _with("POST /hooks/github", {"x-hub-signature-256": "sha256=0"}, b"{}")
    for path in (
        *("/", "/healthz", "/rollouts/storefront", "/clusters?q=a&page=2&region=eu", "/sign-in"),
        *("/api/v1/rollouts", "/api/v1/rollouts/storefront", "/api/v1/openapi.json", "/plans/x"),
        *(
            "/sign-in/github/done?code=a&state=b",
            "/static/x",
            "/setup?key=a",
            "/metrics",
            "/events",
        ),
    ):
        yield _with(f"GET {path}", {"accept": "text/html", "host": "127.0.0.1:7080"})
    yield _with("POST /sign-out", {"sec-fetch-site": "same-origin", "cookie": "a=b"})


WORDS = (
    *(b"GET ", b"POST ", b"HEAD ", b"/api/v1/", b"?page=", b"&q=", b"%00", b"%2e%2e/", b"\nhost: "),
    *(b"\naccept: text/html", b"\ncookie: ", b"\nx-signature: sha256=SIGN", b"\nif-none-match: "),
    *(b"\nlast-event-id: ", b"\nx-forwarded-for: ", b"\xff", b"\ncontent-type: ", b"charset=x"),
)
TARGET = Target(check, seeds, WORDS, share=0.06)
