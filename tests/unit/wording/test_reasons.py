"""Gates in words: times with their dates, and sentences that read well behind `cleared by`."""

from datetime import timedelta

from bot.wording.reasons import moment, remedy, stops, told
from planners.model.gates import (
    AwaitsApproval,
    ClosedByPerson,
    Frozen,
    HeldByCommand,
    HeldByLabel,
    NotProposed,
    OutsideWindow,
    PausedByCommand,
)
from tests.fakes.builders import NOW


def test_the_end_of_a_freeze_or_of_the_wait_for_a_window_has_its_date() -> None:
    until = NOW + timedelta(days=3)

    assert f"{until:%Y-%m-%d %H:%M} UTC" in remedy(Frozen("feast", until, "closed"))
    assert f"{until:%Y-%m-%d %H:%M} UTC" in remedy(OutsideWindow(("one",), until))


def test_a_moment_has_its_date_unless_it_is_today() -> None:
    tomorrow = NOW + timedelta(days=1)

    assert moment(NOW, NOW) == f"{NOW:%H:%M:%S} UTC"
    assert moment(tomorrow, NOW) == f"{tomorrow:%Y-%m-%d %H:%M} UTC"


def test_who_clears_it_is_named_so_that_it_follows_cleared_by() -> None:
    asked = AwaitsApproval(2, ("rita",), (), "everywhere", author_may_approve=False)
    gates = (
        asked,
        HeldByLabel("hold"),
        HeldByCommand("otto", "why", ""),
        PausedByCommand("otto", "why", "tenant/shop"),
    )

    assert [remedy(gate) for gate in (*gates, ClosedByPerson("tom", 2))] == [
        "approval of the merge request by one who neither wrote nor merged this revision",
        "somebody who removes the label hold",
        "somebody who comments /switchyard resume",
        "somebody who comments /switchyard resume tenant/shop",
        "somebody who reopens it, or a new revision that changes the plan",
    ]


def test_before_the_merge_it_is_no_news_that_nothing_is_proposed() -> None:
    gates = (NotProposed(), HeldByLabel("hold"))

    assert told(gates, preview=True) == [HeldByLabel("hold")]
    assert told(gates, preview=False) == [*gates]


def test_what_people_stopped_is_found_among_what_it_waits_for() -> None:
    asked = AwaitsApproval(1, (), (), "everywhere", author_may_approve=False)
    hold = HeldByCommand("otto", "why", "")

    assert stops((NotProposed(), asked, hold)) == [hold]
