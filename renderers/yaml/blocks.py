"""Writes texts of several lines as literal blocks where libyaml would write one quoted line.

libyaml quotes a text with a tab, or with a blank at the end of a line, although YAML 1.2 (8.1.2)
allows both in literal blocks. Each such text is replaced by a mark before the value is written, and
the mark by the block afterwards.
"""

import re
from dataclasses import dataclass, field

from planners.model import Json

_MARK = "\ue000"
_MARKED = re.compile(rf"(?m)^((?: |- |: )*)(.*?){_MARK}(\d+){_MARK}$")
_WRITABLE = re.compile("[\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+")
_QUOTED = re.compile(r"\t| (?:\n|\Z)")
_NOT_BREAKS = re.compile("[\u2028\u2029]")
INDENT = 2


@dataclass(slots=True)
class Blocks:
    """The texts of one value that are written as blocks."""

    texts: list[str] = field(default_factory=list)

    def take(self, value: Json) -> Json:
        """The value with a mark in place of each such text; keys are kept."""
        match value:
            case str() if _needs_block(value):
                self.texts.append(value)
                return f"{_MARK}{len(self.texts) - 1}{_MARK}"
            case dict():
                return {key: self.take(each) for key, each in value.items()}
            case list():
                return [self.take(each) for each in value]
            case _:
                return value

    def put(self, text: str) -> str | None:
        """The written value with the blocks in place of their marks; None if it has others."""
        if not self.texts:
            return text
        return _MARKED.sub(self._block, text) if text.count(_MARK) == 2 * len(self.texts) else None

    def _block(self, match: re.Match[str]) -> str:
        lead, key, number = match.groups()
        width = len(lead) + (INDENT if key else 0)
        text = self.texts[int(number)]
        indicator = str(INDENT) if text[0] in " \n\t" else ""
        body, end = (text[:-1], "") if text.endswith("\n") else (text, "-")
        if body.endswith("\n") or not body.strip("\n"):
            end = "+"
        lines = [f"{' ' * width}{line}" if line else "" for line in body.split("\n")]
        return "\n".join([f"{lead}{key}|{indicator}{end}", *lines])


def _needs_block(text: str) -> bool:
    return (
        "\n" in text
        and _QUOTED.search(text) is not None
        and _WRITABLE.fullmatch(text) is not None
        and _NOT_BREAKS.search(text) is None
        and text.strip() != ""
    )
