"""Changes of objects in words: `Deployment web: containers[web].image 1.4.2 -> 1.5.0`."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.wording.markdown import plural
from planners.model import Json
from renderers.diff.fields import FieldChange, Missing, ObjectChange, Value
from renderers.diff.redaction import is_redacted
from renderers.diff.risks import split_image

LONGEST = 60
HIDDEN = "(not shown)"
SHOWN_IMAGES = 3
CONTAINERS = frozenset({"containers", "initContainers"})


@dataclass(frozen=True, slots=True)
class Variation:
    """How one new object differs from its twins on most clusters: theirs is `old`, its own `new`.

    It is no change: nothing on a cluster is created, deleted or edited by it.
    """

    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """How two values of a field are told."""

    added: str
    removed: str
    removed_value: str
    changed: str
    pair: str


CHANGE = _Vocabulary("added", "removed", "was", "changed", "{old} -> {new}")
VARIATION = _Vocabulary("only here", "not here", "elsewhere", "differs", "{new} instead of {old}")


def lines(changes: Iterable[ObjectChange]) -> list[str]:
    """One line for each object that comes or goes and for each field that differs."""
    return [line for change in changes for line in _lines(change)]


def title(changes: Sequence[ObjectChange], most: int = 3) -> str:
    """All of it in a few words: `image 1.4.2 -> 1.5.0, 1 object deleted`."""
    edited = [
        change.fields
        for change in changes
        if change.before is not None and change.after is not None
    ]
    found = _fields(edited, CHANGE)
    for verb, side in (("created", "before"), ("deleted", "after")):
        count = sum(getattr(change, side) is None for change in changes)
        found += [f"{plural(count, 'object')} {verb}"] if count else []
    return _first(found, most) or "nothing that people wrote"


def variation_lines(variations: Iterable[Variation]) -> list[str]:
    """One line for each field that differs from what most clusters get."""
    return [
        f"{each.name}: {field.path} {_told(field, VARIATION)}"
        for each in variations
        for field in each.fields
    ]


def comparison_title(variations: Sequence[Variation], extra: int, most: int = 3) -> str:
    """All of it in a few words: `replicas 1 instead of 2, 3 more objects`."""
    found = _fields((each.fields for each in variations), VARIATION)
    return _first([*found, *([plural(extra, "more object")] if extra else [])], most)


def _fields(objects: Iterable[Iterable[FieldChange]], vocabulary: _Vocabulary) -> list[str]:
    """The fields of several objects in words, the most frequent first; each once for an object."""
    found: Counter[str] = Counter()
    for fields in objects:
        found.update(dict.fromkeys(_brief(each, vocabulary) for each in fields).keys())
    return [f"{text} ({count} times)" if count > 1 else text for text, count in found.most_common()]


def _first(found: Sequence[str], most: int) -> str:
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def _lines(change: ObjectChange) -> list[str]:
    if change.after is None:
        return [f"{change.name}: deleted"]
    if change.before is None:
        images = ", ".join(_images(dict(change.after))[:SHOWN_IMAGES])
        return [f"{change.name}: created" + (f", image {images}" if images else "")]
    if not change.fields:
        return [f"{change.name}: only what programs wrote differs"]
    return [f"{change.name}: {each.path} {_told(each, CHANGE)}" for each in change.fields]


def _images(value: Json) -> list[str]:
    """Every image that an object names, where containers name theirs."""
    if isinstance(value, list):
        return [image for each in value for image in _images(each)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, each in value.items():
        if key in CONTAINERS and isinstance(each, list):
            named = (item.get("image") for item in each if isinstance(item, dict))
            found += [image for image in named if isinstance(image, str)]
        else:
            found += _images(each)
    return list(dict.fromkeys(found))


def _brief(change: FieldChange, vocabulary: _Vocabulary) -> str:
    name = change.path.rsplit(".", 1)[-1] if "]" not in change.path else _last(change.path)
    return f"{name} {_told(change, vocabulary)}"


def _last(path: str) -> str:
    """The last field of a path; of an item of a list, the list and the item."""
    tail = path.rpartition("]")[2].rpartition(".")[2]
    return tail or path[path.rfind(".", 0, path.rfind("[")) + 1 :]


def _told(change: FieldChange, vocabulary: _Vocabulary) -> str:
    """Both values, as short as they can be told apart."""
    old, new = change.old, change.new
    if _has_hidden(old) or _has_hidden(new):
        return f"{_verb(old, new, vocabulary)} {HIDDEN}"
    if isinstance(old, list) and isinstance(new, list):
        return _lists(old, new, vocabulary)
    if isinstance(old, Missing):
        return f"{vocabulary.added}{_with(new)}"
    if isinstance(new, Missing):
        return f"{vocabulary.removed}{_removed_value(old, vocabulary)}"
    if change.path.endswith("image") and isinstance(old, str) and isinstance(new, str):
        (name, tag), (other, newer) = split_image(old), split_image(new)
        if name == other and tag and newer and tag != newer:
            return vocabulary.pair.format(old=_cut(tag), new=_cut(newer))
    if isinstance(old, dict | list) or isinstance(new, dict | list):
        return vocabulary.changed
    before, after = (str(each).count("\n") + 1 for each in (old, new))
    if max(before, after) > 1:
        lines = vocabulary.pair.format(old=before, new=after)
        return f"{vocabulary.changed} ({lines} lines)"
    return _pair(_scalar(old, None), _scalar(new, None), vocabulary)


def _pair(old: str, new: str, vocabulary: _Vocabulary) -> str:
    """Two values, cut so that the difference shows."""
    if len(old) > LONGEST or len(new) > LONGEST:
        pairs = zip(old, new, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        skipped = max(0, same - LONGEST // 2)
        old, new = (f"\u2026{each[skipped:]}" if skipped else each for each in (old, new))
    return vocabulary.pair.format(old=_cut(old), new=_cut(new))


def _has_hidden(value: Value) -> bool:
    """Whether something below was hidden."""
    match value:
        case dict():
            return any(_has_hidden(each) for each in value.values())
        case list():
            return any(_has_hidden(each) for each in value)
        case Missing():
            return False
        case _:
            return is_redacted(value)


def _verb(old: Value, new: Value, vocabulary: _Vocabulary) -> str:
    if isinstance(old, Missing):
        return vocabulary.added
    return vocabulary.removed if isinstance(new, Missing) else vocabulary.changed


def _with(value: Value) -> str:
    if isinstance(value, dict | list | Missing):
        return ""
    return f" {_scalar(value)}"


def _removed_value(value: Value, vocabulary: _Vocabulary) -> str:
    text = _with(value)
    return f" ({vocabulary.removed_value}{text})" if text else ""


def _lists(old: list[Json], new: list[Json], vocabulary: _Vocabulary) -> str:
    """What a list of plain values has more (+) and fewer (-)."""
    if any(isinstance(each, dict | list) for each in (*old, *new)):
        return f"{vocabulary.changed} ({vocabulary.pair.format(old=len(old), new=len(new))} items)"
    before, after = ({_scalar(each): None for each in side} for side in (old, new))
    gains = [f"+{each}" for each in after if each not in before]
    losses = [f"-{each}" for each in before if each not in after]
    if not gains and not losses:
        return vocabulary.pair.format(old=_listed(old), new=_listed(new))
    return _cut(" ".join((*losses, *gains)), 2 * LONGEST)


def _listed(items: list[Json]) -> str:
    return _cut(", ".join(_scalar(each) for each in items))


def _scalar(value: Value, limit: int | None = LONGEST) -> str:
    if isinstance(value, str):
        breaks = value.count("\n")
        text = f"({breaks + 1} lines)" if breaks else value or '""'
    else:
        text = json.dumps(value)
    return text if limit is None else _cut(text, limit)


def _cut(text: str, limit: int = LONGEST) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}\u2026"
