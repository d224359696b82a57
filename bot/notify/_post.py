"""Posting JSON to the server of a channel, and what its answers mean for a message."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.notify import NotDeliveredError, UnsureError
from bot.outbound import NotSentError, Outbound, OutboundError, Reply, Server

TOO_MANY, BROKEN = 429, 500
LONGEST_WAIT = 3600.0


async def post(
    outbound: Outbound, url: str, body: bytes, headers: Mapping[str, str], *, private: bool
) -> Reply:
    """The answer of a server that took the message, with a status of 2xx.

    The URL may be a secret: no error has more of it than the host.

    Raises:
        NotDeliveredError: the server cannot be reached, or did not take it.
        UnsureError: it has not answered.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise NotDeliveredError("its secret in the settings is no URL of a server", final=True)
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
