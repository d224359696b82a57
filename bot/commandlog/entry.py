"""The record of a merge request: what people told the bot there by commands, and what came of it.

It stands in a comment of the bot's own, under a signed marker, so that it outlives any loss of the
database; what a command changes is what the record says of it. Pure functions and values; read and
written by `bot/commandlog/log.py`.
"""

import json
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from planners.model.overrides import Cancellation, GateOverride, Hold, Overrides

MARKER = "record"
MOST_DEEDS = 200
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
class Deed:
    """One command: where it stands, who gave it, and what came of it.

    `where` names the comment, `said` what the command means (a digest): a comment that is edited
    gives no command twice. `facts` is what it says to the rollout, such as the target of a hold, or
    the digest of each wave that it approves. `words` is what was said to it, in short. `revision`
    is the app revision that it was given to, `text` a digest of the comment as its author wrote it,
    `email` the author's address as commits have it.
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
    email: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What no other command has."""
        return self.where, self.said


def write(deeds: Iterable[Deed]) -> str:
    """The deeds for a marker's payload; waves and digests that stand there often cost little."""
    values = [
        [
            each.where, each.said, each.by, each.verb, each.at.isoformat(), each.outcome.value,
            each.words, dict(each.facts), each.revision, each.text, each.email,
        ]
        for each in deeds
    ]  # fmt: skip
    return b64encode(zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 9)).decode()


def read(payload: Mapping[str, str]) -> tuple[Deed, ...]:
    """The deeds of a genuine marker."""
    values = json.loads(zlib.decompress(b64decode(payload["deeds"])))
    return tuple(
        Deed(where, said, by, verb, datetime.fromisoformat(at), Outcome(outcome), *rest)
        for where, said, by, verb, at, outcome, *rest in values
    )


def is_full(deeds: Sequence[Deed]) -> bool:
    """Whether nothing more fits: a comment has its limit, and what is forgotten is done twice."""
    return len(deeds) >= MOST_DEEDS or len(write(deeds)) > MOST_LETTERS


def overrides(deeds: Iterable[Deed]) -> Overrides:
    """What the deeds that were done say, the later over the earlier."""
    holds: dict[str, Hold] = {}
    skipped: dict[str, str] = {}
    gate_overrides: list[GateOverride] = []
    reverted, restored, cancelled = "", "", None
    for deed in deeds:
        if deed.outcome is not Outcome.DONE:
            continue
        target, reason = deed.facts.get("target", ""), deed.facts.get("reason", "")
        match deed.verb:
            case "hold":
                holds[target] = Hold(target, deed.by, reason, deed.at)
            case "resume":
                holds = {key: each for key, each in holds.items() if target not in {"", key}}
                skipped = {key: why for key, why in skipped.items() if target not in {"", key}}
            case "skip":
                skipped[target] = f"{deed.by}: {reason}"
            case "override":
                gate_overrides.append(GateOverride(deed.facts["gate"], target, deed.by, reason))
            case "rollback":
                reverted, restored = deed.facts["revision"], deed.facts.get("to", "")
            case "cancel":
                cancelled = Cancellation(deed.facts["revision"], deed.by, reason)
            case _:
                pass
    told = (tuple(holds.values()), tuple(gate_overrides), skipped, reverted, restored, cancelled)
    return Overrides(*told)


def approvals(deeds: Iterable[Deed], wave: str, digest: str) -> dict[str, str]:
    """Whose approval of this very content of a wave stands: login -> address."""
    given: dict[str, str] = {}
    for deed in deeds:
        about = deed.outcome is Outcome.DONE and wave in deed.facts
        if about and deed.verb == "approve" and deed.facts[wave] == digest:
            given[deed.by] = deed.email
        elif about and deed.verb == "unapprove":
            given.pop(deed.by, None)
    return given


def lapsed(deeds: Iterable[Deed], wave: str, digest: str) -> tuple[str, ...]:
    """Logins of those who approved a wave by command when its content was another."""
    last: dict[str, str] = {}
    for deed in deeds:
        if deed.outcome is Outcome.DONE and wave in deed.facts:
            if deed.verb == "approve":
                last[deed.by] = deed.facts[wave]
            elif deed.verb == "unapprove":
                last.pop(deed.by, None)
    return tuple(login for login, approved in last.items() if approved != digest)


def text(deeds: Sequence[Deed], marker: str) -> str:
    """The comment that holds the record, for people: the newest deeds, last."""
    rows = [
        f"| {each.at:%m-%d %H:%M} | `{each.by}` | `{each.verb}` | {each.outcome} | {_cell(each)} |"
        for each in deeds[-MOST_ROWS:]
    ]
    head = ["| when (UTC) | who | command | outcome | |", "|---|---|---|---|---|"]
    earlier = len(deeds) - len(rows)
    more = [f"and {earlier} earlier", ""] if earlier else []
    return "\n".join([marker, "**What was told to this rollout**", "", *more, *head, *rows])


def _cell(deed: Deed) -> str:
    said = " ".join(
        f"{key}: {value}"
        for key, value in deed.facts.items()
        if key in {"target", "reason", "gate", "to"}
    )
    plain = (said or deed.words).replace("`", "'").replace("|", "/").replace("\n", " ")[:200]
    shown = f"`{plain}`" if plain else ""
    url = deed.facts.get("link", "")
    return f"{shown} [merge request](<{url}>)" if _ADDRESS.fullmatch(url) else shown


def settled(deed: Deed, outcome: Outcome, words: str, facts: Mapping[str, str]) -> Deed:
    """The deed with what came of it."""
    return replace(deed, outcome=outcome, words=words[:MOST_WORDS], facts=facts)
