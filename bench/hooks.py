"""Webhooks taken per second, each stored durably before it is answered, beside a bare route."""

import asyncio
import hashlib
import hmac
import json
import tempfile
import time
from pathlib import Path

import httpx
from fastapi import FastAPI, Request

from bot.app import make_context, make_forges
from bot.clock import system_clock
from bot.context import Context
from bot.engine import discovery
from bot.engine.propose import Proposal
from bot.sandbox.forge.server import ThreadedServer
from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.server import create_app
from planners.model.snapshot import Snapshot

SECRET = "a-secret-of-the-measurement"
SENT, AT_ONCE = 3_000, 32


def run() -> None:
    """Print both, and their ratio."""
    print(f"\n{SENT} webhooks of GitHub's shape, {AT_ONCE} at once, over loopback")
    bare = FastAPI()

    @bare.post("/hooks/github", status_code=202)
    async def hook(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    plain = _measure(bare)
    with tempfile.TemporaryDirectory() as folder:
        ours = _measure(service_of(Path(folder))[0])
    for name, (rate, p99) in (("a bare FastAPI route", plain), ("verified and stored", ours)):
        print(f"{name:>22}: {rate:>7.0f} a second, 99% within {p99 * 1000:.0f} ms")
    print(f"storing takes {plain[0] / ours[0]:.1f} times as long as answering alone")


def service_of(folder: Path) -> tuple[FastAPI, Context]:
    """A service without workers that knows no forge but GitHub."""
    settings = Settings(
        data_dir=folder,
        fleet="github:example/fleet",
        marker_key="marker-key-of-the-measurement",
        report_key="report-key-of-the-measurement",
        github_token="token",
        github_webhook_secrets=[SECRET],
    )

    async def planner(snapshot: Snapshot) -> Proposal:
        raise NotImplementedError(snapshot)

    context = make_context(settings, make_forges(settings, system_clock), planner, system_clock)
    auth = Auth(settings, discovery.forges(), context)
    return create_app(auth, discovery.agents(), ("report-key",), lambda: None), context


def _measure(app: FastAPI) -> tuple[float, float]:
    server = ThreadedServer(app).start()
    try:
        return asyncio.run(_send(f"{server.url}/hooks/github"))
    finally:
        server.stop()


async def _send(url: str) -> tuple[float, float]:
    payload = {"repository": {"full_name": "example/app"}, "pull_request": {"number": 1}}
    body = json.dumps({**payload, "padding": "x" * 8_000}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    times: list[float] = []
    numbers = iter(range(SENT))
    limits = httpx.Limits(max_connections=AT_ONCE)

    async def one(client: httpx.AsyncClient) -> None:
        for number in numbers:
            headers = {
                "x-github-event": "pull_request",
                "x-github-delivery": f"delivery-{number}",
                "x-hub-signature-256": f"sha256={signature}",
            }
            start = time.perf_counter()
            answer = await client.post(url, content=body, headers=headers)
            times.append(time.perf_counter() - start)
            assert answer.status_code == 202, answer.text

    async with httpx.AsyncClient(limits=limits, timeout=30, trust_env=False) as client:
        start = time.perf_counter()
        await asyncio.gather(*(one(client) for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - start
    return SENT / seconds, sorted(times)[int(len(times) * 0.99)]
