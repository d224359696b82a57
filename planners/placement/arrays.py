"""Columns of numbers, one for each cluster, with the results of Python's own arithmetic.

Sums of resources are exact: 64-bit multiples of a common divisor, or Python's integers where those
do not fit. Rounding is that of `round`.
"""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]

LIMIT = 1 << 62
"""Amounts up to here are added without overflow in 64 bits."""

EXACT = 1 << 53
"""Integers up to here are floats without loss, so that a division rounds once."""

_NEAR_TIE = 1e-6


def rounded(values: Floats) -> Floats:
    """Each value as `round(value, 2)`; what is near the middle of two hundredths is left to it."""
    hundredths = values * 100
    result: Floats = np.rint(hundredths) / 100
    ties = np.abs(hundredths - np.floor(hundredths) - 0.5) < _NEAR_TIE
    if ties.any():
        result[ties] = [round(each, 2) for each in values[ties].tolist()]
    return result


class IntColumn:
    """Exact integers, as multiples of `scale`."""

    __slots__ = ("bound", "scale", "values")

    def __init__(self, numbers: Sequence[int]) -> None:
        """Find the scale; it is 1 where Python's integers are needed."""
        self.scale = math.gcd(*numbers) or 1
        self.bound = max(map(abs, numbers), default=0) // self.scale
        scaled = [each // self.scale for each in numbers]
        self.values: NDArray[Any] = np.array(scaled, np.int64 if self.bound < LIMIT else np.object_)

    def copy(self) -> "IntColumn":
        """A column that changes by itself."""
        made = IntColumn(())
        made.scale, made.bound, made.values = self.scale, self.bound, self.values.copy()
        return made

    def __getitem__(self, position: int) -> int:
        return int(self.values[position]) * self.scale

    def subtract(self, positions: Codes, codes: Codes, amounts: Sequence[int]) -> None:
        """Subtract at each position the amount that its code (of the same index) refers to."""
        self._refine(math.gcd(self.scale, *amounts), max(amounts))
        scaled = np.array([each // self.scale for each in amounts], self.values.dtype)
        self.values[positions] -= scaled[codes]

    def _refine(self, scale: int, most: int) -> None:
        """Change to a smaller scale, and to Python's integers where 64 bits do not suffice."""
        factor = self.scale // scale
        self.bound = self.bound * factor + most // scale
        if self.values.dtype != np.object_ and self.bound >= LIMIT:
            self.values = self.values.astype(np.object_)
        if factor > 1:
            self.values = self.values * factor
        self.scale = scale

    def at_least(self, codes: Codes, amounts: Sequence[int]) -> Mask:
        """Where the integer is at least the amount that the code refers to."""
        if self.values.dtype == np.object_:
            needed = np.array([-(-each // self.scale) for each in amounts], np.object_)
        else:
            needed = np.array([min(-(-each // self.scale), LIMIT) for each in amounts], np.int64)
        result: Mask = np.asarray(self.values >= needed[codes], np.bool_)
        return result

    def shares(self, whole: "IntColumn") -> Floats:
        """Each integer as a share of another, as `max(one, 0) / other`; NaN of nothing."""
        scale = math.gcd(self.scale, whole.scale)
        factor, other = self.scale // scale, whole.scale // scale
        if max(self.bound * factor, whole.bound * other) <= EXACT:
            parts, wholes = self.values * factor, whole.values * other
            result = np.full(len(parts), np.nan)
            np.divide(np.maximum(parts, 0), wholes, out=result, where=wholes > 0)
            return result
        pairs = [(max(self[at], 0), whole[at]) for at in range(len(self.values))]
        return np.array([part / all_ if all_ else np.nan for part, all_ in pairs], np.float64)

    @property
    def negative(self) -> Mask:
        """Where the integer is below 0."""
        result: Mask = np.asarray(self.values < 0, np.bool_)
        return result
