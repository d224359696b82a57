"""Reads manifest files into objects, each with its file and line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json, ObjectIdentity
from renderers import yaml
from renderers.kubernetes.metadata import group_of
from renderers.tree import FileTree

ENDINGS = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class SourceError(Exception):
    """The files of a component cannot be used; `file`, `line` and `column` (from 1) say where."""

    def __init__(self, message: str, file: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.file, self.line, self.column = file, line, column


@dataclass(frozen=True, slots=True)
class LocatedObject:
    """An object, and the file and line (from 1) where it begins."""

    item: dict[str, Json]
    file: str
    line: int


def read_objects(files: FileTree) -> tuple[dict[str, Json], ...]:
    """All objects of all manifests, in the order of file names and then of documents.

    A `List`, or one of a type (`RoleBindingList`), is replaced by its items (Kubernetes API
    conventions, "Types (Kinds)").

    Raises:
        SourceError: at the place of the first error.
    """
    seen: dict[ObjectIdentity, LocatedObject] = {}
    for file in sorted(files):
        if not file.endswith(ENDINGS):
            continue
        for located in _objects(file, files[file]):
            identity = _identity(located)
            if identity in seen:
                first = seen[identity]
                raise SourceError(
                    f"duplicate object {identity.kind}/{identity.name} "
                    f"(first defined at {first.file}:{first.line})",
                    located.file,
                    located.line,
                )
            seen[identity] = located
    return tuple(located.item for located in seen.values())


def _objects(file: str, content: bytes) -> Iterator[LocatedObject]:
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error
    for document in documents:
        line = document.places[()][0]
        if not isinstance(document.value, dict):
            raise SourceError("a manifest must be a mapping with apiVersion and kind", file, line)
        items = _items(document.value)
        for index, item in enumerate(items or ()):
            item_line = document.places["items", index][0]
            if not isinstance(item, dict):
                raise SourceError("an item of a List must be an object", file, item_line)
            yield LocatedObject(_typed(item, document.value), file, item_line)
        if items is None:
            yield LocatedObject(document.value, file, line)


def _items(value: Mapping[str, Json]) -> list[Json] | None:
    """The items of a list; None for any other object."""
    items, metadata = value.get("items"), value.get("metadata")
    named = isinstance(metadata, dict) and "name" in metadata
    is_list = str(value.get("kind", "")).endswith("List") and not named
    return items if is_list and isinstance(items, list) else None


def _typed(item: dict[str, Json], parent: Mapping[str, Json]) -> dict[str, Json]:
    """An item of a typed list, which may leave out its type.

    Source: k8s.io/apimachinery, pkg/apis/meta/v1/unstructured, `decodeToList`.
    """
    kind = str(parent["kind"]).removesuffix("List")
    if kind and not item.get("kind") and not item.get("apiVersion"):
        return {"apiVersion": parent.get("apiVersion"), "kind": kind, **item}
    return item


def _identity(located: LocatedObject) -> ObjectIdentity:
    """The identity of an object.

    Raises:
        SourceError: apiVersion, kind or metadata.name is missing.
    """
    item = located.item
    written = item.get("metadata")
    metadata: Mapping[str, Json] = written if isinstance(written, dict) else {}
    for field in ("apiVersion", "kind"):
        if not isinstance(item.get(field), str) or not item[field]:
            raise SourceError(f"the object has no {field}", located.file, located.line)
    kind = str(item["kind"])
    if "generateName" in metadata and "name" not in metadata:
        message = f"{kind} uses generateName; a deploy repo requires a stable metadata.name"
        raise SourceError(message, located.file, located.line)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise SourceError(f"{kind} has no metadata.name", located.file, located.line)
    return ObjectIdentity(group_of(item), kind, str(metadata.get("namespace", "")), name)
