"""GitHub's webhooks: headers, a blank line, the body. `SIGN` in a header is a valid signature."""

import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

from bot.forges.github.webhooks import verify
from tests.fuzz import Target
from tests.fuzz.requests import check_delivery, message, request

KEY = b"webhook-secret-of-github"
EXAMPLES = Path(__file__).parents[2] / "data/github/webhooks.json.gz"
HEADERS = {
    "x-hub-signature-256": "sha256=SIGN",
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "content-type": "application/json",
}


def check(data: bytes) -> None:
    """An accepted delivery has a valid signature over the exact bytes."""
    headers, body = request(data, lambda body: hmac.new(KEY, body, hashlib.sha256).hexdigest())
    delivery = verify(headers, body, (b"other-secret-of-github", KEY))
    if delivery is not None:
        expected = "sha256=" + hmac.new(KEY, body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == expected
        check_delivery(delivery)


def seeds() -> Iterator[bytes]:
    """GitHub's own examples, one of each event, and one that is not signed."""
    for event, payload in json.loads(gzip.decompress(EXAMPLES.read_bytes())):
        body = json.dumps({key: payload[key] for key in list(payload)[:6]}).encode()[:4000]
        yield message({**HEADERS, "x-github-event": event}, body)
    yield message({"x-hub-signature-256": "sha256=" + "0" * 64}, b"{}")
    yield message(
        {**HEADERS, "content-type": "application/x-www-form-urlencoded"},
        b"payload=%7B%22repository%22%3A%7B%22full_name%22%3A%22a%2Fb%22%7D%7D",
    )


WORDS = (
    *(
        b'"pull_request":',
        b'"issue":',
        b'"merge_group":',
        b'"head_ref":',
        b'"number":',
        b"payload=",
    ),
    *(
        b'"refs/heads/gh-readonly-queue/main/pr-104-4ebc2f8"',
        b"sha256=",
        b"SIGN",
        b"charset=utf-16",
    ),
)
TARGET = Target(check, seeds, WORDS, share=2)
