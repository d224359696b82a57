"""What changed in objects, field by field; lists are compared by their merge keys.

What programs write themselves is left out: server-side fields, checksums in annotations, and the
suffix that kustomize puts behind the names of generated ConfigMaps and Secrets.

Sources: the Kubernetes documentation "Server-Side Apply" (merge keys) and "Object metadata";
kustomize, api/hasher (the suffix: ten characters of an alphabet without vowels).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from planners.model import Json
from renderers.diff.flatten import same
from renderers.kubernetes.kinds import group_of
from renderers.kubernetes.patch_meta import Field, MergeError, shape_of

Object: TypeAlias = Mapping[str, Json]
Identity: TypeAlias = tuple[str, str, str, str]

_SERVER_SIDE = frozenset(
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
)
_CHECKSUM = re.compile(r"(^|[./-])(checksum|hash)([./-]|$)|last-applied-configuration$")
_GENERATED = re.compile(r"(.+)-[2456789bcdfghkmt]{10}")
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]*")
_POD_SPEC = re.compile(r"^spec\.(jobTemplate\.spec\.)?template\.spec\.")


class Missing:
    """Stands for a field that is not there; there is one, MISSING."""


MISSING = Missing()
Value: TypeAlias = "Json | Missing"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field (`containers[web].image`) before and after; MISSING where it is not there."""

    path: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object before and after (None: it is not there), and the fields that differ.

    `where` names the file, for what is no object. `generated` says that its name has a suffix
    which changes with its content.
    """

    where: str
    before: Object | None
    after: Object | None
    fields: tuple[FieldChange, ...] = ()
    generated: bool = False

    @property
    def either(self) -> Object:
        """The object after, or else before."""
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def name(self) -> str:
        """Such as `Deployment web`; the file's name for what is no object."""
        kind, name = str(self.either.get("kind") or ""), _metadata(self.either, "name")
        if self.generated:
            name = _GENERATED.sub(r"\1", name)
        return f"{kind} {name}" if kind and name else self.where


@dataclass(slots=True)
class _Comparison:
    """One run: `renamed` maps generated names to what they are called now."""

    renamed: Mapping[str, str]
    found: list[FieldChange] = field(default_factory=list)

    def walk(self, path: str, old: Value, new: Value, known: Field) -> None:
        """Compare two values of a field."""
        if isinstance(old, Missing) or isinstance(new, Missing):
            self.found.append(FieldChange(_short(path), old, new))
        elif isinstance(old, dict) and isinstance(new, dict):
            for key in (*new, *(each for each in old if each not in new)):
                if not _is_noise(path, key):
                    below = known.shape.field(key)
                    sides = old.get(key, MISSING), new.get(key, MISSING)
                    self.walk(_join(path, key), *sides, below)
        elif isinstance(old, list) and isinstance(new, list):
            self._lists(path, old, new, known)
        elif not same(old, new) and not self._is_rename(old, new):
            self.found.append(FieldChange(_short(path), old, new))

    def _is_rename(self, old: Value, new: Value) -> bool:
        return isinstance(old, str) and isinstance(new, str) and self.renamed.get(old) == new

    def _lists(self, path: str, old: list[Json], new: list[Json], known: Field) -> None:
        before, after = _by_label(old, known), _by_label(new, known)
        if before is None or after is None:
            if old != new:
                self.found.append(FieldChange(_short(path), old, new))
            return
        item = Field(known.shape)
        for label in (*after, *(each for each in before if each not in after)):
            sides = before.get(label, MISSING), after.get(label, MISSING)
            self.walk(f"{path}[{label}]", *sides, item)
        stay = [each for each in before if each in after]
        order = [each for each in after if each in before]
        if stay != order:
            self.found.append(FieldChange(f"{_short(path)} (order)", [*stay], [*order]))


