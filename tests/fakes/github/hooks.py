"""The local forge's events as GitHub's webhooks, signed as GitHub signs."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace

import httpx

from tests.fakes.github import shapes
from tests.fakes.github.state import Delivery, GitHub, Json

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
        self._github, self.secret, self._onward = github, secret, onward
        self.refuse = False
        self._lost: list[tuple[Delivery, httpx.URL, dict[str, str]]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        told = json.loads(await request.aread())
        event, payload = payload_of(self._github(), request.headers["x-switchyard-event"], told)
        body = json.dumps(payload).encode()
        signature = hmac.new(self.secret, body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": request.headers["x-switchyard-delivery"],
            "x-github-hook-id": "1",
            "x-hub-signature-256": f"sha256={signature}",
        }
        github, guid = self._github(), headers["x-github-delivery"]
        made = Delivery(len(github.deliveries) + 1, guid, event, body, 0)
        github.deliveries.append(made)
        github.redeliver = lambda lost: self._lost.append((lost, request.url, headers))
        answer = await self._onward.handle_async_request(
            httpx.Request("POST", request.url, headers=headers, content=body)
        )
        made.status = answer.status_code
        return answer

    async def redeliver(self) -> None:
        """Send what the bot asked for again, under the same delivery id."""
        github = self._github()
        while self._lost:
            lost, url, headers = self._lost.pop(0)
            signature = hmac.new(self.secret, lost.body, hashlib.sha256).hexdigest()
            told = {
                **headers,
                "x-github-event": lost.event,
                "x-github-delivery": lost.guid,
                "x-hub-signature-256": f"sha256={signature}",
            }
            request = httpx.Request("POST", url, headers=told, content=lost.body)
            status = 502
            if not self.refuse:
                status = (await self._onward.handle_async_request(request)).status_code
            number = len(github.deliveries) + 1
            again = replace(lost, id=number, status=status, redelivery=True)
            github.deliveries.append(again)


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
            else (kind, {**payload, kind: {"head_ref": told.get("ref") or ""}})
            if kind == "merge_group"
            else (kind, payload)
        )
    found = forge.request(path, told["number"])
    if kind == "review_comment":
        pull = shapes.pull(forge, found, web, listed=True)
        return "pull_request_review_comment", {**payload, "pull_request": pull}
    if kind == "comment":
        return "issue_comment", {**payload, "issue": shapes.issue(forge, found, web)}
    reviewed = kind == "review" or told["action"] in {"approved", "unapproved"}
    pull = shapes.pull(forge, found, web, listed=True)
    return "pull_request_review" if reviewed else "pull_request", {**payload, "pull_request": pull}
