"""Files of pinned SSH host keys, without the file."""

from collections.abc import Iterator

from bot.git.known_hosts import _entry
from tests.fuzz import Target, text

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0gBqIRWnBvSKZWPGMyGLhAvk5LcVpPQmUkiVEGvGSl"


def check(data: bytes) -> None:
    """ValueError, or plain names and one key on a line of its own."""
    for line in text(data).encode("ascii", "ignore").decode().splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            entry = _entry(line)
        except ValueError:
            continue
        assert entry.names
        assert not any(sign in name for name in entry.names for sign in "*?!@\n ")
        assert "\n" not in entry.key


def seeds() -> Iterator[bytes]:
    """Plain, hashed, with a port, with a marker."""
    for names in ("github.com,10.0.0.1", "[git.example.com]:2222", "@revoked a", "*.b", "!a,a"):
        yield f"{names} ssh-ed25519 {KEY} comment\n".encode()
    yield f"|1|{'A' * 27}=|{'B' * 27}= ssh-ed25519 {KEY}\n".encode()


WORDS = (b"|1|", b"ssh-rsa ", b"@cert-authority ", b"*", b",", b"[", b"]:22 ", KEY.encode())
TARGET = Target(check, seeds, WORDS)
