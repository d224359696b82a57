"""The local forge's events as GitHub's webhooks, signed as GitHub signs."""

import hashlib
import hmac
import json
from collections.abc import Callable

import httpx

from tests.fakes.github import shapes
from tests.fakes.github.api import GitHub, Json

ACTIONS = {
    "merged": "closed",
    "approved": "submitted",
    "unapproved": "dismissed",
    "edited": "edited",
}


class GitHubHooks(httpx.AsyncBaseTransport):
    """Stands where the local forge sends its webhooks, and sends GitHub's on."""

    def __init__(
        self, github: Callable[[], GitHub], secret: bytes, onward: httpx.AsyncBaseTransport
    ) -> None:
        self._github, self._secret, self._onward = github, secret, onward

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        told = json.loads(await request.aread())
        event, payload = payload_of(self._github(), request.headers["x-switchyard-event"], told)
        body = json.dumps(payload).encode()
        signature = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": request.headers["x-switchyard-delivery"],
            "x-github-hook-id": "1",
            "x-hub-signature-256": f"sha256={signature}",
        }
        return await self._onward.handle_async_request(
            httpx.Request("POST", request.url, headers=headers, content=body)
        )


def payload_of(github: GitHub, kind: str, told: Json) -> tuple[str, Json]:
    """The event's name and payload at GitHub."""
    forge, web, path = github.forge, github.web, told["repository"]
    payload: Json = {
        "action": ACTIONS.get(told["action"], told["action"]),
        "repository": shapes.repository(forge, path, web),
        "sender": shapes.user(forge.users[told["sender"]], web),
        "installation": {"id": 11},
    }
    if told.get("number") is None:
        return (
            ("push", {**payload, "ref": told.get("ref") or ""})
            if kind == "push"
            else (kind, payload)
        )
    found = forge.request(path, told["number"])
    if kind == "comment":
        return "issue_comment", {**payload, "issue": shapes.issue(forge, found, web)}
    reviewed = told["action"] in {"approved", "unapproved"}
    pull = shapes.pull(forge, found, web, listed=True)
    return "pull_request_review" if reviewed else "pull_request", {**payload, "pull_request": pull}
