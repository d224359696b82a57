"""What a report changes, and whether it is news: the one place where that is decided.

Pure. A unit's rows are read, changed here word by word, and written back by `Reports`.

Agents tell times in whole seconds, and words of one second arrive in any order (Flux: that health
checks passed may arrive after that the reconciliation finished). So within a second the readiness
decides, and a copy of a word that was sent again never keeps a silent cluster fresh.
"""

import math
import re
from dataclasses import dataclass, field
from enum import Enum, auto

from bot.store.database import clean, seconds
from planners.model import Readiness
from plugins import Word

MAX_REVISIONS = 20
FRESH_SECONDS = 90.0
"""A word of a unit that a pass waits for is no news if it repeats one received a moment ago."""
RANKS = {Readiness.PROGRESSING.value: 1, Readiness.READY.value: 2, Readiness.STALLED.value: 3}
"""Of words of the same second the highest counts; a duplicate of any of them is no newer."""
NUMBER = re.compile(r"\d+(\.\d+)?")


class Outcome(Enum):
    """What came of a word: IGNORED; REPEATED, which was kept and is no news; or NEWS."""

    IGNORED = auto()
    REPEATED = auto()
    NEWS = auto()


@dataclass(slots=True)
class StoredWord:
    """The latest word about one revision; `stored_as` is the revision of its row, if it has one."""

    stored_as: str | None
    revision: str
    readiness: str
    message: str
    reported_at: float
    received_at: float
    since: float
    changed: bool = False

    @classmethod
    def of(cls, word: Word, received: float) -> "StoredWord":
        """A word that is not stored yet."""
        text, at = clean(word.message), _second(word)
        return cls(
            None, word.revision, word.readiness.value, text, at, received, received, changed=True
        )

    def is_older_than(self, other: "StoredWord") -> bool:
        """Whether another word on the same revision counts instead of it."""
        if self.reported_at == other.reported_at:
            return RANKS.get(self.readiness, 0) < RANKS.get(other.readiness, 0)
        return self.reported_at < other.reported_at

    def says_the_same_as(self, other: "StoredWord") -> bool:
        """Whether both have the same readiness, and failures the same reason, numbers apart."""
        if self.readiness != other.readiness:
            return False
        if self.readiness != Readiness.STALLED.value:
            return True
        return NUMBER.sub("0", self.message) == NUMBER.sub("0", other.message)

    def become(self, other: "StoredWord") -> None:
        """Take over what a newer word says, also about which revision."""
        if self.readiness != other.readiness:
            self.since = other.received_at
        self.revision, self.readiness, self.message = other.revision, other.readiness, other.message
        self.reported_at, self.received_at = other.reported_at, other.received_at
        self.changed = True


@dataclass(slots=True)
class UnitReports:
    """The words about one unit by revision, and whether a pass waits for news of it."""

    awaited: bool
    words: dict[str, StoredWord] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)

    def record(self, word: Word, received: float) -> Outcome:
        """Keep a word unless it is late or a copy.

        It is news if it says something else than the newest word did. While a pass waits for the
        unit, that something was said about another revision is news as well.
        """
        said, newest = StoredWord.of(word, received), self._newest()
        known = self.words.get(word.revision)
        if known is not None and not known.is_older_than(said):
            return Outcome.IGNORED
        news = self._is_news(said, known, newest)
        if known is not None:
            known.become(said)
        elif not news and newest is not None and _may_move(newest, said):
            del self.words[newest.revision]
            newest.become(said)
            self.words[said.revision] = newest
        else:
            self.words[said.revision] = said
            self._prune(said)
        return Outcome.NEWS if news else Outcome.REPEATED

    def _is_news(
        self, said: StoredWord, known: StoredWord | None, newest: StoredWord | None
    ) -> bool:
        if self.awaited:
            fresh = known is not None and said.received_at - known.received_at <= FRESH_SECONDS
            return known is None or not fresh or not known.says_the_same_as(said)
        if newest is None:
            return True
        is_late = said.reported_at < newest.reported_at and said.revision != newest.revision
        return not is_late and not newest.says_the_same_as(said)

    def _newest(self) -> StoredWord | None:
        order = (
            (each.reported_at, each.received_at, each.revision) for each in self.words.values()
        )
        return max(zip(order, self.words.values(), strict=True), default=(None, None))[1]

    def _prune(self, recorded: StoredWord) -> None:
        """Keep only the most recently received revisions, and the one just recorded."""
        others = [each for each in self.words.values() if each is not recorded]
        others.sort(key=lambda each: each.received_at, reverse=True)
        for each in others[MAX_REVISIONS - 1 :]:
            del self.words[each.revision]
            if each.stored_as is not None:
                self.removed.append(each.stored_as)


def _may_move(newest: StoredWord, said: StoredWord) -> bool:
    """Whether a unit's newest row may follow it to another revision, instead of a further row."""
    return bool(newest.revision and said.revision) and newest.reported_at < said.reported_at


def _second(word: Word) -> float:
    return float(math.floor(seconds(word.at)))
