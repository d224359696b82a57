"""Verifies and parses GitLab's webhooks, with a signature or a secret token in a header.

Sources: GitLab Docs, "Webhooks" (X-Gitlab-Token, Idempotency-Key; webhook-signature as in
Standard Webhooks, see `bot.signatures`), "Webhook events".
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.forges import Delivery
from bot.signatures import is_signed


def verify(
    headers: Mapping[str, str], body: bytes, secrets: tuple[bytes, ...], now: datetime
) -> Delivery | None:
    """Verify with each of the secrets, in constant time; a signature overrides a token."""
    if "webhook-signature" in headers:
        authentic = is_signed(headers, body, secrets, now)
    else:
        given = headers.get("x-gitlab-token", "").encode("utf-8", "replace")
        matches = [hmac.compare_digest(secret, given) for secret in secrets]
        authentic = any(matches)
    return _delivery(headers, body) if authentic else None


def _delivery(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(payload, dict):
        return None
    kind = payload.get("object_kind") or headers.get("x-gitlab-event") or "unknown"
    names = ("idempotency-key", "webhook-id", "x-gitlab-event-uuid")
    stated = next((headers[name] for name in names if headers.get(name)), "")
    path = _mapping(payload.get("project")).get("path_with_namespace")
    named = path if isinstance(path, str) else ""
    identity = stated or hashlib.sha256(body).hexdigest()
    return Delivery(identity, str(kind), named, _number(payload), _sender(payload))


def _sender(payload: Mapping[str, Any]) -> str:
    """Who did what an event tells; events of pipelines and jobs name who started those."""
    match payload.get("object_kind"):
        case "push":
            login = payload.get("user_username")
        case "merge_request" | "note":
            login = _mapping(payload.get("user")).get("username")
        case _:
            return ""
    return login if isinstance(login, str) else ""


def _number(payload: Mapping[str, Any]) -> int | None:
    """The number of the merge request that an event concerns."""
    own = payload.get("object_kind") == "merge_request"
    part = payload.get("object_attributes") if own else payload.get("merge_request")
    number = _mapping(part).get("iid")
    return number if type(number) is int else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
