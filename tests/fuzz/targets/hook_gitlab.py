"""GitLab's webhooks, with a secret token or a signature of Standard Webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.forges.gitlab.webhooks import verify
from tests.fuzz import Target
from tests.fuzz.requests import check_delivery, message, request

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
KEY = b"webhook-key-of-gitlab-32-bytes.."
SIGNING = b"whsec_" + base64.b64encode(KEY)
TOKEN = b"webhook-token-of-gitlab"
BODY = {
    "object_kind": "merge_request",
    "project": {"path_with_namespace": "shop/storefront"},
    "object_attributes": {"iid": 7},
}


def _signature(body: bytes) -> str:
    content = f"msg_1.{STAMP}.".encode() + body
    return base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()


def check(data: bytes) -> None:
    """An accepted delivery has the token, or a valid and recent signature."""
    headers, body = request(data, _signature)
    delivery = verify(headers, body, (TOKEN, SIGNING), NOW)
    if delivery is None:
        return
    if "webhook-signature" in headers:
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        keys = (KEY, TOKEN)
        valid = {
            "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
            for key in keys
        }
        assert valid & set(headers["webhook-signature"].split(" "))
        assert abs(int(headers["webhook-timestamp"]) - NOW.timestamp()) <= 300
    else:
        assert headers["x-gitlab-token"].encode() in {TOKEN, SIGNING}
    check_delivery(delivery)


def seeds() -> Iterator[bytes]:
    """Both ways, for each kind of event that concerns a merge request."""
    for kind in ("merge_request", "note", "pipeline", "push"):
        body = json.dumps({**BODY, "object_kind": kind, "merge_request": {"iid": 8}}).encode()
        yield message({"x-gitlab-token": TOKEN.decode(), "x-gitlab-event": "Note Hook"}, body)
        signed = {"webhook-id": "msg_1", "webhook-timestamp": STAMP}
        yield message({**signed, "webhook-signature": "v1,AAAA v1,SIGN"}, body)
    yield message({"webhook-signature": "v1,SIGN", "webhook-timestamp": "9" * 20}, b"{}")


TARGET = Target(
    check, seeds, (b"v1,SIGN", b" v1,", b"msg_1", STAMP.encode(), TOKEN, b'"iid":'), share=2
)
