"""Comments with slash commands."""

from collections.abc import Iterator

from bot.chatops.executor import commands
from bot.chatops.parser import MOST_COMMANDS, CommandReader, Mistake
from tests.fuzz import Target, text

VERBS = tuple(each.verb for each in commands().values())
READER = CommandReader("switchyard[bot]", VERBS)
MOST_CHARACTERS = 2_000


def check(data: bytes) -> None:
    """Any text is read; results are few, bounded, and the same ones when read again."""
    comment = text(data)
    results = READER.read(comment)
    assert len(results) <= MOST_COMMANDS + 1
    assert READER.new_commands(comment, comment) == ()
    for each in results:
        if isinstance(each, Mistake):
            shown = f"{each.message} {each.hint}"
            assert len(shown) < MOST_CHARACTERS
            assert not any(line.lstrip().startswith("/") for line in shown.splitlines())
    quoted = "\n".join(f"> {line}" for line in comment.splitlines())
    assert READER.read(quoted) == ()


def seeds() -> Iterator[bytes]:
    """Every command, and the ways in which people quote and mark text."""
    for verb in VERBS:
        yield f"/switchyard {verb}".encode()
        yield f"hello\n\n@switchyard {verb.name} wave-1 --reason 'a \"b\" c' --for 2h\n".encode()
    yield b"```\n/switchyard approve\n```\n\n> /switchyard approve\n\n/switchyard why\n"
    yield b">>>\n/switchyard approve\n>>>\n\n* /switchyard hold\n\n<!-- /switchyard hold -->\n"


WORDS = (
    *(b"/switchyard ", b"@switchyard ", b"\n\n", b"> ", b">>>", b"```", b"<!--", b"-->", b"[a](b)"),
    *(b"--reason ", b"--for=", b"'", b'"', b"\\", b"help", b"--help", b"| a |\n|---|", b"&#47;"),
)
TARGET = Target(check, seeds, WORDS, share=0.7)
