"""The rules of the API server: each refuses one change of an accepted object, and nothing else.

`validation_accepted.yaml` holds objects that pass; `validation_refused.yaml` holds one change per
row, the minor versions it is tried with (default: all), and the message. `compare_dry_run.py` in
`tests/tools` sends the same table to a real API server.
"""

from pathlib import Path
from typing import Any

import pytest

from bot.engine.kubernetes_schemas import KubernetesSchemas
from renderers.kubernetes.fields import path_text
from renderers.kubernetes.schemas import SchemaViolation
from renderers.validation.registry import rule_violations
from tests.fakes.validation_table import accepted, changed, refused

HERE = Path(__file__).parent
MINORS = (25, 31, 36)


def said(violations: tuple[SchemaViolation, ...]) -> list[str]:
    return [f"{path_text(each.path)} {each.message}".strip() for each in violations]


@pytest.mark.parametrize("name", accepted())
def test_good_objects_pass_in_every_version(name: str) -> None:
    item = accepted()[name]

    assert [said(rule_violations(item, minor)) for minor in MINORS] == [[]] * len(MINORS)
    assert said(KubernetesSchemas().violations(item, "1.31", {})) == []


@pytest.mark.parametrize("row", refused(), ids=lambda row: f"{row['in']}: {row['says']}")
def test_one_change_breaks_one_rule(row: dict[str, Any]) -> None:
    minors = (row["minor"],) if "minor" in row else MINORS
    for minor in minors:
        assert any(row["says"] in each for each in said(rule_violations(changed(row), minor)))


def test_names_of_services_and_variables_are_free_in_newer_versions() -> None:
    relaxed = [row for row in refused() if "minor" in row]

    assert relaxed
    assert [said(rule_violations(changed(row), 36)) for row in relaxed] == [[]] * len(relaxed)


def test_values_of_the_wrong_type_are_left_to_the_schema() -> None:
    for item in accepted().values():
        for key in item:
            for wrong in (None, True, 7, "x", [], [[]], {}, {"x": []}):
                rule_violations({**item, key: wrong} if key != "kind" else item, 31)


def test_messages_hold_no_value_of_a_secret() -> None:
    item = {**accepted()["Secret/s"], "data": {"token": "hunter2?"}, "type": "kubernetes.io/tls"}

    assert "hunter2" not in str(said(rule_violations(item, 31)))
