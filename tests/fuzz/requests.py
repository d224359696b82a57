"""Inputs that are HTTP requests: header lines, a blank line, the body."""

import contextlib
from collections.abc import Callable, Mapping

from bot.forges import Delivery
from bot.store.inbox import IncomingDelivery, InvalidDeliveryError

SIGN = "SIGN"


def request(data: bytes, sign: Callable[[bytes], str]) -> tuple[dict[str, str], bytes]:
    """Headers with lower-case names, as a server decodes them, and the body."""
    head, _, body = data.partition(b"\n\n")
    signature = sign(body)
    headers = {}
    for line in head.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip().replace(SIGN, signature, 2)
    return headers, body


def message(headers: Mapping[str, str], body: bytes) -> bytes:
    """The input that `request` reads."""
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    return head.encode("latin-1") + b"\n\n" + body


def check_delivery(delivery: Delivery) -> None:
    """What the service does with it next fails in its declared way alone."""
    with contextlib.suppress(InvalidDeliveryError):
        IncomingDelivery(
            "forge", delivery.id, delivery.event, delivery.repository, delivery.number, b""
        )
