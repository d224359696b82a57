"""The parts of descriptions: a check takes a value and its place and yields violations.

Values of the wrong type pass every check: the schema reports them. Null and the empty string count
as absent, as in the API server, which drops or defaults them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from planners.model import Json, quantities
from renderers.kubernetes.schemas import SchemaViolation

Object: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and the minor version of the Kubernetes that will read it."""

    path: tuple[str | int, ...]
    minor: int

    def at(self, *parts: str | int) -> "Place":
        """The place of a part of the value."""
        return replace(self, path=(*self.path, *parts))

    def violation(self, message: str) -> SchemaViolation:
        """A violation at this place."""
        return SchemaViolation(self.path, message)


Violations: TypeAlias = Iterator[SchemaViolation]
Check: TypeAlias = Callable[[Json, Place], Violations]
Rule: TypeAlias = Callable[[Object, Place], Violations]


def mapping(value: Json) -> Object:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Json) -> list[tuple[int, Object]]:
    """The mappings in a list, with their indexes."""
    items = value if isinstance(value, list) else []
    return [(index, each) for index, each in enumerate(items) if isinstance(each, dict)]


def text(value: Json) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def integer(value: Json) -> int | None:
    """The value if it is an integer."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def absent(value: Json) -> bool:
    """Whether the API server treats a value as not set."""
    return value is None or value == ""


def shape(
    fields: Mapping[str, Check],
    *rules: Rule,
    required: tuple[str, ...] = (),
    filled: tuple[str, ...] = (),
) -> Check:
    """A mapping whose fields pass their checks, and that passes the rules as a whole.

    Fields that are `filled` must not be empty texts: those are pointers in the API server.
    """

    def check(value: Json, place: Place) -> Violations:
        if not isinstance(value, dict):
            return
        for name in required:
            if absent(value.get(name)) or value.get(name) in ([], {}):
                yield place.violation(f"requires the field {name}")
        for name in filled:
            if value.get(name) == "":
                yield place.at(name).violation("must not be empty")
        for name, each in fields.items():
            if not absent(value.get(name)):
                yield from each(value[name], place.at(name))
        for rule in rules:
            yield from rule(value, place)

    return check


def each(check: Check) -> Check:
    """Every item of a list passes the check."""

    def every(value: Json, place: Place) -> Violations:
        for index, item in enumerate(value if isinstance(value, list) else []):
            yield from check(item, place.at(index))

    return every


def values(check: Check) -> Check:
    """Every value of a mapping passes the check."""

    def every(value: Json, place: Place) -> Violations:
        for key, item in mapping(value).items():
            yield from check(item, place.at(key))

    return every


def both(*checks: Check) -> Check:
    """The value passes all checks."""

    def every(value: Json, place: Place) -> Violations:
        for check in checks:
            yield from check(value, place)

    return every


def one_of(*allowed: str) -> Check:
    """A text among those; an enumeration of the API."""

    def check(value: Json, place: Place) -> Violations:
        if isinstance(value, str) and value not in allowed:
            yield place.violation(f"must be one of {', '.join(allowed)}")

    return check


def between(least: int, most: int | None = None) -> Check:
    """An integer within the bounds, which are included."""
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"

    def check(value: Json, place: Place) -> Violations:
        number = integer(value)
        if number is not None and (number < least or (most is not None and number > most)):
            yield place.violation(f"must be {bounds}")

    return check


def unique(*keys: str, word: str, defaults: Mapping[str, Json] | None = None) -> Check:
    """No two mappings of a list are equal at all the keys; items without one are skipped."""

    def check(value: Json, place: Place) -> Violations:
        seen: set[tuple[str, ...]] = set()
        for index, item in mappings(value):
            found = [item.get(key, (defaults or {}).get(key)) for key in keys]
            if any(absent(part) for part in found):
                continue
            identity = tuple(map(repr, found))
            if identity in seen:
                yield place.at(index, keys[0]).violation(f"is the {word} of an earlier item too")
            seen.add(identity)

    return check


def distinct(value: Json, place: Place) -> Violations:
    """No two items of a list are equal."""
    items = value if isinstance(value, list) else []
    for index, item in enumerate(items):
        if item in items[:index]:
            yield place.at(index).violation("repeats an earlier item")


def present(item: Object, names: tuple[str, ...]) -> list[str]:
    """Those of the fields that are set; an empty mapping counts as set."""
    return [name for name in names if item.get(name) is not None]


def exactly_one(*names: str, word: str) -> Rule:
    """Exactly one of the fields is set; `word` says what they are."""

    def rule(item: Object, place: Place) -> Violations:
        found = present(item, names)
        if not found:
            yield place.violation(f"requires a {word}: one of {', '.join(names)}")
        elif len(found) > 1:
            yield place.violation(f"has more than one {word}: {', '.join(found)}; keep one")

    return rule


def at_most_one(*names: str, word: str) -> Rule:
    """No two of the fields are set."""

    def rule(item: Object, place: Place) -> Violations:
        found = present(item, names)
        if len(found) > 1:
            yield place.violation(f"has more than one {word}: {', '.join(found)}; keep one")

    return rule


def only_with(name: str, key: str, *wanted: str, default: str = "") -> Rule:
    """The field `name` may be set only while the field `key` has one of the values."""

    def rule(item: Object, place: Place) -> Violations:
        if not absent(item.get(name)) and (text(item.get(key)) or default) not in wanted:
            yield place.at(name).violation(f"is only allowed if {key} is {' or '.join(wanted)}")

    return rule


def amount(value: Json, place: Place) -> Violations:
    """A quantity of at least 0; the schema reports texts that are no quantity."""
    nanos = nanos_of(value)
    if nanos is not None and nanos < 0:
        yield place.violation("must be at least 0")


def nanos_of(value: Json) -> int | None:
    """A quantity in nano-units, if it is one."""
    try:
        return quantities.parse(value)
    except ValueError:
        return None


def absolute(value: Json, place: Place) -> Violations:
    """A path from the root."""
    if not text(value).startswith("/"):
        yield place.violation("must be an absolute path")


NON_NEGATIVE = between(0)
POSITIVE = between(1)
PORT_NUMBER = between(1, 65535)
