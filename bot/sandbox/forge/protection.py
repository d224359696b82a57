"""Parses the ref updates of a push before Git does, and rejects a push in Git's protocol.

Formats: gitprotocol-common(5) (pkt-line) and gitprotocol-pack(5) (receive-pack, report-status,
side-band). Parsing is as strict as Git's own, so that both see the same commands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LENGTH = 4
BAND = 65_515
ZERO = "0" * 40
_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")
_COMMAND = re.compile(rb"([0-9a-f]{40}) ([0-9a-f]{40}) ([^\n]+)\n?", re.DOTALL)
_SHALLOW = re.compile(rb"shallow [0-9a-f]{40}\n?")


class PushFormatError(Exception):
    """The bytes are not a valid push."""


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """The update of one ref from `old` to `new`; forty zeros mean that it does not exist.

    Bytes of a name that are not UTF-8 are kept as surrogate escapes.
    """

    old: str
    new: str
    ref: str

    @property
    def branch(self) -> str | None:
        """The name of the branch, if the ref is a branch."""
        return self.ref.removeprefix("refs/heads/") if self.ref.startswith("refs/heads/") else None


@dataclass(frozen=True, slots=True)
class Push:
    """The ref updates of a push, and the capabilities of the client."""

    updates: tuple[RefUpdate, ...]
    capabilities: frozenset[str]


def read_push(body: bytes) -> Push | None:
    """Parse the ref updates at the beginning of a request; None if more bytes are needed.

    Raises:
        PushFormatError: it is not a push.
    """
    updates: list[RefUpdate] = []
    capabilities: frozenset[str] = frozenset()
    for line in _lines(body):
        if line is None:
            return Push(tuple(updates), capabilities)
        text, _, extra = line.partition(b"\0")
        if extra:
            capabilities |= frozenset(extra.decode("utf-8", "replace").split())
        if _SHALLOW.fullmatch(text):
            continue
        found = _COMMAND.fullmatch(text)
        if found is None:
            raise PushFormatError("invalid push: a line is not a command")
        old, new, ref = (part.decode("utf-8", "surrogateescape") for part in found.groups())
        updates.append(RefUpdate(old, new, ref))
    return None


def _lines(body: bytes) -> Iterator[bytes | None]:
    """Each pkt-line, None for a flush; stops where bytes are missing."""
    at = 0
    while len(body) >= at + LENGTH:
        if not _LENGTH.fullmatch(body, at, at + LENGTH):
            raise PushFormatError("invalid push: a line has no length")
        length = int(body[at : at + LENGTH], 16)
        if length == 0:
            yield None
            return
        if length <= LENGTH:
            raise PushFormatError("invalid push: a line is empty")
        if len(body) < at + length:
            return
        yield body[at + LENGTH : at + length]
        at += length


def refuse(push: Push, reasons: Mapping[str, str]) -> bytes:
    """The response that rejects a whole push; `reasons` is by ref."""
    if not {"report-status", "report-status-v2"} & push.capabilities:
        return b""
    lines = [_line(b"unpack ok\n")]
    for update in push.updates:
        why = reasons.get(update.ref, "rejected together with another ref")
        lines.append(_line(f"ng {update.ref} {why}\n".encode(errors="surrogateescape")))
    report = b"".join(lines) + b"0000"
    if "side-band-64k" not in push.capabilities:
        return report
    parts = [report[at : at + BAND] for at in range(0, len(report), BAND)]
    return b"".join(_line(b"\x01" + part) for part in parts) + b"0000"


def _line(data: bytes) -> bytes:
    return f"{len(data) + LENGTH:04x}".encode() + data
