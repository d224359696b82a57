from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest

from bot.store import Store, reports
from bot.store.report_rules import MAX_REVISIONS, Outcome
from bot.store.reports import ReportRow
from planners.model import Readiness, Unit
from plugins import Word
from tests.fakes.stores import NOON

OLD, NEW = "1" * 40, "2" * 40


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def report(
    at: float,
    readiness: Readiness = Readiness.READY,
    *,
    revision: str = NEW,
    cluster: str = "paris",
    message: str = "",
) -> Word:
    return Word(cluster, "shop", "web", revision, readiness, message, after(at))


def row(store: Store, revision: str = NEW) -> ReportRow:
    (found,) = [each for each in store.reports.of_application("shop") if each.revision == revision]
    return found


def test_a_report_is_stored_with_the_times_of_both_clocks(store: Store) -> None:
    assert store.reports.record(report(1, message="Applied ✓"), after(3)) is Outcome.NEWS

    assert store.reports.of_application("shop") == (
        ReportRow("paris", "web", NEW, "READY", "Applied ✓", after(1), after(3), after(3)),
    )
    assert store.reports.of_application("other") == ()


def test_an_older_report_changes_nothing(store: Store) -> None:
    store.reports.record(report(5), after(6))

    assert store.reports.record(report(4, Readiness.STALLED), after(9)) is Outcome.IGNORED

    assert row(store) == ReportRow("paris", "web", NEW, "READY", "", after(5), after(6), after(6))


READY, PROGRESSING, STALLED = Readiness.READY, Readiness.PROGRESSING, Readiness.STALLED


@pytest.mark.parametrize(
    ("arrived", "kept"),
    [
        ([PROGRESSING, PROGRESSING, READY], READY),
        ([READY, PROGRESSING, PROGRESSING], READY),
        ([PROGRESSING, STALLED, PROGRESSING], STALLED),
        ([READY, STALLED], STALLED),
        ([STALLED, READY], STALLED),
        ([READY, READY], READY),
    ],
)
def test_within_a_second_the_readiness_decides(
    store: Store, arrived: list[Readiness], kept: Readiness
) -> None:
    for number, readiness in enumerate(arrived):
        store.reports.record(report(5 + number / 10, readiness), after(6 + number / 10))

    assert row(store).readiness == kept


def test_a_later_second_counts_whatever_it_says(store: Store) -> None:
    store.reports.record(report(5, READY), after(5))

    assert store.reports.record(report(6, PROGRESSING), after(6)) is Outcome.NEWS
    assert row(store).readiness == PROGRESSING


def test_a_late_report_on_an_old_revision_does_not_hide_a_newer_one(store: Store) -> None:
    store.reports.record(report(5, revision=NEW), after(5))

    late = report(1, Readiness.STALLED, revision=OLD)
    assert store.reports.record(late, after(7)) is Outcome.REPEATED

    assert row(store, NEW).readiness == Readiness.READY
    assert row(store, OLD).readiness == Readiness.STALLED


def test_since_is_when_an_unbroken_readiness_began(store: Store) -> None:
    store.reports.record(report(1, Readiness.PROGRESSING), after(1))
    store.reports.record(report(2, Readiness.READY), after(2))
    store.reports.record(report(60, Readiness.READY), after(61))
    assert (row(store).since, row(store).received_at) == (after(2), after(61))

    store.reports.record(report(70, Readiness.STALLED), after(70))
    store.reports.record(report(80, Readiness.READY), after(80))

    assert row(store).since == after(80)


def test_the_newest_revisions_of_each_unit_are_kept(store: Store) -> None:
    store.reports.expect("shop", {Unit("web", "paris")})
    store.reports.record(report(0, revision=OLD, cluster="rome"), after(0))
    for number in range(MAX_REVISIONS + 5):
        store.reports.record(report(number, revision=f"{number:040x}"), after(number))

    kept = [each for each in store.reports.of_application("shop") if each.cluster == "paris"]

    assert sorted(int(each.revision, 16) for each in kept) == list(range(5, MAX_REVISIONS + 5))
    assert len(store.reports.of_application("shop")) == MAX_REVISIONS + 1


def test_of_reports_received_at_the_same_time_the_last_is_kept(store: Store) -> None:
    for number in range(MAX_REVISIONS + 1):
        store.reports.record(report(0, revision=f"{number:040x}"), after(0))

        assert row(store, f"{number:040x}").readiness == Readiness.READY


