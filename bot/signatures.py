"""Signed requests between Switchyard and servers that share a secret with it.

Source: Standard Webhooks 1.0 (headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; the
signed content is id, timestamp and body, joined by full stops; `v1,` and HMAC-SHA256 in Base64;
several signatures are separated by spaces).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

MAX_SKEW = timedelta(minutes=5)
MOST_SIGNATURES = 8
PREFIX = b"whsec_"
LONGEST_TIME = len("9999999999")


def signed_headers(secret: bytes, identity: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers that sign a body."""
    at = str(int(now.timestamp()))
    return {
        "webhook-id": identity,
        "webhook-timestamp": at,
        "webhook-signature": _signature(secret, identity, at, body).decode(),
    }


def is_signed(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now: datetime
) -> bool:
    """Whether somebody with one of the secrets signed the body not long ago; never raises.

    `headers` has lower-case names.
    """
    identity, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (at.isascii() and at.isdigit()) or len(at) > LONGEST_TIME:
        return False
    if abs(now - datetime.fromtimestamp(int(at), UTC)) > MAX_SKEW:
        return False
    given = headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    wanted = [_signature(each, identity, at, body) for each in secrets]
    matches = [
        hmac.compare_digest(one, other.encode("utf-8", "replace"))
        for one in wanted
        for other in given
    ]
    return any(matches)


def _signature(secret: bytes, identity: str, at: str, body: bytes) -> bytes:
    content = f"{identity}.{at}.".encode("utf-8", "replace") + body
    return b"v1," + base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest())


def _key(secret: bytes) -> bytes:
    """The key encoded in `whsec_<Base64>`; any other secret is used as it is."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            return secret
    return secret
