"""What a plain YAML scalar means, as sigs.k8s.io/yaml reads it. Used by `yamlio` both ways."""

import math
import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?(0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_EXACT = 2**53
_MAX_DIGITS = 400

# Whatever any common YAML reader may take for something other than a string: written in quotes.
AMBIGUOUS = re.compile(
    r"(~|null|true|false|y|n|yes|no|on|off|=|<<|"
    r"[-+]?\.(inf|nan)|"
    r"[-+]?[0-9.][0-9_.,:]*([eE][-+]?[0-9_]*)?|"
    r"[-+]?0[xXoObB][0-9a-fA-F_]*|"
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)?",
    re.IGNORECASE,
)


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar; an infinite or undefined number comes back as such a float.

    A number without a fraction is an int, as it is once JSON has carried it (`1e3` is 1000).
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not (text[0].isascii() and (text[0].isdigit() or text[0] in "+-.")):
        return text
    return _number(text)


def _number(text: str) -> str | int | float:
    digits = text.replace("_", "")
    if len(digits) > _MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(digits):
        return _integer(digits)
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isinf(value):
            return text
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    return text


def _integer(digits: str) -> int:
    """Go's `ParseInt(s, 0, 64)`: a leading zero means octal."""
    sign = -1 if digits[0] == "-" else 1
    bare = digits.lstrip("+-")
    if len(bare) > 1 and bare[0] == "0" and bare[1].isdigit():
        return sign * int(bare, 8)
    return sign * int(bare, 0)
