"""Evaluates the CEL rules and patterns of CustomResourceDefinitions; the only importer of CEL.

Source: Kubernetes documentation, "Custom Resources", "Validation rules" (`self`, escaped names of
fields, transition rules) and "Common Expression Language in Kubernetes" (its libraries). The
library is Google's in C++, which also has RE2, the regular expressions of Kubernetes;
`cel_functions` adds functions. Rules that use what neither has (`find()`, `semver()`, `indexOf()`
of lists, fields of a format such as date-time) are reported as not evaluated. Cost is bounded by
the size of the value to the power of the rule's loops.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from bot.engine.cel_functions import WRONG_VALUE, declarations
from planners.model import Json
from renderers.kubernetes.schemas import Schema, SchemaViolation

MOST_STEPS = 1_000_000
MOST_RULE_LENGTH = 5_000
MOST_RULES = 500
_DEEPEST_LOOP = 3
_LOOPS = re.compile(r"\.(all|exists|exists_one|map|filter|transformList|transformMap)\s*\(")
_TRANSITION = re.compile(r"\boldSelf\b")
_CONVERTED_FORMATS = frozenset({"byte", "date", "date-time", "datetime", "duration"})
_RESERVED = frozenset(
    {
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
        "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void",
        "while",
    }
)  # fmt: skip
_ESCAPES = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_NO_KEY = "Key not found in map"


class _NotEvaluatedError(Exception):
    """A rule that cannot be evaluated here; says why."""


def rule_violations(item: Mapping[str, Json], schema: Schema) -> tuple[SchemaViolation, ...]:
    """Which `x-kubernetes-validations` an object breaks, and warnings for those not evaluated."""
    found: list[SchemaViolation] = []
    for number, (path, rule, value, part) in enumerate(_rules((), dict(item), schema)):
        if number == MOST_RULES:
            message = f"has more than {MOST_RULES} rules to evaluate; the rest is not checked"
            found.append(SchemaViolation(path, message, is_warning=True))
            break
        text = str(rule.get("rule"))
        try:
            if not _holds(text, value, part):
                found.append(SchemaViolation(path, _message(rule, text)))
        except _NotEvaluatedError as error:
            message = f"is not checked by the rule `{text}` of its definition: {error}"
            found.append(SchemaViolation(path, message, is_warning=True))
    return tuple(found)


def matches(pattern: str, value: str) -> bool:
    """Whether a text matches a pattern of a schema; patterns that RE2 cannot read match all."""
    result = _compiled("self.matches(pattern)").eval(data={"self": value, "pattern": pattern})
    return result.plain_value() is not False


def _rules(
    path: tuple[str | int, ...], value: Json, schema: Schema
) -> Iterator[tuple[tuple[str | int, ...], Schema, Json, Schema]]:
    """Every rule, with its value and that value's schema; transition rules are about updates."""
    if value is None:
        return
    rules = schema.get("x-kubernetes-validations")
    for rule in rules if isinstance(rules, list) else []:
        if isinstance(rule, dict) and not _TRANSITION.search(str(rule.get("rule"))):
            yield path, rule, value, schema
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _rules((*path, key), child, _child(schema, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _rules((*path, index), child, _mapping(schema.get("items")))


def _child(schema: Schema, key: str) -> Schema:
    known = _mapping(schema.get("properties")).get(key)
    return _mapping(known if known is not None else schema.get("additionalProperties"))


def _message(rule: Schema, text: str) -> str:
    """What the definition says; `messageExpression` may quote values and is not used."""
    stated = rule.get("message")
    return f"breaks a rule of its definition: {stated}" if stated else f"breaks the rule `{text}`"


def _holds(rule: str, value: Json, schema: Schema) -> bool:
    """Whether a rule is true; a field that is not there makes it false, as in the API server."""
    if len(rule) > MOST_RULE_LENGTH:
        raise _NotEvaluatedError("it is too long")
    loops = min(len(_LOOPS.findall(rule)), _DEEPEST_LOOP)
    if _size(value) ** loops > MOST_STEPS:
        raise _NotEvaluatedError("the value is too large for its loops")
    data = _converted(value, schema)
    try:
        result = _compiled(rule).eval(data={"self": data})
    except RuntimeError as error:
        raise _NotEvaluatedError("it uses a function that is not available here") from error
    plain = result.plain_value()
    if isinstance(plain, bool):
        return plain
    if _NO_KEY in str(plain) or WRONG_VALUE in str(plain):
        return False
    raise _NotEvaluatedError("it does not give true or false here")


def _size(value: Json) -> int:
    children = list(value.values()) if isinstance(value, dict) else value
    return 1 + sum(map(_size, children)) if isinstance(children, list) else 1


def _converted(value: Json, schema: Schema) -> Any:
    """A value as rules see it: defaults set, numbers as doubles, names of fields escaped."""
    if schema.get("format") in _CONVERTED_FORMATS:
        raise _NotEvaluatedError(f"format {schema['format']} is not converted here")
    if isinstance(value, dict):
        properties = _mapping(schema.get("properties"))
        defaults = {
            key: each["default"]
            for key, each in properties.items()
            if isinstance(each, dict) and "default" in each
        }
        return {
            _escaped(key) if key in properties else key: _converted(each, _child(schema, key))
            for key, each in {**defaults, **value}.items()
            if each is not None
        }
    if isinstance(value, list):
        return [_converted(each, _mapping(schema.get("items"))) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and schema.get("type") == "number":
        return float(value)
    return value


def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    for character, escape in _ESCAPES:
        name = name.replace(character, escape)
    return name


@cache
def _environment() -> Any:
    """The environment of all rules; loaded with the first one, because the library is large."""
    from cel_expr_python import cel  # noqa: PLC0415 - see above
    from cel_expr_python.ext import (  # noqa: PLC0415 - see above
        ext_bindings,
        ext_optional,
        ext_strings,
    )

    extensions = [
        ext_bindings.ExtBindings(),
        ext_optional.ExtOptional(),
        ext_strings.ExtStrings(),
    ]
    variables = {"self": cel.Type.DYN, "pattern": cel.Type.STRING}
    return cel.NewEnv(variables=variables, extensions=extensions, functions=declarations(cel))


@lru_cache(maxsize=1000)
def _compiled(rule: str) -> Any:
    """A compiled rule.

    Raises:
        RuntimeError: the rule is no CEL, or uses a function that the library does not have.
    """
    return _environment().compile(rule)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}
