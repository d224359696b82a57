"""Gates in words: times with their dates, and sentences that read well behind `cleared by`."""

from dataclasses import replace
from datetime import timedelta

from bot.wording.reasons import (
    approvers_approve,
    failed_clusters,
    pending_clusters,
    remedy,
    remedy_for,
    set_by_people,
    shown_gates,
    time_text,
)
from planners.model import Unit
from planners.model.gates import (
    ApprovalReason,
    AwaitsApproval,
    ClosedByPerson,
    Frozen,
    HeldByCommand,
    HeldByLabel,
    NotProposed,
    NotReadyReason,
    OutsideWindow,
    PausedByCommand,
    PendingUnit,
)
from tests.fakes.builders import NOW


def test_the_end_of_a_freeze_or_of_the_wait_for_a_window_has_its_date() -> None:
    until = NOW + timedelta(days=3)

    assert f"{until:%Y-%m-%d %H:%M} UTC" in str(remedy(Frozen("feast", until, "closed")))
    assert f"{until:%Y-%m-%d %H:%M} UTC" in str(remedy(OutsideWindow(("one",), until)))


def test_a_cluster_that_waits_for_several_waves_is_named_once() -> None:
    def awaited(wave: str, cluster: str) -> PendingUnit:
        return PendingUnit(Unit(wave, cluster), NotReadyReason.MERGE, wave)

    waves = ["canary.1", "canary.2", "canary.10"]
    pending = [awaited(wave, "one") for wave in waves] + [awaited("canary.1", "two")]
    assert str(pending_clusters(pending)) == (
        "one (waves canary.1, canary.2, canary.10 are not merged), "
        "two (wave canary.1 is not merged)"
    )


def test_failures_are_told_by_component_and_cluster() -> None:
    units = [Unit("web", "one"), Unit("web", "two"), Unit("ads", "one")]
    failed = [PendingUnit(each, NotReadyReason.REPAIR, "crash") for each in units]
    assert str(failed_clusters(failed)) == "ads, web failed on one; web failed on two"


def test_a_moment_has_its_date_unless_it_is_today() -> None:
    tomorrow = NOW + timedelta(days=1)

    assert time_text(NOW, NOW) == f"{NOW:%H:%M:%S} UTC"
    assert time_text(tomorrow, NOW) == f"{tomorrow:%Y-%m-%d %H:%M} UTC"


def test_a_remedy_follows_the_verb_clears() -> None:
    everywhere = ApprovalReason("everywhere")
    approval = AwaitsApproval(2, ("rita",), (), everywhere, author_may_approve=False)
    gates = (
        approval,
        HeldByLabel("hold"),
        HeldByCommand("otto", "why", ""),
        PausedByCommand("otto", "why", "tenant/shop"),
    )

    assert [str(remedy(gate)) for gate in (*gates, ClosedByPerson("tom", 2))] == [
        "when a reviewer who neither wrote nor merged this revision approves the merge request",
        "when someone removes label hold",
        "when someone comments /switchyard resume",
        "when someone comments /switchyard resume tenant/shop",
        "when someone reopens it, or with a new revision that changes the plan",
    ]


def test_of_named_approvers_the_last_one_is_named_alone() -> None:
    rule = ApprovalReason("everywhere")
    first = AwaitsApproval(2, (), (), rule, author_may_approve=True, users=("rita", "tom"))

    assert str(approvers_approve(first)) == "2 of rita, tom approve"
    assert str(approvers_approve(replace(first, given=("rita",)))) == "tom approves"
    assert str(approvers_approve(replace(first, needed=1))) == "1 of rita, tom approves"


def test_a_cluster_that_reports_and_is_late_is_not_told_to_report_again() -> None:
    late = PendingUnit(Unit("web", "c1"), NotReadyReason.PROGRESS, "", overdue=True)
    silent = late._replace(reason=NotReadyReason.REPORT)

    assert (
        str(remedy_for([late])) == "when the clusters report Ready; check what keeps them from it"
    )
    assert str(remedy_for([silent])) == "when the cluster reports; check its agent"


def test_before_the_merge_it_is_no_news_that_nothing_is_proposed() -> None:
    gates = (NotProposed(), HeldByLabel("hold"))

    assert shown_gates(gates, preview=True) == [HeldByLabel("hold")]
    assert shown_gates(gates, preview=False) == [*gates]


def test_what_people_stopped_is_found_among_what_it_waits_for() -> None:
    asked = AwaitsApproval(1, (), (), ApprovalReason("everywhere"), author_may_approve=False)
    hold = HeldByCommand("otto", "why", "")

    assert set_by_people((NotProposed(), asked, hold)) == [hold]
