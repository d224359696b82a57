"""Creates objects: from template files, and ConfigMaps and Secrets from data files."""

import base64
from collections.abc import Mapping

from planners.model import DataFiles, Json
from renderers.manifest_files import SourceError, read_objects
from renderers.patch import PatchError
from renderers.substitution import Place, references, substitute, substitute_text
from renderers.tree import FileTree
from renderers.writes import Write

MAX_DATA_BYTES = 1024 * 1024


def template_objects(file: str, content: bytes, place: Place) -> tuple[dict[str, Json], ...]:
    """The objects of a template on a cluster.

    The template is parsed before values are substituted, so that no value can change its structure.

    Raises:
        PatchError: the file is not valid or holds no objects.
        ValueReferenceError: it refers to a value that the cluster does not have.
    """
    try:
        objects = read_objects({file: content})
    except SourceError as error:
        raise PatchError(f"{file}:{error.line}:{error.column}: {error}") from error
    if not objects:
        raise PatchError(f"{file} contains no objects; expected YAML or JSON manifests")
    filled = [substitute(item, place) for item in objects]
    return tuple(item for item in filled if isinstance(item, dict))


def add_data(
    item: dict[str, Json], data: DataFiles, files: FileTree, place: Place
) -> dict[str, Json]:
    """The ConfigMap or Secret with the contents of data files added.

    Raises:
        PatchError: the files exceed 1 MiB, the limit of Kubernetes.
        ValueReferenceError: a text refers to a value that the cluster does not have.
    """
    result: dict[str, Json] = dict(item)
    for each in data.files:
        field, value = _entry(data, files[each.file], place)
        entries = result.get(field)
        result[field] = {**(entries if isinstance(entries, dict) else {}), each.key: value}
    size = data_size(result)
    if size > MAX_DATA_BYTES:
        raise PatchError(
            f"{data.kind}/{data.name} contains {size} bytes; the limit of Kubernetes is 1 MiB"
        )
    return result


def data_writes(
    item: dict[str, Json], data: DataFiles, files: FileTree, place: Place
) -> list[Write]:
    """The entries that `add_data` sets."""
    del item
    entries = [(each.key, *_entry(data, files[each.file], place)) for each in data.files]
    return [Write((field, key), value) for key, field, value in entries]


def _entry(data: DataFiles, content: bytes, place: Place) -> tuple[str, str]:
    """The field and the value of a file's content.

    Text goes to `data` with its references replaced, other bytes go to `binaryData`; a Secret holds
    everything in base64 (Kubernetes API reference: ConfigMap v1, Secret v1).
    """
    text = _text(content)
    if text is not None:
        content = substitute_text(text, place).encode()
    plain = data.kind == "ConfigMap" and text is not None
    field = "binaryData" if data.kind == "ConfigMap" and not plain else "data"
    return field, content.decode() if plain else base64.b64encode(content).decode()


def data_size(item: Mapping[str, Json]) -> int:
    """The bytes of all values of a ConfigMap or Secret; those in base64 count decoded."""
    size = 0
    for field in ("data", "stringData", "binaryData"):
        entries = item.get(field)
        in_base64 = field == "binaryData" or (field == "data" and item.get("kind") == "Secret")
        for text in entries.values() if isinstance(entries, dict) else ():
            length = len(str(text).encode())
            size += length * 3 // 4 if in_base64 else length
    return size


def empty_data(data: DataFiles) -> dict[str, Json]:
    """A ConfigMap or Secret without entries."""
    return {"apiVersion": "v1", "kind": data.kind, "metadata": {"name": data.name}}


def _text(content: bytes) -> str | None:
    """The text of a file; None if it is not UTF-8 or contains NUL."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def file_references(content: bytes) -> frozenset[str]:
    """The references in a template or data file, such as `cluster.name`."""
    text = _text(content)
    return references(text) if text is not None else frozenset()
