"""The local forge's events as GitLab's webhooks, signed (Standard Webhooks)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import httpx

from tests.fakes.gitlab import merging, projects, shapes
from tests.fakes.gitlab.state import GitLab, Json

EVENTS = {"merge_request": "Merge Request Hook", "note": "Note Hook", "push": "Push Hook"}


class GitLabHooks(httpx.AsyncBaseTransport):
    """Stands where the local forge sends its webhooks, and sends GitLab's on."""

    def __init__(
        self, gitlab: Callable[[], GitLab], secret: bytes, onward: httpx.AsyncBaseTransport
    ) -> None:
        self._gitlab, self._secret, self._onward = gitlab, secret, onward

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        told = json.loads(await request.aread())
        payload = payload_of(self._gitlab(), request.headers["x-switchyard-event"], told)
        body = json.dumps(payload).encode()
        identity = request.headers["x-switchyard-delivery"]
        at = str(int(self._gitlab().clock().timestamp()))
        content = f"{identity}.{at}.".encode() + body
        digest = hmac.new(self._secret, content, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-gitlab-event": EVENTS.get(payload["object_kind"], "System Hook"),
            "x-gitlab-event-uuid": identity,
            "idempotency-key": identity,
            "webhook-id": identity,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
        return await self._onward.handle_async_request(
            httpx.Request("POST", request.url, headers=headers, content=body)
        )


def payload_of(gitlab: GitLab, kind: str, told: Json) -> Json:
    """The payload; a push names its user in another way (GitLab Docs, "Webhook events")."""
    forge, path = gitlab.forge, told["repository"]
    user = shapes.user(forge.users[told["sender"]], gitlab.web)
    payload: Json = {
        "object_kind": {"comment": "note", "status": "pipeline"}.get(kind, kind),
        **({"user_username": user["username"]} if kind == "push" else {"user": user}),
        "project": projects.project(forge, path, gitlab.web),
        "ref": told.get("ref"),
    }
    if told.get("number") is None:
        return payload
    found = forge.request(path, told["number"])
    value = merging.told(gitlab, found)
    if kind == "comment":
        return {
            **payload,
            "object_attributes": {"noteable_type": "MergeRequest"},
            "merge_request": value,
        }
    return {**payload, "object_attributes": {**value, "action": told["action"]}}
