"""Verifies and parses the local forge's webhooks; the signature covers the exact bytes."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.forges import Delivery


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes]) -> Delivery | None:
    """Verify the HMAC-SHA256 of the body with each of the secrets, in constant time."""
    given = headers.get("x-switchyard-signature-256", "").removeprefix("sha256=")
    signatures = [hmac.new(secret, body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    sent = given.encode("utf-8", "replace")
    matches = [hmac.compare_digest(each, sent) for each in signatures]
    if not any(matches):
        return None
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _delivery(headers, event) if isinstance(event, dict) else None


def _delivery(headers: Mapping[str, str], event: Mapping[str, Any]) -> Delivery | None:
    """Parse an authentic webhook; None if it does not have the expected fields."""
    repository, number = event.get("repository"), event.get("number")
    identity, kind = headers.get("x-switchyard-delivery"), headers.get("x-switchyard-event")
    if not (identity and kind and isinstance(repository, str)):
        return None
    if number is not None and type(number) is not int:
        return None
    sender = event.get("sender")
    return Delivery(identity, kind, repository, number, sender if isinstance(sender, str) else "")
