"""What identifies a Kubernetes object: API group, kind, namespace and name."""

from collections.abc import Mapping

from planners.model import Json, ObjectIdentity


def group_of(item: Mapping[str, Json]) -> str:
    """The API group of an object; empty for the core group."""
    return str(item.get("apiVersion", "")).rpartition("/")[0]


def name_of(item: Mapping[str, Json]) -> str:
    """The object's metadata.name; empty if it has none."""
    return metadata_text(item, "name") or ""


def namespace_of(item: Mapping[str, Json]) -> str | None:
    """The object's metadata.namespace, if it states one."""
    return metadata_text(item, "namespace")


def metadata_text(item: Mapping[str, Json], key: str) -> str | None:
    """A field of the object's metadata as text, if it is there."""
    metadata = item.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return str(value) if value is not None else None


def label_of(item: Mapping[str, Json]) -> str:
    """The object in messages: `Deployment/web`."""
    return f"{item.get('kind')}/{name_of(item)}"


def identity_of(item: Mapping[str, Json]) -> ObjectIdentity:
    """The object's identity; its namespace is empty if it states none."""
    namespace = namespace_of(item) or ""
    return ObjectIdentity(group_of(item), str(item.get("kind") or ""), namespace, name_of(item))