def compare_objects(
    before: Iterable[tuple[str, Json]], after: Iterable[tuple[str, Json]]
) -> tuple[ObjectChange, ...]:
    """Compare documents, each with its file's path: created, configured and deleted objects."""
    old, new = _index(before), _index(after)
    pairs = _generated(old.keys() - new.keys(), new.keys() - old.keys())
    renamed = {one[-1]: other[-1] for one, other in pairs.items()}
    changes = []
    for key in sorted({*old, *new} - set(pairs)):
        origin = next((each for each, other in pairs.items() if other == key), key)
        where, was = old.get(origin, ("", None))
        where, now = new.get(key, (where, None))
        change = ObjectChange(where, was, now, generated=origin != key)
        if was is not None and now is not None:
            found = _fields(was, now, renamed)
            if not found and was == now:
                continue
            change = replace(change, fields=found)
        changes.append(change)
    return tuple(changes)


def _fields(was: Object, now: Object, renamed: Mapping[str, str]) -> tuple[FieldChange, ...]:
    run = _Comparison({**renamed, _metadata(was, "name"): _metadata(now, "name")})
    run.walk("", dict(was), dict(now), Field(shape_of(now, None)))
    return tuple(run.found)


def _index(documents: Iterable[tuple[str, Json]]) -> dict[Identity, tuple[str, Object]]:
    """Objects by identity, those in lists (`kind: List`) too; the last of equals counts."""
    found: dict[Identity, tuple[str, Object]] = {}
    for path, document in documents:
        items = document.get("items") if isinstance(document, dict) else None
        listed = isinstance(items, list) and str(document.get("kind", "")).endswith("List")  # type: ignore[union-attr] # a mapping, since it has items
        for each in items if listed and isinstance(items, list) else [document]:
            item = each if isinstance(each, dict) else {"": each}
            found[_identity(path, item)] = (path, item)
    return found


def _identity(path: str, item: Object) -> Identity:
    kind, name = str(item.get("kind") or ""), _metadata(item, "name")
    if not (kind and name):
        return "", "", "", path
    return group_of(item), kind, _metadata(item, "namespace"), name


def _generated(gone: Iterable[Identity], come: Iterable[Identity]) -> dict[Identity, Identity]:
    """Objects that only changed the generated end of their name: old identity -> new one."""
    bases: dict[Identity, list[Identity]] = {}
    for each in come:
        if base := _base(each):
            bases.setdefault(base, []).append(each)
    pairs: dict[Identity, Identity] = {}
    for each in sorted(gone):
        base = _base(each)
        if base and bases.get(base):
            pairs[each] = bases.pop(base)[0]
    return pairs


def _base(identity: Identity) -> Identity | None:
    match = _GENERATED.fullmatch(identity[-1])
    if match is None or identity[1] not in {"ConfigMap", "Secret"}:
        return None
    return (*identity[:-1], match[1])


def _by_label(items: Sequence[Json], known: Field) -> dict[str, Json] | None:
    """A list's items by merge key, else by `name`; None where these do not tell them apart."""
    labels = [_label(each, known) for each in items]
    if None in labels or len(set(labels)) < len(labels):
        return None
    return {str(label): each for label, each in zip(labels, items, strict=True)}


def _label(item: Json, known: Field) -> str | None:
    if not isinstance(item, dict):
        return None
    if known.keys:
        try:
            return ",".join(str(value) for _, value in known.key(item, ""))
        except MergeError:
            return None
    name = item.get("name")
    return name if isinstance(name, str) else None


def _is_noise(path: str, key: str) -> bool:
    if not path:
        return key == "status"
    if path.endswith("metadata"):
        return key in _SERVER_SIDE
    return path.endswith("metadata.annotations") and bool(_CHECKSUM.search(key))


def _join(path: str, key: str) -> str:
    if not _PLAIN.fullmatch(key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _short(path: str) -> str:
    """Without the way to the pod, or without `spec.`: what people call the field."""
    return _POD_SPEC.sub("", path) if _POD_SPEC.match(path) else path.removeprefix("spec.")


def _metadata(item: Object, key: str) -> str:
    metadata = item.get("metadata")
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return str(found) if found is not None else ""
