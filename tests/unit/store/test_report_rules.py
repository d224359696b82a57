"""What is news, as a table: an earlier word, the next one, and what comes of it."""

from datetime import timedelta

import pytest

from bot.store.report_rules import FRESH_SECONDS, Outcome, UnitReports
from planners.model import Readiness
from plugins import Word
from tests.fakes.stores import NOON

READY, PROGRESSING, STALLED = Readiness.READY, Readiness.PROGRESSING, Readiness.STALLED
NEWS, REPEATED, IGNORED = Outcome.NEWS, Outcome.REPEATED, Outcome.IGNORED
OLD, NEW = "1" * 40, "2" * 40
SOON = FRESH_SECONDS
LATER = FRESH_SECONDS + 1


def said(readiness: Readiness, revision: str = OLD, message: str = "", at: float = 0) -> Word:
    return Word("paris", "shop", "web", revision, readiness, message, NOON + timedelta(seconds=at))


def record(unit: UnitReports, word: Word) -> Outcome:
    return unit.record(word, word.at.timestamp())


TABLE = [
    # awaited, first word, next word, its outcome, the revisions that are kept
    (False, said(READY), said(READY, at=LATER), REPEATED, [OLD]),
    (False, said(READY), said(READY, NEW, at=LATER), REPEATED, [NEW]),
    (False, said(READY), said(PROGRESSING, NEW, at=1), NEWS, [NEW, OLD]),
    (False, said(READY), said(STALLED, NEW, at=1), NEWS, [NEW, OLD]),
    (False, said(PROGRESSING), said(PROGRESSING, NEW, "2 of 3", at=1), REPEATED, [NEW]),
    (False, said(STALLED, OLD, "a"), said(STALLED, NEW, "a", at=LATER), REPEATED, [NEW]),
    (False, said(STALLED, OLD, "in 1.2s"), said(STALLED, NEW, "in 9s", at=1), REPEATED, [NEW]),
    (False, said(STALLED, OLD, "a"), said(STALLED, NEW, "b", at=1), NEWS, [NEW, OLD]),
    (False, said(STALLED, ""), said(STALLED, "", at=LATER), REPEATED, [""]),
    (False, said(STALLED, ""), said(STALLED, NEW, at=1), REPEATED, [NEW, ""]),
    (False, said(READY, NEW), said(STALLED, OLD, at=-1), REPEATED, [OLD, NEW]),
    (False, said(READY), said(READY, at=-1), IGNORED, [OLD]),
    (True, said(READY), said(READY, NEW, at=1), NEWS, [NEW, OLD]),
    (True, said(READY), said(READY, at=SOON), REPEATED, [OLD]),
    (True, said(READY), said(READY, at=LATER), NEWS, [OLD]),
    (True, said(PROGRESSING), said(PROGRESSING, at=SOON), REPEATED, [OLD]),
    (True, said(PROGRESSING), said(READY, at=1), NEWS, [OLD]),
    (True, said(STALLED, OLD, "a"), said(STALLED, OLD, "a", at=SOON), REPEATED, [OLD]),
    (True, said(STALLED, OLD, "a"), said(STALLED, OLD, "b", at=1), NEWS, [OLD]),
    (True, said(READY, NEW), said(READY, OLD, at=-1), NEWS, [OLD, NEW]),
]


@pytest.mark.parametrize(("awaited", "first", "then", "outcome", "kept"), TABLE)
def test_what_is_news(
    awaited: bool, first: Word, then: Word, outcome: Outcome, kept: list[str]
) -> None:
    unit = UnitReports(awaited=awaited)
    record(unit, first)

    assert record(unit, then) is outcome
    assert sorted(unit.words, reverse=True) == sorted(kept, reverse=True)


def test_the_first_word_about_a_unit_is_news() -> None:
    for readiness in (READY, PROGRESSING, STALLED):
        assert record(UnitReports(awaited=False), said(readiness)) is NEWS


def test_a_message_is_kept_although_it_is_no_news() -> None:
    unit = UnitReports(awaited=False)
    record(unit, said(STALLED, OLD, "failed after 1s"))

    assert record(unit, said(STALLED, OLD, "failed after 2s", at=5)) is REPEATED
    assert unit.words[OLD].message == "failed after 2s"