def test_of_concurrent_reports_the_newest_is_kept(store: Store) -> None:
    together = Barrier(8)

    def send(at: int) -> None:
        together.wait()
        store.reports.record(report(at, message=str(at)), after(10))

    threads = [Thread(target=send, args=[at]) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert row(store).reported_at == after(7)


def test_text_that_a_database_rejects_is_cleaned(store: Store) -> None:
    store.reports.record(report(1, message="a\0b\ud800c" + "x" * 5000), after(1))

    message = row(store).message
    assert message.startswith("a\ufffdb?c")
    assert len(message) == 2000


def test_a_report_with_a_too_long_name_is_ignored(store: Store) -> None:
    assert store.reports.record(report(1, cluster="x" * 64), after(1)) is Outcome.IGNORED


def test_a_cluster_reports_a_limited_number_of_components(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "MAX_COMPONENTS", 2)
    made_up = [replace(report(1), component=f"c{n}") for n in range(4)]

    assert [store.reports.record(each, after(2)) for each in made_up] == [
        Outcome.NEWS,
        Outcome.NEWS,
        Outcome.IGNORED,
        Outcome.IGNORED,
    ]

    assert store.reports.record(replace(made_up[0], at=after(3)), after(4)) is Outcome.REPEATED
    assert store.reports.record(replace(made_up[3], cluster="rome"), after(4)) is Outcome.NEWS


def test_a_time_without_a_zone_is_rejected(store: Store) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store.reports.record(report(1), after(1).replace(tzinfo=None))


def test_a_copy_of_a_word_does_not_keep_a_silent_cluster_fresh(store: Store) -> None:
    for readiness in (PROGRESSING, READY, STALLED):
        store.reports.record(report(5, readiness), after(6))

    for readiness in (PROGRESSING, READY, STALLED):
        assert store.reports.record(report(5, readiness), after(600)) is Outcome.IGNORED
    assert row(store).received_at == after(6)


def test_a_ready_unit_that_nobody_waits_for_may_move_on_without_news(store: Store) -> None:
    store.reports.record(report(1, revision=OLD), after(1))

    assert store.reports.record(report(60, revision=NEW), after(61)) is Outcome.REPEATED

    (only,) = store.reports.of_application("shop")
    assert (only.revision, only.received_at, only.since) == (NEW, after(61), after(1))
    assert store.reports.record(report(60, revision=NEW), after(900)) is Outcome.IGNORED
    assert store.reports.record(report(2, revision=OLD), after(62)) is Outcome.REPEATED
    assert row(store, NEW).received_at == after(61)


def test_a_report_that_a_pass_waits_for_is_news(store: Store) -> None:
    store.reports.record(report(1, revision=OLD), after(1))
    store.reports.expect("shop", {Unit("web", "paris"), Unit("web", "rome")})

    assert store.reports.record(report(60, revision=NEW), after(61)) is Outcome.NEWS
    store.reports.expect("shop", {Unit("web", "rome")})
    assert store.reports.record(report(120, revision=NEW), after(121)) is Outcome.REPEATED


def test_each_pass_replaces_what_the_last_one_of_its_application_waits_for(store: Store) -> None:
    clusters = ("oslo", "paris", "rome")
    for each in clusters:
        store.reports.record(report(0, cluster=each), after(0))
    waits = [{"oslo"}, {"oslo", "paris"}, {"paris", "rome"}, {"oslo"}, {"oslo"}, set()]

    for number, awaited in enumerate(waits, 1):
        store.reports.expect("shop", {Unit("web", each) for each in awaited})
        store.reports.expect("other", {Unit("web", "rome")} if number % 2 else set())
        at = number * 1_000
        words = {each: report(at, cluster=each) for each in clusters}
        outcomes = {name: store.reports.record(word, after(at)) for name, word in words.items()}
        assert {name for name, each in outcomes.items() if each is Outcome.NEWS} == awaited


@pytest.mark.parametrize("readiness", [PROGRESSING, STALLED])
def test_whatever_is_not_ready_is_news(store: Store, readiness: Readiness) -> None:
    store.reports.record(report(1, revision=OLD), after(1))

    assert store.reports.record(report(2, readiness), after(2)) is Outcome.NEWS
    assert store.reports.record(report(3, READY), after(3)) is Outcome.NEWS


def test_reports_that_nobody_has_repeated_for_long_are_pruned(store: Store) -> None:
    store.reports.record(report(1, cluster="gone"), after(1))
    store.reports.record(report(2), after(2))

    assert store.reports.prune(after(2)) == 1
    assert [each.cluster for each in store.reports.of_application("shop")] == ["paris"]
