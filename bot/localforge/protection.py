"""Reads what a push wants to change before Git sees it, and refuses it in Git's own words.

Formats: gitprotocol-common(5) (pkt-line) and gitprotocol-pack(5) (receive-pack, report-status).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LENGTH = 4
ZERO = "0" * 40


class PushFormatError(Exception):
    """The bytes are no push."""


@dataclass(frozen=True, slots=True)
class Command:
    """One ref of a push, from `old` to `new`; forty zeros stand for none."""

    old: str
    new: str
    ref: str

    @property
    def branch(self) -> str | None:
        """The branch, if the ref is one."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


@dataclass(frozen=True, slots=True)
class Push:
    """The commands of a push and what the client understands."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]


def read_push(body: bytes) -> Push | None:
    """The commands at the beginning of a request; None while more bytes are needed.

    Raises:
        PushFormatError: it is not a push.
    """
    commands: list[Command] = []
    capabilities: frozenset[str] = frozenset()
    for line in _lines(body):
        if line is None:
            return None
        if line == b"":
            return Push(tuple(commands), capabilities)
        text, _, extra = line.partition(b"\0")
        if extra:
            capabilities = frozenset(extra.decode("utf-8", "replace").split())
        words = text.decode("utf-8", "replace").strip().split(" ", 2)
        if words[0].startswith("shallow"):
            continue
        if len(words) != 3:  # noqa: PLR2004 - old, new, ref
            raise PushFormatError("a command has three words")
        commands.append(Command(*words))
    return None


def _lines(body: bytes) -> Iterator[bytes | None]:
    """Each pkt-line; empty for a flush, None where the bytes end too early."""
    at = 0
    while True:
        if len(body) < at + LENGTH:
            yield None
            return
        try:
            length = int(body[at : at + LENGTH], 16)
        except ValueError as error:
            raise PushFormatError("a line has no length") from error
        if length == 0:
            yield b""
            return
        if len(body) < at + length:
            yield None
            return
        yield body[at + LENGTH : at + length]
        at += length


def refuse(push: Push, reasons: Mapping[str, str]) -> bytes:
    """The answer to a push of which nothing is accepted; `reasons` maps refs to why."""
    lines = [_line(b"unpack ok\n")]
    for command in push.commands:
        why = reasons.get(command.ref, "refused together with another branch")
        lines.append(_line(f"ng {command.ref} {why}\n".encode()))
    report = b"".join(lines) + b"0000"
    if "side-band-64k" in push.capabilities:
        return _line(b"\x01" + report) + b"0000"
    return report


def _line(data: bytes) -> bytes:
    return f"{len(data) + LENGTH:04x}".encode() + data
