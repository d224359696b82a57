"""What `check` answers to the mistakes of people who begin: place, cause and next step.

The table is `mistakes.yaml`. Mistakes in one document that its schema knows are in
`tests/unit/documents/test_schemas.py`, those with connections in `connectivity_mistakes.yaml`.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from renderers import yaml
from tests.unit.cli.mistakes_run import answers

TABLE: Any = yaml.load_documents(Path(__file__).with_name("mistakes.yaml").read_bytes())[0].value
PLACE = re.compile(r"(warning: )?(app|fleet)/[A-Za-z0-9./-]+:[0-9]+:[0-9]+: .+")


PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_mistakes_are_answered_with_their_place_cause_and_next_step(part: int) -> None:
    rows = TABLE[part::PARTS]

    assert {each["mistake"]: answers(each) for each in rows} == {
        each["mistake"]: each["said"] for each in rows
    }


def test_every_answer_has_a_place_and_one_cause_is_one_message() -> None:
    lines = [line for row in TABLE for line in row["said"]]

    assert [line for line in lines if not PLACE.fullmatch(line)] == []
    assert max(len(row["said"]) for row in TABLE) <= 3
    assert len({row["mistake"] for row in TABLE}) == len(TABLE) >= 200
