"""GitHub's webhooks: the signature over the exact bytes, then what they name.

Source: GitHub Docs, "Validating webhook deliveries", "Webhook events and payloads".
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.forges import Delivery


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes]) -> Delivery | None:
    """`X-Hub-Signature-256` by any of the secrets, compared in constant time."""
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
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not (identity and event and isinstance(payload, dict)):
        return None
    repository = _mapping(payload.get("repository")).get("full_name")
    named = repository if isinstance(repository, str) else ""
    return Delivery(identity, event, named, _number(payload))


def _number(payload: Mapping[str, Any]) -> int | None:
    """The pull request that an event is about; issues have numbers too, and are none."""
    issue = _mapping(payload.get("issue"))
    for part in (_mapping(payload.get("pull_request")), issue if "pull_request" in issue else {}):
        number = part.get("number")
        if type(number) is int:
            return number
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
