"""Webhooks taken per second, each stored durably before it is answered, beside a bare route."""

import hashlib
import hmac
import json
import tempfile
from pathlib import Path

from fastapi import FastAPI, Request
from pydantic import SecretStr

from bench.load import AT_ONCE, TURNS, best_in_turns, measure, request
from bench.table import Row
from bot.app import make_context, make_forges
from bot.clock import system_clock
from bot.context import Context
from bot.engine import discovery
from bot.engine.propose import Draft
from bot.settings import Settings
from bot.web.auth import Auth
from bot.web.server import create_app
from planners.model.snapshot import Snapshot

SECRET = "a-secret-of-the-measurement"
SENT = 2_000
PAYLOAD = {"repository": {"full_name": "example/app"}, "pull_request": {"number": 1}}
BODY = json.dumps({**PAYLOAD, "padding": "x" * 8_000}).encode()
SIGNATURE = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()


def run() -> list[Row]:
    """Measure both, print them, and return the row of their ratio."""
    print(f"\n{SENT} webhooks of GitHub's shape, {AT_ONCE} at once, over loopback: best of {TURNS}")
    bare = FastAPI()

    @bare.post("/hooks/github", status_code=202)
    async def hook(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    with tempfile.TemporaryDirectory() as folder:
        app, context = service_of(Path(folder))
        plain, ours = best_in_turns(
            lambda _: measure(bare, webhook, range(SENT), guarded=False),
            lambda turn: measure(app, webhook, range(turn * SENT, (turn + 1) * SENT), guarded=True),
        )
        context.store.close()
    for name, found in (("a bare FastAPI route", plain), ("verified and stored", ours)):
        print(f"{name:>22}: {found.rate:>7.0f} a second, 99% within {found.p99 * 1000:.0f} ms")
    ratio = plain.rate / ours.rate
    return [Row("webhook stored and answered, beside a bare route", ratio, 1.3, "times")]


def webhook(number: int) -> bytes:
    """A delivery of its own."""
    headers = {
        "x-github-event": "pull_request",
        "x-github-delivery": f"delivery-{number}",
        "x-hub-signature-256": f"sha256={SIGNATURE}",
    }
    return request("/hooks/github", headers, BODY)


def service_of(folder: Path) -> tuple[FastAPI, Context]:
    """A service without workers that knows no forge but GitHub."""
    settings = Settings(
        data_dir=folder,
        fleet="github:example/fleet",
        marker_key=SecretStr("marker-key-of-the-measurement"),
        report_key=SecretStr("report-key-of-the-measurement"),
        github_token=SecretStr("token"),
        github_webhook_secrets=[SecretStr(SECRET)],
    )

    async def drafter(planned: Snapshot) -> Draft:
        raise NotImplementedError(planned)

    context = make_context(settings, make_forges(settings, system_clock), drafter, system_clock)
    auth = Auth(settings, discovery.forges(), context)
    return create_app(auth, discovery.agents(), ("report-key",), lambda: None), context
