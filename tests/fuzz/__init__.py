"""Fuzzing of every parser and endpoint that reads what other people write.

One file for each target in `targets/`, found by discovery. A target says what inputs look like and
what must hold for any input; `python -m tests.fuzz` (`make fuzz`) runs them, guided by coverage
where Atheris is installed. Inputs that violated a rule are in `found/<target>/` and are tested for
ever. `.fuzz/` holds the corpus that a run has built, from which the next run continues.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

FOUND = Path(__file__).with_name("found")
MAX_BYTES = 4_096
SECRET = "canary-5f0c2b8e91d7"


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed.

    `check` takes one input and raises whatever is no declared error of the code, or AssertionError
    if a rule does not hold. `seeds` are valid inputs, `words` are fragments that matter to the
    parser. `share` is the part of all inputs that a run gives to it, relative to the others.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    share: float = 1.0


def text(data: bytes) -> str:
    """An input as text, as a forge or a file would deliver it."""
    return data.decode("utf-8", "replace")
