"""Resolves YAML scalars as sigs.k8s.io/yaml does; used to read and to write."""

import math
import re
from types import NoneType
from typing import TypeAlias

Scalar: TypeAlias = "str | int | float | bool | None"

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?(0[bB][01]+|0[oO][0-7]+|0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DIGIT_SEPARATOR = re.compile(r"(?<=[0-9])_(?=[0-9])")
_MAX_EXACT_FLOAT = 2**53
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_MAX_DIGITS = 400
_TAGS: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (NoneType,),
}
_STRING_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})

# Strings that any common YAML reader may interpret as another type: always quoted.
AMBIGUOUS = re.compile(
    r"(~|null|true|false|y|n|yes|no|on|off|=|<<|"
    r"[-+]?\.(inf|nan)|"
    r"[-+]?[0-9.][0-9_.,:]*([eE][-+]?[0-9_]*)?|"
    r"[-+]?0[xXoObB][0-9a-fA-F_]*|"
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)?",
    re.IGNORECASE,
)


class ScalarError(ValueError):
    """A scalar is not a JSON value; the message says which and why."""


def read(text: str, tag: str | None, *, plain: bool) -> Scalar:
    """The value of a scalar, `plain` or quoted, optionally with a tag.

    Raises:
        ScalarError: an unknown tag, a text that does not match its tag, NUL, or a number that
            is not finite.
    """
    if "\0" in text:
        raise ScalarError("a NUL character is not allowed")
    if tag in _STRING_TAGS or (tag is None and not plain):
        return text
    if tag is not None and tag not in _TAGS:
        raise ScalarError(f"tag {tag} is not allowed; only JSON types are")
    value = resolve(text)
    if tag is not None and type(value) not in _TAGS[tag]:
        raise ScalarError(f"{text!r} does not match its tag {tag}")
    return value


def resolve(text: str) -> Scalar:
    """The value of a plain scalar.

    A number without a fraction is an int, as after a round trip through JSON (`1e3` is 1000).

    Raises:
        ScalarError: infinity or NaN, which JSON cannot represent.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if not (text[0].isascii() and (text[0].isdigit() or text[0] in "+-.")):
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"{text} is not a JSON number")
    return _number(text)


def _number(text: str) -> str | int | float:
    digits = _DIGIT_SEPARATOR.sub("", text) if text[0] == "." else text.replace("_", "")
    if len(digits) > _MAX_DIGITS:
        return text
    if _INTEGER.fullmatch(digits):
        whole = _integer(digits)
        if _MIN_INT <= whole <= _MAX_INT:
            return whole
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isinf(value):
            return text
        return int(value) if value.is_integer() and abs(value) < _MAX_EXACT_FLOAT else value
    return text


def _integer(digits: str) -> int:
    """Go's `ParseInt(s, 0, 64)`: a leading zero means octal."""
    sign = -1 if digits[0] == "-" else 1
    bare = digits.lstrip("+-")
    if len(bare) > 1 and bare[0] == "0" and bare[1].isdigit():
        return sign * int(bare, 8)
    return sign * int(bare, 0)
