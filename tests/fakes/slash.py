"""Verbs of no real use, and a short way to say what was read."""

from bot.chatops.parser import (
    Argument,
    CommandReader,
    Help,
    Kind,
    Mistake,
    Option,
    ParsedCommand,
    Verb,
)

PLAN = Verb("plan", summary="Plan this merge request.", examples=("/switchyard plan",))
STOP = Verb("stop", (Argument("unit", required=False, repeatable=True),))
HOLD = Verb(
    "hold",
    (Argument("app", summary="What to hold."), Argument("top", Kind.COUNT, required=False)),
    (
        Option("reason", required=True, summary="Why."),
        Option("for", Kind.DURATION),
        Option("until", Kind.MOMENT),
        Option("on", Kind.SELECTOR, repeatable=True),
        Option("wave", Kind.COUNT),
    ),
    "Hold an application.",
    ('/switchyard hold cart --reason "too hot" --for 2h',),
)
READER = CommandReader("switchyard[bot]", (PLAN, STOP, HOLD))
S = "/switchyard"
P = f"{S} plan"


def said(text: str) -> list[str]:
    """What was read, short: `plan`, `stop a b`, `help plan`, `! message`."""
    return [short(each) for each in READER.read(text)]


def short(result: ParsedCommand | Help | Mistake) -> str:
    if isinstance(result, Mistake):
        return f"! {result.message}"
    if isinstance(result, Help):
        return f"help {result.verb}".strip()
    return " ".join([result.verb, *map(str, result.arguments.get("unit", ()))])
