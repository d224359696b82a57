"""New objects: from template files, and ConfigMaps and Secrets from data files."""

import base64

from planners.model import Cluster, DataFiles, Json
from renderers.manifest_files import SourceError, read_objects
from renderers.patch import PatchError
from renderers.substitution import fill, fill_text, references
from renderers.tree import FileTree

MAX_DATA = 1024 * 1024


def template_objects(file: str, content: bytes, cluster: Cluster) -> tuple[dict[str, Json], ...]:
    """The objects of a template on a cluster: parsed first, so that no value can change its shape.

    Raises:
        PatchError: the file holds no objects.
        ValueReferenceError: it refers to something that the cluster has not.
    """
    try:
        objects = read_objects({file: content})
    except SourceError as error:
        raise PatchError(f"{file}:{error.line}:{error.column}: {error}") from error
    if not objects:
        raise PatchError(f"{file} holds no object; expected YAML or JSON manifests")
    filled = [fill(item, cluster) for item in objects]
    return tuple(item for item in filled if isinstance(item, dict))


def add_data(
    item: dict[str, Json] | None, data: DataFiles, files: FileTree, cluster: Cluster
) -> dict[str, Json]:
    """The ConfigMap or Secret with the files' contents in it, made anew when there is none.

    Text goes to `data` with its references replaced, other bytes to `binaryData`; a Secret takes
    everything in base64 (Kubernetes API reference: ConfigMap v1, Secret v1).

    Raises:
        PatchError: more than 1 MiB, Kubernetes' limit.
        ValueReferenceError: as `template_objects`.
    """
    made: dict[str, Json] = dict(item) if item is not None else _empty(data)
    size = 0
    for each in data.files:
        content = files[each.file]
        text = _text(content)
        if text is not None:
            content = fill_text(text, cluster).encode()
        size += len(content)
        plain = data.kind == "ConfigMap" and text is not None
        value = content.decode() if plain else base64.b64encode(content).decode()
        field = "binaryData" if data.kind == "ConfigMap" and not plain else "data"
        held = made.get(field)
        made[field] = {**(held if isinstance(held, dict) else {}), each.key: value}
    if size > MAX_DATA:
        raise PatchError(f"{data.kind}/{data.name} holds {size} bytes; Kubernetes takes 1 MiB")
    return made


def _empty(data: DataFiles) -> dict[str, Json]:
    return {"apiVersion": "v1", "kind": data.kind, "metadata": {"name": data.name}}


def _text(content: bytes) -> str | None:
    """The text of a file, None for bytes that are no UTF-8 or hold a NUL."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def file_references(content: bytes) -> frozenset[str]:
    """What a template or data file refers to."""
    text = _text(content)
    return references(text) if text is not None else frozenset()
