"""What strangers write stays text: in names, messages and manifests, wherever a comment shows it.

A comment with a hostile word in every place reads as one with a harmless word there: the same
headings, tables, fences and folds, and the same prose outside of code.
"""

import re
from functools import cache

import pytest

from bot.wording import comment as words
from bot.wording.markdown import units
from planners.model import PlanProblem
from tests.fakes.comments import MARKER, Read, home, read
from tests.fakes.hostile import SECRET, everywhere

HOSTILE = [
    "@ada",
    "@shop/owners",
    "cc @ada, @rita",
    "ada@example.com",
    "#1",
    "!1",
    "&1",
    "%1",
    "~bug",
    "$1",
    "GH-1",
    "deadbeef",
    "1. 1) 1: #1",
    "1) x",
    "x: 'a' \"b\" (c) 'd e': [f](g)",
    "shop/storefront#1",
    "shop/storefront!1",
    "shop/storefront@0123456789abcdef0123456789abcdef01234567",
    "0123456789abcdef0123456789abcdef01234567",
    "fixes #1",
    "Closes: shop/storefront#1",
    "resolves https://github.com/shop/storefront/issues/1",
    "https://github.com/shop/storefront/pull/1",
    "www.example.com",
    "[x](javascript:alert(1))",
    "![x](https://example.com/spy.png)",
    "[x][y]\n\n[y]: https://example.com",
    "<https://example.com>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</summary></details>",
    "</code></summary></details><details open>",
    "<details><summary>x</summary>",
    "<!-- switchyard:home eyJhIjoiYiJ9 " + "1" * 64 + " -->",
    "<!--",
    "--> x <!--",
    "<!-- switchyard:wave x y -->\n\n/approve",
    "<?php x ?>",
    "<![CDATA[x]]>",
    "&lt;script&gt;",
    "&#64;ada",
    "&commat;ada",
    "`",
    "``",
    "`@ada`",
    "` @ada `` #1 ```",
    "```",
    "```\n@ada\n```",
    "~~~\n@ada\n~~~",
    "`" * 70,
    "```diff\n+x\n```\n\n# title",
    "\\",
    "\\`@ada\\`",
    "a\\|b",
    "|",
    "| a | b |\n| --- | --- |\n| 1 | 2 |",
    "a\\\\| @ada |",
    "# title",
    "title\n=====",
    "---",
    "***",
    "> quote",
    "- item\n  - item",
    "1. item",
    "    indented",
    "\ttab",
    "*bold* _it_ ~~gone~~",
    "- [ ] task",
    ":tada:",
    "$$x$$",
    "$`x`$",
    "[[_TOC_]]",
    "[^1]: note",
    ">>>\nquote\n>>>",
    "/approve",
    "\n/approve",
    "\r\n/merge\r\n",
    "\r/close",
    "\u2028/close",
    "\x0b/close",
    "\x85/close",
    "/switchyard approve canary.1",
    "@switchyard approve",
    "\u202e@ada\u202c",
    "a\u200bb\u2060c\ufeffd",
    "\u2066fixes\u2069 #1",
    "\U000e0041\U000e0042",
    "\x00",
    "\x1b[31mred",
    "\x7f",
    "end",
    'end"] --> w0["x',
    "subgraph x",
    'click w0 href "javascript:alert(1)"',
    "%%{init: {'theme': 'x'}}%%",
    "w0@{ shape: circle }",
    "<br/>#quot;#35;",
    "\U0001f600" * 20,
    "x" * 5_000,
    "a b\n" * 500,
    "e\u0301" * 300,
    "",
    " ",
]
UNPAIRED = ["\ud800", "a\udfff", "\udc00\ud800"]
INERT = re.compile(r"(?:(?!\b[0-9a-f]{7})(?:[A-Za-z'-]+|[0-9]{1,6}|[ ().,:;]))*")
TAGS = re.compile(r"</?(?:code|details|summary|sub)>")


