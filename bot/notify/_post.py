"""Posting JSON to the server of a channel, and what its answers mean for a message."""

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

from bot.notify import NotDeliveredError, UnsureError
from bot.outbound import NotSentError, Outbound, OutboundError, Reply, Server

TOO_MANY, BROKEN = 429, 500
LONGEST_WAIT = 3600.0


def parts_of(url: str, schemes: Collection[str]) -> SplitResult:
    """The parts of a URL from the settings.

    Raises:
        NotDeliveredError: it is no such URL; no part of it is told.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise NotDeliveredError("its secret in the settings is no URL of a server", final=True)
    return parts


async def post(
    outbound: Outbound, url: str, body: bytes, headers: Mapping[str, str], *, private: bool
) -> Reply:
    """The answer of a server that took the message, with a status of 2xx.

    The URL may be a secret: no error has more of it than the host.

    Raises:
        NotDeliveredError: the server cannot be reached, or did not take it.
        UnsureError: it has not answered.
    """
    parts = parts_of(url, frozenset({"https", "http"}))
    if parts.username is not None:
        raise NotDeliveredError("the URL in the settings must not name a user", final=True)
    target = url[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
    server = Server(f"{parts.scheme}://{parts.netloc}", private)
    sent = {"content-type": "application/json; charset=utf-8", **headers}
    try:
        reply = await outbound.send(server, "POST", target, headers=sent, body=body)
    except NotSentError as error:
        raise NotDeliveredError(str(error)) from None
    except OutboundError as error:
        raise UnsureError(str(error)) from None
    host = parts.hostname
    if reply.status == TOO_MANY or reply.status >= BROKEN:
        wait = float(reply.retry_after) if reply.retry_after.isdecimal() else 0.0
        raise NotDeliveredError(
            f"{host} answered with status {reply.status}", retry_after=min(wait, LONGEST_WAIT)
        )
    if reply.status not in range(200, 300):
        raise NotDeliveredError(f"{host} answered with status {reply.status}", final=True)
    return reply
