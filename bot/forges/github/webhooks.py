"""Verifies and parses GitHub's webhooks; the signature covers the exact bytes.

Source: GitHub Docs, "Validating webhook deliveries", "Webhook events and payloads".
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from bot.forges import Delivery
from bot.forges.github.merging import merge_queue_commits

DONE_BY_THE_SENDER = frozenset({"push", "pull_request", "issue_comment", "status"})
"""Events of what the sender did: those of checks name who pushed, long after the push."""
FORM = "application/x-www-form-urlencoded"


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes]) -> Delivery | None:
    """Verify `X-Hub-Signature-256` with each of the secrets, in constant time."""
    given = headers.get("x-hub-signature-256", "").encode("utf-8", "replace")
    wanted = [
        b"sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
        for secret in secrets
    ]
    matches = [hmac.compare_digest(each, given) for each in wanted]
    if not any(matches):
        return None
    return _delivery(headers, body)


def _delivery(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    identity, event = headers.get("x-github-delivery"), headers.get("x-github-event")
    if headers.get("content-type", "").startswith(FORM):
        body = parse_qs(body.decode("utf-8", "replace")).get("payload", [""])[0].encode()
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not (identity and event and isinstance(payload, dict)):
        return None
    repository = _mapping(payload.get("repository")).get("full_name")
    named = repository if isinstance(repository, str) else ""
    login = _mapping(payload.get("sender")).get("login")
    sender = login if event in DONE_BY_THE_SENDER and isinstance(login, str) else ""
    return Delivery(identity, event, named, _number(payload), sender)


def _number(payload: Mapping[str, Any]) -> int | None:
    """The number of the pull request that an event concerns; plain issues do not count.

    For a merge group it comes from the name of its branch.
    """
    issue = _mapping(payload.get("issue"))
    for part in (_mapping(payload.get("pull_request")), issue if "pull_request" in issue else {}):
        number = part.get("number")
        if type(number) is int:
            return number
    reference = _mapping(payload.get("merge_group")).get("head_ref")
    queued = (
        merge_queue_commits({reference.removeprefix("refs/heads/"): ""})
        if isinstance(reference, str)
        else {}
    )
    return next(iter(queued), None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
