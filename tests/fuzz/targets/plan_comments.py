"""Plan comments in which hostile text stands wherever somebody else can write."""

from collections.abc import Iterator

from bot.wording import comment as words
from bot.wording.markdown import code, code_in_html, fold, sentence, table, units
from tests.fakes.comments import assert_dead, home, read
from tests.fakes.hostile import SECRET, Size, everywhere
from tests.fuzz import Target, text

SIZE = Size(2, 3, 2)
LIMIT = 20_000
MOST_CHARACTERS = 2_000
EVERY = 8


def check(data: bytes) -> None:
    """A comment keeps its limit, shows no secret, mentions nobody and runs no quick action."""
    hostile = text(data)[:MOST_CHARACTERS]
    if SECRET in hostile or SECRET in hostile[::-1]:
        return
    parts = [code(hostile), code_in_html(hostile), sentence(hostile)]
    for part in (*parts, table(["a"], [parts[:1]]), fold(parts[1], parts[2])):
        assert not any(line.lstrip().startswith("/") for line in part.splitlines())
    if data[:1] and data[0] % EVERY:
        return
    proposal, diffs = everywhere(hostile, hostile[::-1], SIZE)
    shown = words.comment(home(preview=False, limit=LIMIT), proposal, diffs)
    assert units(shown) <= LIMIT
    assert SECRET not in shown
    assert_dead(read(shown))


def seeds() -> Iterator[bytes]:
    """What means something in Markdown, HTML, or to a forge."""
    yield b"web"
    yield b"`@ada` #1 !1 fixes #1\n/approve\n```\n/merge\n~~~"
    yield b"</details></summary><script>alert(1)</script><!-- switchyard:home x -->"
    yield b"[x](https://x.example) ![y](z) https://x.example | a | b |\n|---|---|"
    yield "\u202e\u200b\ufeff a\r\n\r/merge\u2028/approve\u0085/close".encode()


WORDS = (
    *(b"@ada", b"#1", b"!1", b"/approve", b"\n/merge", b"```", b"~~~", b"`", b"<!--", b"-->"),
    *(b"</details>", b"<summary>", b"|", b"\\", b"](", b"<", b"&lt;", b"\r", b"- [ ] ", b"* "),
)
TARGET = Target(check, seeds, WORDS, share=0.06)
