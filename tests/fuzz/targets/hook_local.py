"""Webhooks of the local forge."""

import hashlib
import hmac
import json
from collections.abc import Iterator

from bot.forges.local.webhooks import verify
from tests.fuzz import Target
from tests.fuzz.requests import check_delivery, message, request

KEY = b"webhook-secret-of-the-local-forge"
HEADERS = {
    "x-switchyard-signature-256": "sha256=SIGN",
    "x-switchyard-delivery": "1",
    "x-switchyard-event": "comment",
}


def _sign(body: bytes) -> str:
    return hmac.new(KEY, body, hashlib.sha256).hexdigest()


def check(data: bytes) -> None:
    """An accepted delivery has a valid signature over the exact bytes."""
    headers, body = request(data, _sign)
    delivery = verify(headers, body, (KEY,))
    if delivery is not None:
        assert headers["x-switchyard-signature-256"].removeprefix("sha256=") == _sign(body)
        check_delivery(delivery)


def seeds() -> Iterator[bytes]:
    """A merge request's event and a push."""
    yield message(HEADERS, json.dumps({"repository": "fleet/deploy", "number": 7}).encode())
    yield message(HEADERS, json.dumps({"repository": "fleet/deploy", "number": None}).encode())
    yield message({}, b"")


TARGET = Target(check, seeds, (b"sha256=SIGN", b'"repository":', b'"number":'), share=2)
