"""The tables of waves: one row for each stage that is not finished, and no empty column."""

from dataclasses import replace

import pytest

from bot.wording.waves import MOST_STEPS, WaveTableContext, equal_gates, every_wave, step_table
from planners.gating.evaluate import WaveState, WaveStatus
from planners.model import Stage
from planners.model.gates import ApprovalReason, AwaitsApproval, HeldByLabel
from tests.fakes.comments import approved_by, world
from tests.fakes.states import change_request


def waves(count: int, **fields: object) -> list[WaveStatus]:
    """So many steps of one wave each."""
    one = world(stages=()).proposal().evaluation.wave_statuses[0]
    return [
        replace(
            one,
            change=replace(
                one.change,
                wave=replace(one.change.wave, name=f"rest.{number}.1", step=number),
                **{name: value for name, value in fields.items() if name == "files"},  # type: ignore[arg-type]
            ),
            **{name: value for name, value in fields.items() if name != "files"},  # type: ignore[arg-type]
        )
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("preview", "note"), [(True, "no changes in: `rest.1.1`."), (False, "ready: `rest.1.1`.")]
)
def test_finished_stages_are_named_below_the_table(preview: bool, note: str) -> None:
    finished, moving = waves(1, files=(), state=WaveState.DONE), waves(2)[1:]
    shown = step_table([*finished, *moving], WaveTableContext({}, preview))

    assert shown.endswith(f"\n\n{note}")
    assert shown.count("\n| `rest") == 1


def test_of_many_stages_the_first_are_shown_and_the_others_counted() -> None:
    shown = step_table(waves(MOST_STEPS + 3), WaveTableContext({}, preview=True))

    assert shown.count("\n| `rest") == MOST_STEPS
    assert shown.endswith("\n\n3 more stages to come.")


def test_nothing_is_shown_where_every_stage_is_finished() -> None:
    finished = waves(3, files=(), state=WaveState.DONE)

    assert step_table(finished, WaveTableContext({}, preview=False)) == ""


def test_the_waves_of_a_stage_share_a_row_that_names_the_next_merge_request() -> None:
    told = world(policies=(approved_by("rita"),))
    told.world.settle()
    shown = step_table(
        told.proposal().evaluation.wave_statuses, WaveTableContext({}, preview=False)
    )

    assert shown.splitlines() == [
        "| stage | clusters | files | state |",
        "| --- | --- | --- | --- |",
        "| `canary` | `c1` | 4 created | [!1](http://forge/1) waits for approval |",
        "| `rest` | `c2, c3` | 8 created | [!3](http://forge/3) after `canary` |",
    ]


def test_a_wave_that_had_no_changes_is_not_counted_as_merged() -> None:
    told = world(stages=(Stage("all"),)).installed()
    newer = replace(told.world.snapshot.revision, sha="b" * 40)
    (one, other) = told.change(revision=newer).proposal().evaluation.wave_statuses

    assert (one.merged, other.merged) == (False, False)


def test_a_merge_request_that_is_open_is_updated_and_the_other_gates_are_counted() -> None:
    """As after a merge that moved what other waves change."""
    told = world()
    told.world.pass_once()
    change_request(told, 2, described_digest="0" * 64)
    proposal = told.proposal()
    shown = every_wave(
        proposal.evaluation.wave_statuses, WaveTableContext({}, preview=False), None, ""
    )

    states = [line.removesuffix(" |").rpartition("| ")[2] for line in shown.splitlines()[3:]]
    assert states == [
        "its merge request is updated in the next pass; 1 more gate",
        "after `canary`",
        "after `rest.1`; 1 more gate",
    ]


def test_equal_gates_are_one_only_where_they_clear_equally() -> None:
    rule = ApprovalReason("clusters with", "tier=edge")
    rita, tom = (
        AwaitsApproval(2, (name,), (), rule, True, ("rita", "tom")) for name in ("rita", "tom")
    )
    one, two, three = waves(3, gates=(rita, HeldByLabel("hold")))
    found = equal_gates([one, two, replace(three, gates=(tom, HeldByLabel("hold")))])

    assert [each.names for each in found] == [
        ["rest.1.1", "rest.2.1"],
        ["rest.1.1", "rest.2.1", "rest.3.1"],
        ["rest.3.1"],
    ]
    assert found[0].reason == found[2].reason


def test_every_wave_has_a_row_up_to_the_limit() -> None:
    shown = every_wave(waves(5), WaveTableContext({}, preview=True), 3, "See the page.")

    assert shown.count("\n| `rest") == 3
    assert shown.endswith("\n\nand 2 more waves. See the page.")
