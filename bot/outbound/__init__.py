"""Requests to servers that documents name: to permitted addresses alone, within limits.

`client` is the implementation, and the importer of httpx; `prometheus` asks for values. Holds
nothing of what a value means.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class OutboundError(Exception):
    """A server was not asked, or did not answer within the limits; the message says why."""


class NotSentError(OutboundError):
    """Nothing of the request has left: the server cannot have seen it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server: its scheme, host and port. With `private_network` its address may be private."""

    address: str
    private_network: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The status and the body of an answer; `retry_after` is that header, empty without it."""

    status: int
    body: bytes
    retry_after: str = ""


class Outbound(Protocol):
    """What sends requests."""

    async def send(
        self,
        server: Server,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """The answer of a server to a request for `target`, a path with its query.

        Raises:
            OutboundError: it has no permitted address, or does not answer within the limits.
        """
