"""CODEOWNERS files of deploy repos."""

from collections.abc import Iterator

from bot.gather.owners import OwnersError, owners_of, parse
from tests.fuzz import Target, text

PATHS = ("clusters/edge-1/apps/shop/store/web/deployment-web.yaml", "a", "docs/x y.md", ".github/x")


def check(data: bytes) -> None:
    """OwnersError, or groups of owners, each with somebody in it."""
    try:
        sections = parse(text(data))
    except OwnersError as error:
        assert len(str(error)) < 500
        return
    assert all(owners_of(sections, PATHS))


def seeds() -> Iterator[bytes]:
    """Both forges' features."""
    yield b"* @ada\n/clusters/ @org/team b@example.com\n*.yaml\ndocs/* @d # comment\n"
    yield b"[Section][2] @a @b\n*\n^[Optional] @c\n/a\\ b/** @d\n!/x @e\n[section]\n*.md\n"
    yield b"a/**/b @a\n**/x? @b\n[a-z]/ @c\n\\#x @d\n/** @e\n"


WORDS = (
    b"**/",
    b"/**",
    b"*",
    b"?",
    b"[a-z]",
    b"[!",
    b"]",
    b"\\",
    b"!",
    b"^[",
    b"@a",
    b" #",
    b"\n[",
)
TARGET = Target(check, seeds, WORDS, share=0.1)
