"""Slash commands: words, values, help, and what people are told of their mistakes."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.chatops.parser import Argument, Help, Kind, Mistake, Option, ParsedCommand, Verb, usage
from planners.model.selectors import Selector
from tests.fakes.slash import HOLD, PLAN, READER, S

DIRECTION = "the line contains bidirectional control characters"
PLAIN = "commands must be plain text, but this line contains"
COUNT = "is not a valid count; expected a whole number, 0 or more"
DURATION = "is not a valid duration; expected a duration such as 30m, 2h or 3d"
LABELS = "is not a valid selector; expected labels such as key=value,key2=value2, each key once"
MISTAKES = {
    "no verb": (S, "no command given", "commands: plan, stop, hold, help"),
    "an unknown verb": (f"{S} plam", "unknown command 'plam'", "did you mean plan?"),
    "far from any": (
        f"{S} zzz",
        "unknown command 'zzz'",
        "commands: plan, stop, hold, help",
    ),
    "a Cyrillic verb": (f"{S} \u0440lan", "unknown command '\u0440lan'", "did you mean plan?"),
    "a Kelvin sign": (
        f"{S} hol\u212a",
        "unknown command 'hol\u212a'",
        "did you mean hold?",
    ),
    "help of none": (f"{S} help stpo", "unknown command 'stpo'", "did you mean stop?"),
    "too many words": (f"{S} plan it now", "unexpected argument 'it'", "usage: /switchyard plan"),
    "an override": (f"{S} plan \u202enalp", DIRECTION, ""),
    "an override before": (f"\u202e{S} plan", DIRECTION, ""),
    "an override in the mention's line": ("@switchyard \u2067plan", DIRECTION, ""),
    "a mark": (f"{S} plan\u200f", DIRECTION, ""),
    "a tag character": (
        f"{S} stop a\U000e0041",
        "the line contains an invisible character, U+E0041",
        "",
    ),
    "a lone surrogate": (
        f"{S} stop \ud800",
        "the line contains an invisible character, U+D800",
        "",
    ),
    "a vertical tab": (f"{S} stop\vb", "the line contains an invisible character, U+000B", ""),
    "a huge line": (f"{S} stop {'a' * 500}", "the line is longer than 500 characters", ""),
    "a hidden word": (f"{S} stop <!-- all -->", f"{PLAIN} HTML", ""),
    "a link in it": (f"{S} stop [a](/b)", f"{PLAIN} a link", ""),
    "an address in brackets": (f"{S} stop <https://a.b>", f"{PLAIN} a link", ""),
    "an image in it": (f"{S} stop ![a](/b)", f"{PLAIN} an image", ""),
    "code that goes on": (f"{S} stop `a\n{S} plan`", f"{PLAIN} code", ""),
    "an open quote": (
        f"{S} stop 'a b",
        "unterminated quote: 'a b",
        "close it, or escape it with a backslash",
    ),
    "an open typographic quote": (
        f"{S} stop x=\u201ca b and very much more of it",
        "unterminated quote: \u201ca b and very much m...",
        "close it, or escape it with a backslash",
    ),
    "quotes over lines": (
        f'{S} stop "a\nb"',
        'unterminated quote: "a',
        "close it, or escape it with a backslash",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_it_is_a_mistake(case: str) -> None:
    text, message, hint = MISTAKES[case]

    (result,) = READER.read(text)
    assert isinstance(result, Mistake)
    assert (result.line, str(result.message), str(result.hint)) == (1, message, hint)


HOLDS = {
    "": "missing app",
    "cart": "missing --reason",
    "cart --reason": "--reason requires a value",
    "cart --reason --for 2h": "--reason requires a value",
    "cart --reason=": "--reason: '' is not a valid text; expected at least one visible character",
    "cart --reason a --reason b": "--reason can be given only once",
    "cart --reason a --wav 1": "hold has no option '--wav'",
    "cart --reason a --wave -1": f"--wave: '-1' {COUNT}",
    "cart --reason a --wave \u0663": f"--wave: '\u0663' {COUNT}",
    "cart many --reason a": f"top: 'many' {COUNT}",
    "cart --reason a --for 2": f"--for: '2' {DURATION}",
    "cart --reason a --for 999999d": (f"--for: '999999d' {DURATION}"),
    "cart --reason a --on b": (f"--on: 'b' {LABELS}"),
    "cart --reason a --on b=c,b=d": (f"--on: 'b=c,b=d' {LABELS}"),
}


@pytest.mark.parametrize("words", HOLDS)
def test_what_does_not_fit_the_grammar(words: str) -> None:
    (result,) = READER.read(f"{S} hold {words}")

    assert isinstance(result, Mistake)
    assert str(result.message) == HOLDS[words]
    assert str(result.hint) in {"did you mean --wave?", f"usage: {HOLD}"}


@pytest.mark.parametrize(
    "moment",
    [
        *("2026-12-24", "2026-12-24T18:00Z", "2026-12-24T18:00:00", "2026-13-24T18:00:00Z", "now"),
        *("0001-01-01T00:00:00+14:00", "2026-12-24T18:00:00+25:00", "2026-W01-1T00:00:00Z"),
    ],
)
def test_what_is_no_moment(moment: str) -> None:
    (result,) = READER.read(f"{S} hold cart --reason a --until {moment}")

    assert isinstance(result, Mistake)
    assert "is not a valid moment; expected an RFC 3339 time" in str(result.message)


def test_a_time_is_a_moment_or_a_duration() -> None:
    assert Kind.TIME.read("2026-12-24T18:00:00Z") == datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert Kind.NAME.read("Canary.1") == "canary.1"
    assert Kind.TEXT.read("Canary.1") == "Canary.1"
    assert Kind.TIME.read("3d") == timedelta(days=3)
    for wrong in ("tomorrow", "3", "2026-12-24"):
        with pytest.raises(
            ValueError, match="is not a valid time; expected a time such as 2026-12-24T18:00:00Z"
        ):
            Kind.TIME.read(wrong)


def test_all_kinds_of_values() -> None:
    text = f"""Hello,

