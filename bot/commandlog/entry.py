"""The entries of a command log: which commands people gave on a rollout, and what came of each.

The log is in a comment of the bot, under a signed marker, so that it outlives any loss of the
database. Pure functions and values; `log` reads the comment, `bot/effects` writes it.
"""

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from planners.model.overrides import Overrides

MARKER = "record"
MOST_ENTRIES = 200
MOST_LETTERS = 24_000
MOST_ROWS = 30
MOST_WORDS = 300
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/%-]+")


class Outcome(StrEnum):
    """What came of a command."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CommandLogEntry:
    """One command: the comment it is in, who gave it, and its outcome.

    `where` names the comment and `said` is a digest of the command line, so that an edited comment
    runs no command twice. `facts` are what the command means for the rollout, such as the target of
    a hold or the digest of each wave that it approves. `words` is the reply, shortened. `revision`
    is the app revision it was given to, and `text` a digest of the comment as its author wrote it.
    `account` is the author's account (see `planners.model.account_id`), `by` its login then. Older
    entries have an e-mail address in its place, which is nobody's account.
    """

    where: str
    said: str
    by: str
    verb: str
    at: datetime
    outcome: Outcome
    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    text: str = ""
    account: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What no other command has."""
        return self.where, self.said

    @property
    def target(self) -> str:
        """The wave, cluster or tenant that it is about; empty for the whole rollout."""
        return self.facts.get("target", "")

    @property
    def reason(self) -> str:
        """Why, as its author said."""
        return self.facts.get("reason", "")


def encode_entries(entries: Iterable[CommandLogEntry]) -> str:
    """The entries as a marker's payload, compressed: waves and digests recur in them."""
    values = [
        [
            each.where, each.said, each.by, each.verb, each.at.isoformat(), each.outcome.value,
            each.words, dict(each.facts), each.revision, each.text, each.account,
        ]
        for each in entries
    ]  # fmt: skip
    return b64encode(zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 9)).decode()


def decode_entries(payload: Mapping[str, str]) -> tuple[CommandLogEntry, ...]:
    """The entries of a genuine marker."""
    values = json.loads(zlib.decompress(b64decode(payload["entries"])))
    return tuple(
        CommandLogEntry(where, said, by, verb, datetime.fromisoformat(at), Outcome(outcome), *rest)
        for where, said, by, verb, at, outcome, *rest in values
    )


def is_full(entries: Sequence[CommandLogEntry]) -> bool:
    """Whether no entry fits any more; none is ever dropped, or its command would run again."""
    return len(entries) >= MOST_ENTRIES or len(encode_entries(entries)) > MOST_LETTERS


@runtime_checkable
class StandingEffect(Protocol):
    """What the log entries of one command mean for their rollout as long as they are in the log."""

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """The overrides with one more completed entry of this command; a pure function."""


def overrides(
    entries: Iterable[CommandLogEntry], effects: Mapping[str, StandingEffect]
) -> Overrides:
    """What the completed entries mean together, later ones over earlier ones.

    `effects` are by the command's name; entries of other commands change nothing.
    """
    found = Overrides()
    for entry in entries:
        effect = effects.get(entry.verb)
        if effect is not None and entry.outcome is Outcome.DONE:
            found = effect.apply(found, entry)
    return found


def render_log(entries: Sequence[CommandLogEntry], marker: str) -> str:
    """The comment that holds the log, with a table of the newest entries, oldest first."""
    rows = [
        f"| {each.at:%m-%d %H:%M} | `{each.by}` | `{each.verb}` | {each.outcome} | {_cell(each)} |"
        for each in entries[-MOST_ROWS:]
    ]
    head = ["| when (UTC) | who | command | outcome | |", "|---|---|---|---|---|"]
    earlier = len(entries) - len(rows)
    more = [f"and {earlier} earlier", ""] if earlier else []
    return "\n".join([marker, "**Command log**", "", *more, *head, *rows])


def _cell(entry: CommandLogEntry) -> str:
    said = " ".join(
        f"{key}: {value}"
        for key, value in entry.facts.items()
        if key in {"target", "reason", "gate", "to"}
    )
    plain = (said or entry.words).replace("`", "'").replace("|", "/").replace("\n", " ")[:200]
    shown = f"`{plain}`" if plain else ""
    url = entry.facts.get("link", "")
    return f"{shown} [merge request](<{url}>)" if _ADDRESS.fullmatch(url) else shown


def settled(
    entry: CommandLogEntry, outcome: Outcome, words: str, facts: Mapping[str, str]
) -> CommandLogEntry:
    """The entry with its outcome."""
    return replace(entry, outcome=outcome, words=words[:MOST_WORDS], facts=facts)
