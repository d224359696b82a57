"""Compares objects field by field; lists are compared by their merge keys.

Generated content is ignored: server-side fields, checksums in annotations, and the suffix that
kustomize appends to the names of generated ConfigMaps and Secrets.

Sources: the Kubernetes documentation "Server-Side Apply" (merge keys) and "Object metadata";
kustomize, api/hasher (the suffix: ten characters of an alphabet without vowels).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from planners.model import Json, ObjectIdentity
from renderers.kubernetes.metadata import group_of, metadata_text
from renderers.kubernetes.patch_meta import Field, MergeError, shape_of

Object: TypeAlias = Mapping[str, Json]

_SERVER_SIDE = frozenset(
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"]
)
_CHECKSUM = re.compile(r"(^|[./-])(checksum|hash)([./-]|$)|last-applied-configuration$")
_GENERATED = re.compile(r"(.+)-[2456789bcdfghkmt]{10}")
_PLAIN = re.compile(r"[A-Za-z_$][\w$-]*")
_POD_SPEC = re.compile(r"^spec\.(jobTemplate\.spec\.)?template\.spec\.")


class Missing:
    """The type of MISSING, which marks an absent field."""


MISSING = Missing()
Value: TypeAlias = "Json | Missing"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field (`containers[web].image`) before and after; MISSING if it is absent."""

    path: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object before and after (None: absent), and the fields that differ.

    `file` identifies a document that is not an object. `generated`: the name has a suffix that
    changes with the content.
    """

    file: str
    before: Object | None
    after: Object | None
    fields: tuple[FieldChange, ...] = ()
    generated: bool = False

    @property
    def either(self) -> Object:
        """The object after the change, or before it if it was deleted."""
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def name(self) -> str:
        """The kind and name (`Deployment web`); the file for a document that is not an object."""
        kind, name = str(self.either.get("kind") or ""), _metadata(self.either, "name")
        if self.generated:
            name = _GENERATED.sub(r"\1", name)
        return f"{kind} {name}" if kind and name else self.file


@dataclass(frozen=True, slots=True)
class FileDocument:
    """One document of a file, with the file's path."""

    file: str
    value: Json


@dataclass(frozen=True, slots=True)
class _FileObject:
    """An object with the path of its file."""

    file: str
    item: Object


@dataclass(slots=True)
class _Comparison:
    """One run; `renamed` maps old generated names to new ones."""

    renamed: Mapping[str, str]
    changes: list[FieldChange] = field(default_factory=list)

    def walk(self, path: str, old: Value, new: Value, known: Field) -> None:
        """Compare two values of a field."""
        if isinstance(old, Missing) or isinstance(new, Missing):
            self.changes.append(FieldChange(_short(path), old, new))
        elif isinstance(old, dict) and isinstance(new, dict):
            for key in (*new, *(each for each in old if each not in new)):
                if not _is_noise(path, key):
                    child = known.shape.field(key)
                    sides = old.get(key, MISSING), new.get(key, MISSING)
                    self.walk(_join(path, key), *sides, child)
        elif isinstance(old, list) and isinstance(new, list):
            self._lists(path, old, new, known)
        elif not _same(old, new) and not self._is_rename(old, new):
            self.changes.append(FieldChange(_short(path), old, new))

    def _is_rename(self, old: Value, new: Value) -> bool:
        return isinstance(old, str) and isinstance(new, str) and self.renamed.get(old) == new

    def _lists(self, path: str, old: list[Json], new: list[Json], known: Field) -> None:
        before, after = _by_label(old, known), _by_label(new, known)
        if before is None or after is None:
            if old != new:
                self.changes.append(FieldChange(_short(path), old, new))
            return
        item = Field(known.shape)
        for label in (*after, *(each for each in before if each not in after)):
            sides = before.get(label, MISSING), after.get(label, MISSING)
            self.walk(f"{path}[{label}]", *sides, item)
        old_order = [each for each in before if each in after]
        new_order = [each for each in after if each in before]
        if old_order != new_order:
            self.changes.append(FieldChange(f"{_short(path)} (order)", [*old_order], [*new_order]))


