"""Changes of objects in words: `Deployment web: containers[web].image 1.4.2 -> 1.5.0`."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from bot.wording.markdown import plural
from planners.model import Json
from renderers.diff.fields import FieldChange, Missing, ObjectChange, Value
from renderers.diff.redaction import is_hidden
from renderers.diff.risks import split_image

LONGEST = 60
HIDDEN = "(not shown)"
SHOWN_IMAGES = 3
CONTAINERS = frozenset({"containers", "initContainers"})


def lines(changes: Iterable[ObjectChange]) -> list[str]:
    """One line for each object that comes or goes and for each field that differs."""
    return [line for change in changes for line in _lines(change)]


def title(changes: Sequence[ObjectChange], most: int = 3) -> str:
    """All of it in a few words: `image 1.4.2 -> 1.5.0, 1 deleted`."""
    found: Counter[str] = Counter()
    for change in changes:
        if change.before is None or change.after is None:
            continue
        found.update(dict.fromkeys(_brief(each) for each in change.fields).keys())
    said = [f"{text} ({count} times)" if count > 1 else text for text, count in found.most_common()]
    for verb, side in (("created", "before"), ("deleted", "after")):
        count = sum(getattr(change, side) is None for change in changes)
        said += [f"{plural(count, 'object')} {verb}"] if count else []
    if not said:
        return "nothing that people wrote"
    more = f" and {len(said) - most} more" if len(said) > most else ""
    return ", ".join(said[:most]) + more


def _lines(change: ObjectChange) -> list[str]:
    if change.after is None:
        return [f"{change.name}: deleted"]
    if change.before is None:
        images = ", ".join(_images(dict(change.after))[:SHOWN_IMAGES])
        return [f"{change.name}: created" + (f", image {images}" if images else "")]
    if not change.fields:
        return [f"{change.name}: only what programs wrote differs"]
    return [f"{change.name}: {each.path} {_moved(each)}" for each in change.fields]


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


def _brief(change: FieldChange) -> str:
    name = change.path.rsplit(".", 1)[-1] if "]" not in change.path else _last(change.path)
    return f"{name} {_moved(change)}"


def _last(path: str) -> str:
    """The last field of a path; of an item of a list, the list and the item."""
    tail = path.rpartition("]")[2].rpartition(".")[2]
    return tail or path[path.rfind(".", 0, path.rfind("[")) + 1 :]


def _moved(change: FieldChange) -> str:
    """Before and after, as short as they can be told apart."""
    old, new = change.old, change.new
    if _has_hidden(old) or _has_hidden(new):
        return f"{_verb(old, new)} {HIDDEN}"
    if isinstance(old, list) and isinstance(new, list):
        return _lists(old, new)
    if isinstance(old, Missing):
        return f"added{_with(new)}"
    if isinstance(new, Missing):
        return f"removed{_was(old)}"
    if change.path.endswith("image") and isinstance(old, str) and isinstance(new, str):
        (name, tag), (other, newer) = split_image(old), split_image(new)
        if name == other and tag and newer and tag != newer:
            return f"{_cut(tag)} -> {_cut(newer)}"
    if isinstance(old, dict | list) or isinstance(new, dict | list):
        return "changed"
    texts = [str(each).count("\n") + 1 for each in (old, new)]
    if max(texts) > 1:
        return f"changed ({texts[0]} -> {plural(texts[1], 'line')})"
    return _pair(_scalar(old, None), _scalar(new, None))


def _pair(old: str, new: str) -> str:
    """Two values, cut so that the difference shows."""
    if len(old) > LONGEST or len(new) > LONGEST:
        pairs = zip(old, new, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        skipped = max(0, same - LONGEST // 2)
        old, new = (f"\u2026{each[skipped:]}" if skipped else each for each in (old, new))
    return f"{_cut(old)} -> {_cut(new)}"


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
            return is_hidden(value)


def _verb(old: Value, new: Value) -> str:
    if isinstance(old, Missing):
        return "added"
    return "removed" if isinstance(new, Missing) else "changed"


def _with(value: Value) -> str:
    if isinstance(value, dict | list | Missing):
        return ""
    return f" {_scalar(value)}"


def _was(value: Value) -> str:
    said = _with(value)
    return f" (was{said})" if said else ""


def _lists(old: list[Json], new: list[Json]) -> str:
    """What a list of plain values gains and loses."""
    if any(isinstance(each, dict | list) for each in (*old, *new)):
        return f"changed ({len(old)} -> {len(new)} items)"
    before, after = ({_scalar(each): None for each in side} for side in (old, new))
    gains = [f"+{each}" for each in after if each not in before]
    losses = [f"-{each}" for each in before if each not in after]
    if not gains and not losses:
        return f"{_listed(old)} -> {_listed(new)}"
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
