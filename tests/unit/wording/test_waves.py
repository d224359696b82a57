"""The table of many waves: what is still is folded, and counted as people count."""

from dataclasses import replace

import pytest

from bot.wording.waves import WaveTableContext, wave_table
from planners.gating.evaluate import WaveState
from tests.fakes.comments import world


@pytest.mark.parametrize(
    ("preview", "count", "summary"),
    [
        (True, 1, "1 wave without changes"),
        (True, 2, "2 waves without changes"),
        (False, 1, "1 wave ready"),
        (False, 2, "2 waves ready"),
    ],
)
def test_waves_that_are_still_are_counted(preview: bool, count: int, summary: str) -> None:
    moving = world(stages=()).proposal().evaluation.wave_statuses[0]
    still = replace(moving, change=replace(moving.change, files=()), state=WaveState.DONE)
    shown = wave_table((moving,) * 9 + (still,) * count, WaveTableContext({}, preview))

    assert f"<details><summary>{summary}</summary>" in shown
