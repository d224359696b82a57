"""Every behaviour of a forge that the reference lists has a test that exists."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.conformance.behaviours import Behaviour, github, gitlab

ROOT = Path(__file__).parents[3]
ROWS = (*github.BEHAVIOURS, *gitlab.BEHAVIOURS)


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, kinds))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_behaviour_has_a_source_and_a_test(row: Behaviour) -> None:
    path, _, name = row.test.partition("::")

    assert name in functions(path), f"{row.test} does not exist"
    assert row.source.startswith("https://") or row.source.endswith(".rb")
    assert row.what.endswith(".")


def test_no_behaviour_is_listed_twice() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