@cache
def harmless(*, preview: bool) -> Read:
    return read(comment("harmless", "harmless", preview=preview))


def comment(text: str, written: str, *, preview: bool, limit: int = 900_000) -> str:
    proposal, diffs = everywhere(text, written)
    return words.comment(home(preview=preview, limit=limit), proposal, diffs)


def outside_fences(text: str) -> str:
    return re.sub(r"(?ms)^ *(`{3,})\w*\n.*?^ *\1$", "", text)


def assert_tame(text: str) -> None:
    body = outside_fences(text)

    assert text.startswith(MARKER)
    assert body.count("<!--") == 1
    assert not re.search(r"<(?=[A-Za-z/!?])", TAGS.sub("", body.removeprefix(MARKER)))
    assert not re.search(r"(?m)^\s*/", body)
    assert not re.search(r"(?m)^/", text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", text
    )
    assert SECRET not in text
    text.encode()


def assert_same_prose(found: list[str], expected: list[str]) -> None:
    """The same outside of code; a message stands there with its plain words and numbers only."""
    assert len(found) == len(expected)
    for shown, harmless_one in zip(found, expected, strict=True):
        if harmless_one == "harmless":
            assert INERT.fullmatch(shown)
        else:
            assert shown == harmless_one


@pytest.mark.parametrize("preview", [False, True], ids=["rollout", "preview"])
@pytest.mark.parametrize("text", [*HOSTILE, *UNPAIRED])
def test_a_hostile_name_or_message_is_text(text: str, preview: bool) -> None:
    shown = comment(text, "harmless", preview=preview)

    assert_tame(shown)
    expected, found = harmless(preview=preview), read(shown)
    assert (found.headings, found.tables) == (expected.headings, expected.tables)
    assert (found.folds, found.kinds) == (expected.folds, expected.kinds)
    assert [each.info for each in found.fences] == [each.info for each in expected.fences]
    assert_same_prose(found.live, expected.live)
    (chart,) = (each.content for each in found.fences if each.info == "mermaid")
    for line in chart.splitlines()[1:]:
        assert re.fullmatch(r'  w\d+(?: --> w\d+|\["[A-Za-z0-9 ._:,/()+#;-]*"\])', line)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_manifest_is_text(text: str) -> None:
    shown = comment("harmless", text, preview=True)

    assert_tame(shown)
    expected, found = harmless(preview=True), read(shown)
    assert (found.headings, found.tables) == (expected.headings, expected.tables)
    assert found.folds == expected.folds
    assert found.kinds == expected.kinds
    assert [each.info for each in found.fences] == [each.info for each in expected.fences]
    assert [each for each in found.html if "<summary>" not in each] == [
        each for each in expected.html if "<summary>" not in each
    ]


@pytest.mark.parametrize("text", [*HOSTILE, *UNPAIRED])
def test_a_hostile_problem_is_text(text: str) -> None:
    about = home(preview=True)
    shown = words.problems(about, [PlanProblem(text), "harmless"])

    assert_tame(shown)
    assert_same_prose(read(shown).live, read(words.problems(about, ["harmless", "harmless"])).live)
    assert_tame(words.plan_not_requested(about, text or "x"))


@pytest.mark.parametrize("limit", [8_000, 12_000, 20_000])
@pytest.mark.parametrize("text", ["`" * 70, "</details>", "x" * 5_000, "\U0001f600" * 20])
def test_a_hostile_word_does_not_break_a_shortened_comment(text: str, limit: int) -> None:
    shown = comment(text, text, preview=False, limit=limit)

    assert_tame(shown)
    assert units(shown) <= limit
    assert read(shown).kinds <= harmless(preview=False).kinds | {"bullet_list_open"}


@pytest.mark.parametrize("count", [1, 100, 5_000])
def test_many_long_problems_keep_the_limit(count: int) -> None:
    shown = words.problems(home(preview=True, limit=8_000), ["@ada " * 500] * count)

    assert units(shown) <= 8_000
    assert "problem" in read(shown).live[1]
