"""The table of many waves: what is still is folded, and counted as people count."""

from dataclasses import replace

import pytest

from bot.wording.waves import Look, wave_table
from planners.gating.evaluate import WaveState
from tests.fakes.comments import world


@pytest.mark.parametrize(
    ("preview", "count", "summary"),
    [
        (True, 1, "1 wave that changes nothing"),
        (True, 2, "2 waves that change nothing"),
        (False, 1, "1 wave that is ready"),
        (False, 2, "2 waves that are ready"),
    ],
)
def test_waves_that_are_still_are_counted(preview: bool, count: int, summary: str) -> None:
    moving = world(stages=()).proposal().evaluation.wave_statuses[0]
    still = replace(moving, change=replace(moving.change, files=()), state=WaveState.DONE)
    shown = wave_table((moving,) * 9 + (still,) * count, Look({}, preview))

    assert f"<details><summary>{summary}</summary>" in shown
