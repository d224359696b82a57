"""Text of others on the terminal: what would steer it stands as a number."""

import json
import logging
import sys
import threading
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.logs import LibraryFormatter
from bot.terminal import (
    Line,
    Style,
    printable,
    progress,
    wants_colours,
    write,
    write_error,
    write_lines,
)

HOSTILE = {
    "colour": ("\x1b[31mred", "[U+001B][31mred"),
    "title": ("\x1b]0;title\x07", "[U+001B]]0;title[U+0007]"),
    "clipboard": ("\x1b]52;c;eA==\x1b\\", "[U+001B]]52;c;eA==[U+001B]\\"),
    "hyperlink": ("\x1b]8;;http://x\x1b\\a", "[U+001B]]8;;http://x[U+001B]\\a"),
    "C1 control sequence": ("\x9b31m", "[U+009B]31m"),
    "C1 operating system command": ("\x9d0;x\x9c", "[U+009D]0;x[U+009C]"),
    "C1 next line": ("a\x85b", "a[U+0085]b"),
    "carriage return": ("12 problems\rno problems", "12 problems[U+000D]no problems"),
    "backspace": ("bad\b\b\bok ", "bad[U+0008][U+0008][U+0008]ok "),
    "vertical tab and form feed": ("a\v\fb", "a[U+000B][U+000C]b"),
    "bell, shift out, NUL": ("\a\x0e\x00", "[U+0007][U+000E][U+0000]"),
    "delete": ("a\x7f", "a[U+007F]"),
    "right-to-left override": ("\u202egnp.exe", "[U+202E]gnp.exe"),
    "isolates": ("\u2066a\u2069", "[U+2066]a[U+2069]"),
    "direction marks": ("\u200ea\u200f\u061c", "[U+200E]a[U+200F][U+061C]"),
    "zero width": ("pro\u200bd\u2060\ufeff", "pro[U+200B]d[U+2060][U+FEFF]"),
    "line separators": ("a\u2028b\u2029", "a[U+2028]b[U+2029]"),
    "soft hyphen and fillers": ("a\xad\u3164\uffa0", "a[U+00AD][U+3164][U+FFA0]"),
    "tags": ("a\U000e0041\U000e007f", "a[U+E0041][U+E007F]"),
    "lone surrogate": ("a\ud800", "a[U+D800]"),
    "plain text": ("a\tb\nZürich, 東京 עברית 🚢", "a\tb\nZürich, 東京 עברית 🚢"),
}
FLEET = """apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: "one\\e]0;owned\\a\\u202E"}
spec: {agent: "flux\\e[2J"}
"""


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_steers_a_terminal_is_shown_as_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize("command", ["check", "plan", "explain", "render"])
def test_no_command_writes_control_characters_of_a_manifest(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters/one.yaml").write_text(FLEET)
    (tmp_path / "switchyard.yaml").write_text(FLEET.replace("Cluster", "Application\\e[1m"))
    options = ["--app", str(tmp_path), "--fleet", str(tmp_path)]
    out = ["--out", str(tmp_path / "out")] if command == "render" else []
    assert main([command, *options, *out]) == 1
    shown = capsys.readouterr()
    assert "clusters/one.yaml" in shown.err
    assert not {each for each in shown.out + shown.err if each < " " and each != "\n"}
    assert "\u202e" not in shown.err


@pytest.mark.parametrize("text", [text for text, _ in HOSTILE.values()], ids=HOSTILE)
def test_a_line_of_the_log_is_one_line_of_ascii(text: str) -> None:
    record = logging.LogRecord("uvicorn", logging.ERROR, "x.py", 1, text, None, None)
    line = LibraryFormatter().format(record)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["event"] == text


def test_the_log_has_the_place_of_an_exception_and_none_of_its_values() -> None:
    try:
        int("canary")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", None, sys.exc_info())
    line = json.loads(LibraryFormatter().format(record))
    assert line["error"] == "ValueError"
    assert line["place"].startswith("test_terminal.py:")
    assert "canary" not in str(line)


class FakeTerminal(StringIO):
    """Standard error of a terminal; `told` is set at each line of progress."""

    encoding = "utf-8"

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text.startswith("\r"):
            self.told.set()
        return super().write(text)


@pytest.mark.parametrize(
    ("variables", "terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_who_wants_colours_gets_them(
    variables: dict[str, str], *, terminal: bool, expected: bool
) -> None:
    assert wants_colours(variables, terminal=terminal) == expected


def test_a_coloured_line_has_no_control_characters_of_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    write_lines([Line("+ a\x1b[0mb", Style.GREEN), Line("plain"), Line("", Style.RED)])
    write_error("one\ntwo\n", Style.YELLOW)

    shown = capsys.readouterr()
    assert shown.out == "\x1b[32m+ a[U+001B][0mb\x1b[0m\nplain\n\n"
    assert shown.err == "\x1b[33mone\x1b[0m\n\x1b[33mtwo\x1b[0m\n"


def test_what_takes_long_is_said_on_a_terminal_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with progress("planning \x1b[2J", patience=0.001):
        terminal.told.wait()

    shown = terminal.getvalue()
    assert shown.startswith("\rplanning [U+001B][2J (1 s)")
    assert shown.endswith("\r\x1b[K")


def test_what_is_quick_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = FakeTerminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    with progress("planning", patience=3600):
        pass

    assert not terminal.getvalue()


@pytest.mark.parametrize("term", ["dumb", None])
def test_progress_is_for_terminals_that_can_erase(
    term: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = FakeTerminal() if term else StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", term or "xterm")
    before = set(threading.enumerate())

    with progress("planning", patience=0.0):
        assert set(threading.enumerate()) <= before

    assert not stream.getvalue()


def test_what_an_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TextIOWrapper(BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)

    write("Zürich 東京\n")

    stream.seek(0)
    assert stream.read() == "Zürich \\u6771\\u4eac\n"