{S} Hold cart 3 \u2014Reason=\u201cit\u2019s \u2018too\u2019 hot\u201d \u2013for 1d2h30m --wave '0'\
 --until 2026-12-24t18:00:00+01:00 --on a.b/zone=x,tier= \u2212\u2212on "tier=2"
"""

    (result,) = READER.read(text)

    assert result == ParsedCommand(
        3,
        "hold",
        {"app": ("cart",), "top": (3,)},
        {
            "reason": ("it\u2019s \u2018too\u2019 hot",),
            "for": (timedelta(days=1, hours=2, minutes=30),),
            "until": (datetime(2026, 12, 24, 17, tzinfo=UTC),),
            "on": (Selector({"a.b/zone": "x", "tier": ""}), Selector({"tier": "2"})),
            "wave": (0,),
        },
    )
    assert isinstance(result, ParsedCommand)
    assert result.first("app", str) == "cart"
    assert result.first("top", str) is None
    assert len(result.every("on", Selector)) == 2


REASONS = {
    '"a b"': "a b",
    "'a b'": "a b",
    "\u201ea b\u201c": "a b",
    "\u201da b\u201d": "a b",
    "\u2018a b\u2019": "a b",
    '"a b\u201d': "a b",
    '\u201ca b"': "a b",
    "'it's \"b\"'": 'it\'s "b"',
    r'"a \" b"': 'a " b',
    r"C:\dir": r"C:\dir",
    "a=b": "a=b",
    "'--for'": "--for",
    "'\u2014for'": "\u2014for",
    "a--b": "a--b",
    '"\U0001f469\u200d\U0001f52c"': "\U0001f469\U0001f52c",
}


@pytest.mark.parametrize("equals", [" ", "="])
@pytest.mark.parametrize("typed", REASONS)
def test_values_as_they_are_typed(typed: str, equals: str) -> None:
    (result,) = READER.read(f"{S} hold cart --reason{equals}{typed}")

    assert isinstance(result, ParsedCommand)
    assert result.options == {"reason": (REASONS[typed],)}


def test_help() -> None:
    (result, everything) = READER.read(f"{S} hold --help\n{S} --help")

    assert isinstance(result, Help)
    assert isinstance(everything, Help)
    assert result.text == usage(HOLD)
    assert result.text.splitlines()[0].startswith("/switchyard hold APP [TOP] --reason TEXT")
    assert "Plan this merge request." in everything.text
    for example in (*PLAN.examples, *HOLD.examples):
        assert isinstance(READER.read(example)[0], ParsedCommand)


@pytest.mark.parametrize(
    ("name", "positional", "options"),
    [
        ("Plan", (), ()),
        ("help", (), ()),
        ("plan", (Argument("a", repeatable=True), Argument("b")), ()),
        ("plan", (Argument("a", required=False), Argument("b")), ()),
        ("plan", (), (Option("a"), Option("a"))),
        ("plan", (), (Option("help"),)),
    ],
)
def test_a_grammar_that_cannot_be(
    name: str, positional: tuple[Argument, ...], options: tuple[Option, ...]
) -> None:
    with pytest.raises(ValueError, match=name):
        Verb(name, positional, options)
