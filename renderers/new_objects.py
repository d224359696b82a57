"""Creates objects: from template files, and ConfigMaps and Secrets from data files."""

import base64

from planners.model import Cluster, DataFiles, Json
from renderers.manifest_files import SourceError, read_objects
from renderers.patch import PatchError
from renderers.substitution import references, substitute, substitute_text
from renderers.tree import FileTree

MAX_DATA_BYTES = 1024 * 1024


def template_objects(file: str, content: bytes, cluster: Cluster) -> tuple[dict[str, Json], ...]:
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
    filled = [substitute(item, cluster) for item in objects]
    return tuple(item for item in filled if isinstance(item, dict))


def add_data(
    item: dict[str, Json] | None, data: DataFiles, files: FileTree, cluster: Cluster
) -> dict[str, Json]:
    """A ConfigMap or Secret with the contents of data files added; `item` None creates it.

    Text goes to `data` with its references replaced, other bytes go to `binaryData`; a Secret holds
    everything in base64 (Kubernetes API reference: ConfigMap v1, Secret v1).

    Raises:
        PatchError: the files exceed 1 MiB, the limit of Kubernetes.
        ValueReferenceError: a text refers to a value that the cluster does not have.
    """
    result: dict[str, Json] = dict(item) if item is not None else _empty(data)
    size = 0
    for each in data.files:
        content = files[each.file]
        text = _text(content)
        if text is not None:
            content = substitute_text(text, cluster).encode()
        size += len(content)
        plain = data.kind == "ConfigMap" and text is not None
        value = content.decode() if plain else base64.b64encode(content).decode()
        field = "binaryData" if data.kind == "ConfigMap" and not plain else "data"
        entries = result.get(field)
        result[field] = {**(entries if isinstance(entries, dict) else {}), each.key: value}
    if size > MAX_DATA_BYTES:
        raise PatchError(
            f"{data.kind}/{data.name} contains {size} bytes; the limit of Kubernetes is 1 MiB"
        )
    return result


def _empty(data: DataFiles) -> dict[str, Json]:
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
