"""What is said once because it needs a person: when, to whom, under which key."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from inline_snapshot import snapshot as inline

from bot.commandlog.entry import CommandLogEntry, Outcome
from bot.commandlog.standing import standing_overrides
from bot.forges import Markers
from bot.report.notifications import NoticePlace, known, mark
from bot.wording.notices import notice_comment, notices
from planners.model import Freeze, Policy, Readiness, Repo, Role, Unit
from planners.model.selectors import Selector
from planners.model.snapshot import Approval, MergeRefusal
from tests.fakes.builders import NOW
from tests.fakes.comments import Told, approved_by, assert_dead, read, world
from tests.fakes.hostile import everywhere
from tests.fakes.states import awaiting, begun, change_request
from tests.unit.wording.test_hostile_comment import HOSTILE, UNPAIRED


def said(told: Told) -> list[tuple[str, int | None, str]]:
    return [(each.key, each.number, each.text) for each in notices(told.proposal())]


def keys(told: Told) -> list[str]:
    return [each.key for each in notices(told.proposal())]


def test_an_approval_is_asked_for_on_the_wave_when_nothing_else_is_missing() -> None:
    assert said(awaiting("rita")) == inline(
        [
            (
                "approval all.1 30c6b0b34753",
                3,
                "`all.1` is ready to merge once @rita approves (waits for 1 approval: clusters with `canary=true`).",
            )
        ]
    )


def test_it_is_not_asked_for_before_its_turn() -> None:
    told = awaiting("rita")
    freeze = Freeze("noon", Selector(), NOW, NOW + timedelta(hours=1), "lunch")
    policy = replace(approved_by("rita"), freezes=(freeze,))

    assert keys(told.change(policies=(policy,))) == []


def test_nor_when_it_is_given() -> None:
    told = awaiting("rita")
    first = told.world.snapshot.merge_requests[2]
    approval = Approval("local:3", "rita", "rita@x", first.head, Role.WRITE)

    assert keys(change_request(told, first.number, approvals=(approval,))) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rita", "once @rita approves"),
        ("edge/approvers", "once @edge/approvers approves"),
        ("rita@example.com", "once `rita@example.com` approves"),
        ("all", "once `all` approves"),
        ("HERE", "once `HERE` approves"),
        ("-x", "once `-x` approves"),
        ("a b @ada", "once `a b @ada` approves"),
    ],
)
def test_only_plain_names_of_policies_are_live(name: str, shown: str) -> None:
    told = awaiting(name)

    assert [shown in each.text for each in notices(told.proposal())] == [True]


def test_of_two_approvers_the_last_one_is_called_alone() -> None:
    told = awaiting("rita", "tom")
    told.world.pass_once()
    proposal = told.proposal()
    first = proposal.evaluation.wave_statuses[0]
    gates = tuple(replace(each, needed=2, given=("rita",)) for each in first.gates)  # type: ignore[type-var,call-arg]
    evaluation = replace(proposal.evaluation, wave_statuses=(replace(first, gates=gates),))
    (notice,) = notices(replace(proposal, evaluation=evaluation))

    assert "once @tom approves (" in notice.text


def test_without_names_nobody_is_called() -> None:
    (notice,) = notices(awaiting().proposal())

    assert "@" not in notice.text
    assert "a reviewer who neither wrote nor merged this revision" in notice.text


def test_a_failed_cluster_is_told_once_for_its_wave() -> None:
    told = begun()
    told.world.report_all()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash loop")

    assert said(told) == inline(
        [
            (
                "failed canary.1",
                None,
                "`c1` (`redis` failed: `crash loop`). The rollout continues when the cluster is repaired, or with a new revision.",
            )
        ]
    )


def test_a_silent_cluster_is_told_when_others_wait_too_long() -> None:
    told = begun()
    assert keys(told) == []
    told.world.report_all()
    told.world.later(timedelta(minutes=30))

    assert said(told) == inline(
        [
            (
                "late canary.1",
                None,
                "`c1` (no report since `12:00:00`, overdue). The rollout continues when the cluster reports again; check its agent.",
            )
        ]
    )


def test_a_refusal_is_told_when_it_lasts() -> None:
    told = world()
    told.world.pass_once()
    refusal = MergeRefusal("checks are missing", NOW + timedelta(seconds=10), 1)
    assert keys(change_request(told, 1, refusal=refusal)) == []

    change_request(told, 1, refusal=replace(refusal, attempts=4))
    assert keys(told) == ["RefusedByForge canary.1"]


def test_who_holds_it_knows_that() -> None:
    told = world()
    told.world.pass_once()
    told.world.label(1, "switchyard/hold")

    assert keys(told) == []


def test_nothing_is_said_of_what_runs_by_itself() -> None:
    assert keys(world()) == []
    assert keys(begun()) == []
    assert keys(world(stages=()).installed()) == []
    assert keys(world().change(policies=(Policy("none"),))) == []


@pytest.mark.parametrize("text", [*HOSTILE, *UNPAIRED])
def test_what_strangers_wrote_stays_text(text: str) -> None:
    proposal, _ = everywhere(text, "harmless")
    found = notices(proposal)
    quiet = [each for each in found if not each.key.startswith("approval")]

    assert quiet
    assert_dead(read(notice_comment(quiet, "", "http://page")))


def test_what_was_said_is_known_by_the_first_line_on_the_same_merge_request() -> None:
    markers, here = Markers(b"m" * 16), NoticePlace(Repo("local", "edge/deploy"), 3, "storefront")
    (notice,) = notices(awaiting("rita").proposal())
    marker = mark(markers, here, [notice.key])
    told = notice_comment([notice], marker, "http://page")

    assert known(markers, here, ["thanks", told]) == {notice.key}
    assert known(markers, here, [f"thanks\n{told}"]) == frozenset()
    assert known(markers, replace(here, application="bakery"), [told]) == frozenset()
    assert known(markers, replace(here, number=4), [told]) == frozenset()
    elsewhere = replace(here, repo=Repo("local", "shop/storefront"))
    assert known(markers, elsewhere, [told]) == frozenset()


def test_whose_commands_approved_something_else() -> None:
    def entry(by: str, verb: str, digest: str) -> CommandLogEntry:
        at = datetime.fromtimestamp(0, NOW.tzinfo)
        return CommandLogEntry(
            "app!1#1", by, by, verb, at, Outcome.DONE, "", {"canary.1": digest}, account=by
        )

    entries = [
        entry("rita", "approve", "old"),
        entry("tom", "approve", "old"),
        entry("tom", "approve", "new"),
        entry("ada", "approve", "old"),
        entry("ada", "unapprove", ""),
    ]

    told = standing_overrides(entries)
    assert told.stale_approvers("canary.1", "new") == {"rita"}
    assert told.stale_approvers("canary.2", "new") == frozenset()
