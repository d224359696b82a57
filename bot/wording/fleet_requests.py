"""What the status of a merge request on the fleet repo says."""

from collections.abc import Sequence

from bot.wording.markdown import plural


def fleet_line(problems: Sequence[str], warnings: Sequence[str], length: int) -> str:
    """The first mistake or warning and how many there are, in a line of that length."""
    if not problems and not warnings:
        return "no mistakes in the documents of the fleet"
    found, word = (problems, "mistake") if problems else (warnings, "warning")
    more = "" if len(found) == 1 else f"{plural(len(found), word)}, switchyard check lists them: "
    line = f"{more}{found[0]}" if problems else f"no mistakes; {more}{found[0]}"
    return line if len(line) <= length else f"{line[: length - 1]}\u2026"
