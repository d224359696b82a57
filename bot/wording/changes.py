"""Changes of objects in words: `Deployment web: containers[web].image 1.4.2 -> 1.5.0`."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bot.wording.markdown import plural
from bot.wording.prose import NOTHING, Prose, phrases, say
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
    """How two values of a field are described; `pair` takes the field, the old and the new one."""

    added: str
    removed: str
    was: str
    changed: str
    counts: str
    pair: Callable[[str, str, str], Prose]


def _before_and_after(name: str, old: str, new: str) -> Prose:
    return say("{}", f"{name} {old} -> {new}")


def _instead(name: str, old: str, new: str) -> Prose:
    return say("{} instead of {}", f"{name} {new}", old)


CHANGE = _Vocabulary("added", "removed", "was", "changed", "{old} -> {new}", _before_and_after)
VARIATION = _Vocabulary(
    "only here", "not set here", "elsewhere", "differs", "{new} instead of {old}", _instead
)


def lines(changes: Iterable[ObjectChange]) -> list[Prose]:
    """One line for each object that is created or deleted and for each field that differs."""
    return [line for change in changes for line in _lines(change)]


def title(changes: Sequence[ObjectChange], most: int = 3) -> Prose:
    """All of it in a few words: `image 1.4.2 -> 1.5.0, 1 object deleted`."""
    edited = [
        change.fields
        for change in changes
        if change.before is not None and change.after is not None
    ]
    found = _fields(edited, CHANGE)
    for verb, side in (("created", "before"), ("deleted", "after")):
        count = sum(getattr(change, side) is None for change in changes)
        found += [say(f"{plural(count, 'object')} {verb}")] if count else []
    return phrases(found, most) or say("only generated fields")


def variation_lines(variations: Iterable[Variation]) -> list[Prose]:
    """One line for each field that differs from what most clusters get."""
    return [
        say("{}: {}", each.name, _describe(field.path, field, VARIATION))
        for each in variations
        for field in each.fields
    ]


def comparison_title(variations: Sequence[Variation], extra: int, most: int = 3) -> Prose:
    """All of it in a few words: `replicas 1 instead of 2, 3 more objects`."""
    found = _fields((each.fields for each in variations), VARIATION)
    return phrases([*found, *([say(plural(extra, "more object"))] if extra else [])], most)


def _fields(objects: Iterable[Iterable[FieldChange]], vocabulary: _Vocabulary) -> list[Prose]:
    """The fields of several objects in words, the most frequent first; each once for an object."""
    found: Counter[Prose] = Counter()
    for fields in objects:
        brief = (_describe(_short(each.path), each, vocabulary) for each in fields)
        found.update(dict.fromkeys(brief).keys())
    return [
        say("{} ({} times)", phrase, count) if count > 1 else phrase
        for phrase, count in found.most_common()
    ]


def _lines(change: ObjectChange) -> list[Prose]:
    if change.after is None:
        return [say("{}: deleted", change.name)]
    if change.before is None:
        images = ", ".join(_images(dict(change.after))[:SHOWN_IMAGES])
        image = say(", image {}", images) if images else NOTHING
        return [say("{}: created{}", change.name, image)]
    if not change.fields:
        return [say("{}: only generated fields differ", change.name)]
    return [
        say("{}: {}", change.name, _describe(each.path, each, CHANGE)) for each in change.fields
    ]


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


def _short(path: str) -> str:
    """The last field of a path; of an item of a list, the list and the item."""
    if "]" not in path:
        return path.rsplit(".", 1)[-1]
    tail = path.rpartition("]")[2].rpartition(".")[2]
    return tail or path[path.rfind(".", 0, path.rfind("[")) + 1 :]


def _describe(name: str, change: FieldChange, vocabulary: _Vocabulary) -> Prose:
    """A field with both values, as short as they can be told apart."""
    old, new = change.old, change.new
    if _has_hidden(old) or _has_hidden(new):
        return say(f"{{}} {_verb(old, new, vocabulary)} {HIDDEN}", name)
    if isinstance(old, list) and isinstance(new, list):
        return _lists(name, old, new, vocabulary)
    if isinstance(old, Missing):
        value = NOTHING if isinstance(new, dict | list | Missing) else say(": {}", _scalar(new))
        return say(f"{{}} {vocabulary.added}{{}}", name, value)
    if isinstance(new, Missing):
        hidden = isinstance(old, dict | list | Missing)
        value = NOTHING if hidden else say(f" ({vocabulary.was} {{}})", _scalar(old))
        return say(f"{{}} {vocabulary.removed}{{}}", name, value)
    if change.path.endswith("image") and isinstance(old, str) and isinstance(new, str):
        (image, tag), (other, newer) = split_image(old), split_image(new)
        if image == other and tag and newer and tag != newer:
            return vocabulary.pair(name, _cut(tag), _cut(newer))
    if isinstance(old, dict | list) or isinstance(new, dict | list):
        return say(f"{{}} {vocabulary.changed}", name)
    before, after = (str(each).count("\n") + 1 for each in (old, new))
    if max(before, after) > 1:
        return _counted(name, vocabulary, before, after, "lines")
    return vocabulary.pair(name, *_apart(_scalar(old, None), _scalar(new, None)))


def _counted(name: str, vocabulary: _Vocabulary, old: int, new: int, noun: str) -> Prose:
    counts = vocabulary.counts.format(old=old, new=new)
    return say(f"{{}} {vocabulary.changed} ({counts} {noun})", name)


def _apart(old: str, new: str) -> tuple[str, str]:
    """Two values, cut so that the difference shows."""
    if len(old) > LONGEST or len(new) > LONGEST:
        pairs = zip(old, new, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        skipped = max(0, same - LONGEST // 2)
        old, new = (f"\u2026{each[skipped:]}" if skipped else each for each in (old, new))
    return _cut(old), _cut(new)


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


def _lists(name: str, old: list[Json], new: list[Json], vocabulary: _Vocabulary) -> Prose:
    """What a list of plain values has more (+) and fewer (-)."""
    if any(isinstance(each, dict | list) for each in (*old, *new)):
        return _counted(name, vocabulary, len(old), len(new), "items")
    before, after = ({_scalar(each): None for each in side} for side in (old, new))
    gains = [f"+{each}" for each in after if each not in before]
    losses = [f"-{each}" for each in before if each not in after]
    if not gains and not losses:
        return vocabulary.pair(name, _listed(old), _listed(new))
    return say("{}", f"{name} {_cut(' '.join((*losses, *gains)), 2 * LONGEST)}")


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
