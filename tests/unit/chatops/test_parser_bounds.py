"""Slash commands: no text raises, none takes long, and no fence lets a command out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.slash import READER, P, S, said, short

QUOTES = "! the comment has too many or too deeply nested quotes"
HEAVY = {
    "10,000 lines": ("a\n" * 10_000 + P, ["plan"]),
    "a long line": ("a" * 60_000 + f"\n{P}", ["plan"]),
    "a comment that is too long": (
        f"{P}\n" * 10_000,
        ["! the comment is longer than 65,536 characters"],
    ),
    "a comment that is too long for others": ("a\n" * 1_000_000, []),
    "quotes in quotes, lazily": (">" * 20 + "a\n" * 30_000 + P, [QUOTES]),
    "headings in quotes": ("> # a\nb\n" * 7_000 + P, [QUOTES]),
    "quotes in lists": ("1. > a\n" * 8_000 + P, [QUOTES]),
    "a long e-mail, quoted": ("> > > a line of an e-mail\n" * 2_000 + f"\n{P}", ["plan"]),
    "lists in lists": ("\n".join(" " * each + "- a" for each in range(340)) + f"\n{P}", []),
    "brackets": ("[" * 60_000 + f"\n{P}", ["plan"]),
    "images": ("[![a](" * 10_000 + f"\n{P}", ["plan"]),
    "ticks": (" ".join("`" * each for each in range(1, 350)) + f"\n{P}", ["plan"]),
    "code and commands in turn": (f"`\n{P}\n`" * 3_000, []),
    "GitLab's quotes in turn": (f">>>\n{P}\n>>>\n" * 2_500, [QUOTES]),
    "zero-width characters": (("\u200b" * 200 + "\n") * 300 + P, ["plan"]),
    "emphasis": ("*a_ " * 15_000 + f"\n{P}", ["plan"]),
}


@pytest.mark.parametrize("case", HEAVY)
def test_time_is_bounded(case: str) -> None:
    text, expected = HEAVY[case]
    start = time.process_time()

    assert said(text) == expected
    assert time.process_time() - start < 20


PIECES = st.sampled_from(
    [
        *(
            "```",
            "~~~",
            "````",
            "`",
            "``",
            "\n",
            "\n\n",
            "\r\n",
            "    ",
            "\t",
            " ",
            "> ",
            "- ",
            "1. ",
        ),
        *(
            "# ",
            "---",
            "===",
            "| a |",
            "| - |",
            "<!--",
            "-->",
            "<div>",
            "</div>",
            "<pre>",
            "a",
            "\\",
        ),
        *("[a]", "(/b)", "[a]: /b", "![", "]", "'", '"', "\u201c", "\u2014", "\u200b", "\u202e"),
        *(
            "\u00a0",
            "\ufeff",
            "\0",
            "\v",
            "&#47;",
            ">>>",
            S,
            P,
            "@switchyard plan",
            "--help",
            "hold",
        ),
    ]
)
TEXTS = st.text(max_size=80) | st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS, TEXTS)
def test_any_text_is_read_without_an_error(before: str, after: str) -> None:
    found = READER.read(after)

    assert len(found) <= 11
    assert [each.line for each in found] == sorted({each.line for each in found})
    assert READER.new_commands(after, after) == ()
    assert set(map(short, READER.new_commands(before, after))) <= set(map(short, found))


@given(TEXTS, st.sampled_from("`~"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_no_command_is_found_inside_a_fence(text: str, tick: str, ending: str) -> None:
    fence = tick * (3 + max(map(len, text.split("\n"))))
    fenced = ending.join([fence, text.removeprefix(tick), fence, P])

    assert [(each.line > 2, short(each)) for each in READER.read(fenced)] == [(True, "plan")]
