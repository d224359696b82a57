"""The local forge's webhooks: the signature over the exact bytes, then what they name."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.forges import Delivery


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes]) -> Delivery | None:
    """HMAC-SHA256 over the exact body, by any of the secrets."""
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
    """What a genuine webhook names; None when it is not of our forge's shape."""
    repository, number = event.get("repository"), event.get("number")
    identity, kind = headers.get("x-switchyard-delivery"), headers.get("x-switchyard-event")
    if not (identity and kind and isinstance(repository, str)):
        return None
    if number is not None and type(number) is not int:
        return None
    return Delivery(identity, kind, repository, number)
