"""Strategic merge against kubectl's recorded answers (made by tests/tools/compare_strategic.py)."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from renderers.patch.strategic_merge import merge

CASES = json.loads((Path(__file__).parents[2] / "golden" / "strategic_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_the_result_equals_kubectls(case: dict[str, Any]) -> None:
    """An answer of null means that kubectl refuses the patch."""
    item, patch = copy.deepcopy(case["item"]), copy.deepcopy(case["patch"])

    if case["expected"] is None:
        with pytest.raises(merge.MergeError):
            merge.merge(item, patch)
    else:
        assert merge.merge(item, patch) == case["expected"]
    assert (item, patch) == (case["item"], case["patch"])