def compare_objects(
    before: Iterable[FileDocument], after: Iterable[FileDocument]
) -> tuple[ObjectChange, ...]:
    """The created, configured and deleted objects, sorted by identity."""
    old, new = _index(before), _index(after)
    pairs = _renamed_pairs(old.keys() - new.keys(), new.keys() - old.keys())
    renamed = {one.name: other.name for one, other in pairs.items()}
    changes = []
    for identity in sorted({*old, *new} - set(pairs)):
        origin = next((each for each, other in pairs.items() if other == identity), identity)
        was, now = old.get(origin), new.get(identity)
        latest = now or was
        assert latest is not None
        change = ObjectChange(
            latest.file,
            was.item if was is not None else None,
            now.item if now is not None else None,
            generated=origin != identity,
        )
        if was is not None and now is not None:
            fields = _fields(was.item, now.item, renamed)
            if not fields and was.item == now.item:
                continue
            change = replace(change, fields=fields)
        changes.append(change)
    return tuple(changes)


def _fields(was: Object, now: Object, renamed: Mapping[str, str]) -> tuple[FieldChange, ...]:
    run = _Comparison({**renamed, _metadata(was, "name"): _metadata(now, "name")})
    run.walk("", dict(was), dict(now), Field(shape_of(now, None)))
    return tuple(run.changes)


def _index(documents: Iterable[FileDocument]) -> dict[ObjectIdentity, _FileObject]:
    """Objects by identity, including the items of lists (`kind: List`); the last one wins."""
    found: dict[ObjectIdentity, _FileObject] = {}
    for document in documents:
        for each in _items(document.value):
            item = each if isinstance(each, dict) else {"": each}
            found[_identity(document.file, item)] = _FileObject(document.file, item)
    return found


def _items(document: Json) -> list[Json]:
    """The items of a list object; any other document on its own."""
    if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
        items = document.get("items")
        if isinstance(items, list):
            return items
    return [document]


def _identity(file: str, item: Object) -> ObjectIdentity:
    """The identity of an object; the file takes the place of the name where it has none."""
    kind, name = str(item.get("kind") or ""), _metadata(item, "name")
    if not (kind and name):
        return ObjectIdentity("", "", "", file)
    return ObjectIdentity(group_of(item), kind, _metadata(item, "namespace"), name)


def _renamed_pairs(
    deleted: Iterable[ObjectIdentity], created: Iterable[ObjectIdentity]
) -> dict[ObjectIdentity, ObjectIdentity]:
    """Objects of which only the generated suffix of the name changed: old identity -> new one."""
    by_base: dict[ObjectIdentity, list[ObjectIdentity]] = {}
    for each in created:
        if base := _without_suffix(each):
            by_base.setdefault(base, []).append(each)
    pairs: dict[ObjectIdentity, ObjectIdentity] = {}
    for each in sorted(deleted):
        base = _without_suffix(each)
        if base and by_base.get(base):
            pairs[each] = by_base.pop(base)[0]
    return pairs


def _without_suffix(identity: ObjectIdentity) -> ObjectIdentity | None:
    """The identity without the generated suffix; None if its name has none."""
    match = _GENERATED.fullmatch(identity.name)
    if match is None or identity.kind not in {"ConfigMap", "Secret"}:
        return None
    return replace(identity, name=match[1])


def _by_label(items: Sequence[Json], known: Field) -> dict[str, Json] | None:
    """A list's items by merge key, else by `name`; None if those are missing or not unique."""
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


def _same(one: Json, other: Json) -> bool:
    """Equality that distinguishes 1 from true."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


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
    """The path without the prefix of the pod spec, or without `spec.`."""
    return _POD_SPEC.sub("", path) if _POD_SPEC.match(path) else path.removeprefix("spec.")


def _metadata(item: Object, key: str) -> str:
    return metadata_text(item, key) or ""
