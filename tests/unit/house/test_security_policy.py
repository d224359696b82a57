"""SECURITY.md claims nothing that no test holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "SECURITY.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_claim_names_its_tests(row: str) -> None:
    _, boundary, holds, tests, _ = row.split("|")

    assert " to " in boundary
    assert holds.strip()
    assert re.fullmatch(r" `tests/[\w/.:]+`(, `tests/[\w/.:]+`)* ", tests)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_named_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    found = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert name in found


def test_it_is_one_page_and_says_how_to_report() -> None:
    assert len(TEXT.splitlines()) < 80
    assert len(ROWS) >= 15
    assert "Report a vulnerability" in TEXT
    assert "confidential issue" in TEXT
    assert "@" not in re.sub(r"`[^`]*`", "", TEXT)


def test_readers_find_it() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "docs/design.md"):
        assert re.search(r"\((\.\./)?SECURITY\.md\)", (ROOT / page).read_text()), page
