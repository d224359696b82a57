"""Where a marker counts: as the first line of a text, whatever else is in it."""

import pytest

from bot.forges import Markers
from planners.model import Repo

MARKERS = Markers(b"marker-key-of-the-tests")
HERE, THERE = Repo("github", "shop/deploy"), Repo("github", "shop/other")
PAYLOAD = {"application": "storefront", "wave": "canary.1"}
GENUINE = MARKERS.write("wave", HERE, PAYLOAD)
OTHER = MARKERS.write("wave", HERE, {"application": "other"})
OF_OTHERS = {
    "in a later line": f"A comment.\n{GENUINE}",
    "after a blank line": f"\n{GENUINE}",
    "after text in the same line": f"See {GENUINE}",
    "before text in the same line": f"{GENUINE} and more",
    "in a code span": f"`{GENUINE}`",
    "in a quotation": f"> {GENUINE}",
    "in a fence": f"```\n{GENUINE}\n```",
    "indented": f"    {GENUINE}",
    "after another marker in the same line": f"{OTHER}{GENUINE}",
    "after a byte order mark": f"\ufeff{GENUINE}",
    "after an invisible character": f"\u200b{GENUINE}",
    "inside of another comment": f"<!-- {GENUINE} -->",
    "of another kind": MARKERS.write("home", HERE, PAYLOAD),
    "of another repository": MARKERS.write("wave", THERE, PAYLOAD),
    "of another key": Markers(b"another-key-of-the-tests").write("wave", HERE, PAYLOAD),
    "with another payload": OTHER[:60] + GENUINE[60:],
    "cut": GENUINE[:-5],
    "in capitals": GENUINE.upper(),
    "across two lines": GENUINE.replace(" -->", "\n-->"),
    "with a line separator": GENUINE + "\u2028text",
}


@pytest.mark.parametrize("text", OF_OTHERS.values(), ids=OF_OTHERS)
def test_a_marker_elsewhere_is_text(text: str) -> None:
    assert MARKERS.read("wave", HERE, text) is None


@pytest.mark.parametrize("rest", ["", "\n", "\r\nWave", "\n\nWave", f"\n{OTHER}", " \nWave"])
def test_the_first_line_counts_alone(rest: str) -> None:
    assert MARKERS.read("wave", HERE, GENUINE + rest) == PAYLOAD


def test_a_text_with_many_markers_is_read_once() -> None:
    assert MARKERS.read("wave", HERE, f"text\n{GENUINE}\n" * 10_000) is None
