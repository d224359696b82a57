"""CODEOWNERS as the forges read it: the last match counts, `folder/*` goes no deeper, sections."""

import pytest

from bot.gather.owners import MAX_LINES, OwnersError, owners_of, parse


def owners(text: str, *paths: str) -> list[list[str]]:
    return [sorted(each) for each in owners_of(parse(text), paths)]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "a/b/c.yaml", True),
        ("*.yaml", "a/b/c.yaml", True),
        ("*.yaml", "a/b/c.yml", False),
        ("/a/", "a/b/c.yaml", True),
        ("/a/", "x/a/b.yaml", False),
        ("a/", "x/a/b.yaml", True),
        ("/a/b", "a/b/c.yaml", True),
        ("a/*", "a/c.yaml", True),
        ("a/*", "a/b/c.yaml", False),
        ("/clusters/*/apps/", "clusters/eu-1/apps/web.yaml", True),
        ("/clusters/*/apps/", "clusters/eu/1/apps/web.yaml", False),
        ("/clusters/**/web.yaml", "clusters/eu/1/apps/web.yaml", True),
        ("a\\ b/", "a b/c.yaml", True),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert owners(f"{pattern} @ada", path) == ([["ada"]] if matches else [])


def test_the_last_match_counts_and_may_free_a_file_of_owners() -> None:
    text = "* @otto\n/a/ @ada @edge/team rita@example.com\n/a/free.txt\n"

    assert owners(text, "b.txt") == [["otto"]]
    assert owners(text, "a/b.txt") == [["ada", "edge/team", "rita@example.com"]]
    assert owners(text, "a/free.txt") == []
    assert owners(text, "a/b.txt", "b.txt") == [
        ["ada", "edge/team", "rita@example.com"],
        ["otto"],
    ]


def test_comments_and_lines_that_make_no_sense_are_left_out() -> None:
    text = "# all\n\n* @otto # everything\n!a/ @ada\n   \n"

    assert owners(text, "a/b.txt") == [["otto"]]


def test_each_section_has_its_say_and_optional_ones_none() -> None:
    text = (
        "[Code] @otto\n*\n/a/ @ada\n[Docs][2]\n*.md @rita\n^[Hints]\n* @guest\n[code]\nb.txt @eve\n"
    )

    assert owners(text, "a/x.md") == [["ada"], ["rita"]]
    assert owners(text, "c.txt") == [["otto"]]
    assert owners(text, "b.txt") == [["eve"]]


def test_a_file_longer_than_the_limit_tells_no_owners() -> None:
    """Its last line could name other owners for everything: to cut it would let anybody in."""
    assert owners("x @a\n" * (MAX_LINES - 1) + "y @b\n", "y") == [["b"]]
    with pytest.raises(OwnersError, match="more than 5000"):
        parse("x @a\n" * MAX_LINES + "y @b\n")


@pytest.mark.parametrize("pattern", ["[z-a]x", "[[", "a[]b", "***[", "\\"])
def test_a_pattern_that_no_forge_can_read_is_left_out(pattern: str) -> None:
    assert owners(f"* @ada\n{pattern} @eve", "zx") == [["ada"]]


@pytest.mark.parametrize(
    "pattern", ["*a*a*a*a", "/x/" + "*" * 200, "/".join(["**/a"] * 5), "a/****"]
)
def test_a_pattern_that_takes_too_long_to_match_fails_closed(pattern: str) -> None:
    with pytest.raises(OwnersError, match="line 2 has too many wildcards"):
        parse(f"* @ada\n{pattern} @eve")
