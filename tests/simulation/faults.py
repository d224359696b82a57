"""Draws what goes wrong, from a seed.

Each draw has a name of its own, made of its kind and how many there were before. So a fault can be
left out without changing what the others are, which is how `shrink` makes a world smaller.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

SHARES: Mapping[str, Mapping[str, float]] = {
    "call": {"crash before": 0.002, "crash after": 0.002, "stop": 0.001},
    "read": {"502": 0.01, "429": 0.004, "stale": 0.02, "slow": 0.01},
    "write": {"502 before": 0.03, "502 after": 0.03, "429": 0.01, "crash after": 0.01},
    "store": {"error before": 0.001, "error after": 0.001},
    "git": {"broken": 0.01, "broken after": 0.01},
    "hook": {"drop": 0.1, "double": 0.1, "late": 0.1, "forge": 0.05},
    "report": {"drop": 0.05, "double": 0.05, "late": 0.05, "replay": 0.05, "forge": 0.05},
}
"""How often each fault happens at an occasion of its kind, at strength 1."""

STRENGTHS = (0.0, 0.5, 1.0, 3.0)
"""A world draws one for each kind: some faults only show where others are rare."""


@dataclass(slots=True)
class Faults:
    """The faults of one world. With `only`, no others than those happen.

    `fixed` has the answers of draws by their names, where a world's profile gives them.
    """

    seed: int
    only: frozenset[str] | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    active: bool = True
    happened: list[str] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _shares: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """A number from 0 to 1 that this name always has in this world."""
        if name in self.fixed:
            return float(self.fixed[name])
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)

    def next(self, kind: str) -> float:
        """The next number of a kind."""
        self._counts[kind] += 1
        return self.number(f"{kind}#{self._counts[kind]}")

    def choose(self, kind: str, *values: Any) -> Any:
        """One of these values, the same each time for this kind; or what is fixed for it."""
        if kind in self.fixed:
            return self.fixed[kind]
        return values[int(self.number(kind) * len(values))]

    def pick(self, kind: str, *values: Any) -> Any:
        """One of these values, at the next occasion of its kind."""
        return values[int(self.next(kind) * len(values))]

    def count(self, kind: str) -> int:
        """How many occasions of a kind there have been."""
        return self._counts[kind]

    def draw(self, kind: str) -> str:
        """What goes wrong at this occasion; empty if nothing."""
        if not self.active:
            return ""
        drawn = self.next(kind)
        shares = self._shares.get(kind) or self._draw_shares(kind)
        for fault, share in shares:
            drawn -= share
            if drawn < 0:
                return self._happen(f"{kind}#{self._counts[kind]} {fault}", fault)
        return ""

    def allow(self, name: str) -> bool:
        """Whether something that is no accident happens, such as what a person does."""
        return bool(self.active and self._happen(name, name))

    def _happen(self, name: str, fault: str) -> str:
        if self.only is not None and name not in self.only:
            return ""
        self.happened.append(name)
        return fault

    def _draw_shares(self, kind: str) -> tuple[tuple[str, float], ...]:
        """How often each fault of a kind happens in this world."""
        strength = self.choose(f"strength of {kind}", *STRENGTHS)
        self._shares[kind] = tuple(
            (fault, self.fixed.get(f"share of {kind} {fault}", share * strength))
            for fault, share in SHARES[kind].items()
        )
        return self._shares[kind]
