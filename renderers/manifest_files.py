"""Manifest files read into objects: what is in them, and where each object stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.tree import FileTree

ENDINGS = (".yaml", ".yml", ".json")
KUSTOMIZATIONS = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class SourceError(Exception):
    """The files cannot be used: `file`, `line`, `column` (from 1) say where, the text why."""

    def __init__(self, message: str, file: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.file, self.line, self.column = file, line, column


@dataclass(frozen=True, slots=True)
class Found:
    """An object and where it stands."""

    item: dict[str, Json]
    file: str
    line: int


def read_objects(files: FileTree) -> tuple[dict[str, Json], ...]:
    """Every object of every manifest, in the order of file names and then of documents.

    A `List` counts as its items (Kubernetes API conventions, "Types (Kinds)").

    Raises:
        SourceError: with the place of the first mistake.
    """
    seen: dict[tuple[str, ...], Found] = {}
    for file in sorted(files):
        if not file.endswith(ENDINGS):
            continue
        for found in _objects(file, files[file]):
            key = _identity(found)
            if key in seen:
                twin = seen[key]
                raise SourceError(
                    f"{key[1]}/{key[3]} stands twice, first at {twin.file}:{twin.line}",
                    found.file,
                    found.line,
                )
            seen[key] = found
    return tuple(found.item for found in seen.values())


def _objects(file: str, content: bytes) -> Iterator[Found]:
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error
    for document in documents:
        line = document.places[()][0]
        if not isinstance(document.value, dict):
            raise SourceError("a manifest is a mapping with apiVersion and kind", file, line)
        items = document.value.get("items")
        if document.value.get("kind") == "List" and isinstance(items, list):
            for index, item in enumerate(items):
                place = document.places[("items", index)][0]
                if not isinstance(item, dict):
                    raise SourceError("an item of a List is an object", file, place)
                yield Found(item, file, place)
        else:
            yield Found(document.value, file, line)


def _identity(found: Found) -> tuple[str, str, str, str]:
    """Group, kind, namespace and name; what Kubernetes calls one object.

    Raises:
        SourceError: one of them is missing.
    """
    item = found.item
    written = item.get("metadata")
    metadata: Mapping[str, Json] = written if isinstance(written, dict) else {}
    for field in ("apiVersion", "kind"):
        if not isinstance(item.get(field), str) or not item[field]:
            raise SourceError(f"the object has no {field}", found.file, found.line)
    kind = str(item["kind"])
    if "generateName" in metadata and "name" not in metadata:
        message = f"{kind} uses generateName; a deploy repo needs a name that stays"
        raise SourceError(message, found.file, found.line)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise SourceError(f"{kind} has no metadata.name", found.file, found.line)
    group = str(item["apiVersion"]).rpartition("/")[0]
    return group, kind, str(metadata.get("namespace", "")), name
