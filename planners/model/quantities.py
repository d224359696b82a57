"""Kubernetes quantities, read exactly, as whole nano-units (1 CPU = 10**9, 1 byte = 10**9).

Source: k8s.io/apimachinery/pkg/api/resource, "Quantity": a number, then a binary suffix (Ki to Ei),
a decimal one (n, u, m, k, M, G, T, P, E) or a decimal exponent. Fractions of a nano-unit are
rounded up (away from zero); values above 2**63-1 are capped to it.
"""

import re
from fractions import Fraction

NANO = 10**9
MOST = (2**63 - 1) * NANO

PATTERN = (
    r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))"
    r"(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?[0-9]{1,4}))?"
)
_GRAMMAR = re.compile(PATTERN)
_LONGEST = 200
_MOST_READABLE = 10_000
_BINARY = {name: 1024**power for power, name in enumerate(["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def parse(value: object) -> int:
    """The quantity in nano-units; integers and floats are read in their YAML notation.

    Raises:
        ValueError: the value is not a quantity.
    """
    wanted = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = str(value)
    match = _GRAMMAR.fullmatch(text) if wanted and len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"invalid quantity {text[:40]!r}; expected e.g. 500m, 2, 1.5Gi or 1e3")
    sign, whole, rest, bare, suffix, exponent = match.groups()
    fraction = rest or bare or ""
    number = Fraction(int((whole or "") + fraction), 10 ** len(fraction))
    if suffix in _BINARY:
        number *= _BINARY[suffix]
    else:
        number *= Fraction(10) ** (int(exponent) if exponent else _DECIMAL.get(suffix or "", 0))
    nanos = min(-(-number * NANO // 1), MOST)
    return -nanos if sign == "-" else nanos


def write(nanos: int) -> str:
    """The exact quantity in short notation: `1.5Gi` for round binary numbers, else decimal."""
    sign, size = ("-", -nanos) if nanos < 0 else ("", nanos)
    for name in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
        unit = _BINARY[name] * NANO
        if unit <= size < _MOST_READABLE * unit and size * 4 % unit == 0:
            return f"{sign}{_decimal(Fraction(size, unit))}{name}"
    for scale, name in ((NANO, ""), (10**6, "m"), (10**3, "u")):
        if size % scale == 0:
            return f"{sign}{size // scale}{name}"
    return f"{sign}{size}n"


def _decimal(number: Fraction) -> str:
    text = f"{float(number):.2f}".rstrip("0").rstrip(".")
    return text or "0"
