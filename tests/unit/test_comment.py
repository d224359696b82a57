"""The words of the home comment, as reviewers will see them."""

import re

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot as inline
from markdown_it import MarkdownIt

from bot.core import Proposal, propose
from bot.wording import comment as words
from bot.wording.diffs import diffs_of
from bot.wording.markdown import code, fence
from planners.model import Readiness, Unit
from tests.fakes.builders import World, snapshot


def text(proposal: Proposal, *, preview: bool) -> str:
    home = words.Home("<!-- marker -->", "storefront", "a" * 40, preview, "http://page", "how")
    return words.comment(home, proposal, diffs_of((), {}))


def test_a_first_plan() -> None:
    lines = text(propose(snapshot()), preview=True).splitlines()

    assert lines[2:9] == inline(
        [
            "**`storefront`** · plan `b7ca5dbcf422` · would change: `3 clusters of 3 change in 3 waves`",
            "",
            "| wave | components | clusters | changes | state |",
            "| --- | --- | --- | --- | --- |",
            "| `all.1` | redis | 3: c1, c2, c3 | 6 created | to merge |",
            "| `all.2` | cart | 3: c1, c2, c3 | 6 created | to merge |",
            "| `all.3` | web | 3: c1, c2, c3 | 6 created | to merge |",
        ]
    )


def test_a_failed_cluster_is_named_first() -> None:
    world = World(snapshot())
    world.settle()
    world.report_all()
    world.report(Unit("redis", "c2"), Readiness.STALLED, "crash `loop` <b> @ada")

    headline = text(propose(world.snapshot), preview=False).splitlines()[2]

    assert headline == inline(
        "**`storefront`** · plan `b7ca5dbcf422` · rollout: `held: c2 (redis failed: crash 'loop' <b> @ada)`"
    )


@given(st.text())
def test_a_code_span_is_one_span_whatever_is_in_it(hostile: str) -> None:
    block = MarkdownIt().parse(f"x {code(hostile)} y")[1]
    kinds = [child.type for child in block.children or []]

    assert kinds == ["text", "code_inline", "text"]


@given(st.text(alphabet="`~ab\n<>@#", max_size=60))
def test_a_fence_holds_whatever_is_in_it(hostile: str) -> None:
    tokens = MarkdownIt().parse(f"{fence(hostile, 'diff')}\nafter")

    assert tokens[0].type == "fence"
    assert re.sub(r"\s", "", tokens[0].content) == re.sub(r"\s", "", hostile)
