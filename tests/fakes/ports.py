"""Ports for programs that choose theirs by a setting."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port on loopback that nobody else is given, and that a program can listen on meanwhile.

    A port that was free a moment ago may be somebody else's now. While a socket is bound to it, the
    system hands it out to nobody; with SO_REUSEADDR on both, another one may bind to it and listen
    (socket(7), ip(7)).
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
