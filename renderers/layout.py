"""The paths in a deploy repo: stable and readable, one object per file.

```
clusters/<cluster>/apps/<tenant>/<application>/<component>/<kind>-<name>.yaml  the objects
clusters/<cluster>/sync/<tenant>/<application>/<component>.yaml               the agent's own
clusters/<cluster>/rules/<tenant>/<application>/<component>.yaml           which rules
```

The agent of a cluster is bootstrapped on its `sync` folder; the objects there refer to `apps`. No
agent reads `rules`.
When the last component of an application leaves a cluster, `readme.md` stays there: agents prune
nothing when the folder itself has gone, and pass over files that are not YAML.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from planners.model import Json, Registration, Unit
from renderers.kubernetes.metadata import identity_of
from renderers.tree import FileTree, UnsafePathError, safe_join

MAX_NAME = 100
OBJECTS = "apps/"
"""The folder of all objects, below that of a cluster."""

T = TypeVar("T")
_UNSAFE = re.compile(r"[^a-z0-9._-]|\.(?=\.)")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one application in its deploy repo."""

    tenant: str
    application: str

    @classmethod
    def of(cls, registration: Registration) -> "Layout":
        """The layout of a registered application."""
        return cls(registration.tenant, registration.application)

    def objects_folder(self, unit: Unit) -> str:
        """The folder of a unit's objects, without a trailing slash."""
        return safe_join(
            "clusters", unit.cluster, "apps", self.tenant, self.application, unit.component
        )

    def application_folder(self, cluster: str) -> str:
        """The parent of the object folders of all the application's units on a cluster."""
        return safe_join("clusters", cluster, "apps", self.tenant, self.application)

    def sync_file(self, unit: Unit) -> str:
        """The file of the agent's own objects for a unit."""
        return f"{self.sync_folder(unit.cluster)}/{unit.component}.yaml"

    def sync_folder(self, cluster: str) -> str:
        """The folder of the agent's own objects for this application."""
        return safe_join("clusters", cluster, "sync", self.tenant, self.application)

    def rules_file(self, unit: Unit) -> str:
        """The file that says which rules a unit is there for."""
        return f"{self.rules_folder(unit.cluster)}/{unit.component}.yaml"

    def rules_folder(self, cluster: str) -> str:
        """The folder of these files for this application."""
        return safe_join("clusters", cluster, "rules", self.tenant, self.application)

    def unit_of(self, path: str) -> Unit | None:
        """The unit that a path belongs to; None for a path outside this application."""
        match path.split("/"):
            case ["clusters", cluster, "apps", self.tenant, self.application, component, _, *_]:
                return Unit(component, cluster)
            case ["clusters", cluster, "sync", self.tenant, self.application, file]:
                return Unit(file.removesuffix(".yaml"), cluster)
            case ["clusters", cluster, "rules", self.tenant, self.application, file]:
                return Unit(file.removesuffix(".yaml"), cluster)
            case _:
                return None

    def by_unit(self, files: Mapping[str, T]) -> dict[Unit, dict[str, T]]:
        """Those of the files that belong to a unit, by unit."""
        found: dict[Unit, dict[str, T]] = {}
        for path, content in files.items():
            unit = self.unit_of(path)
            if unit is not None:
                found.setdefault(unit, {})[path] = content
        return found

    def unit_below(self, path: str) -> Unit | None:
        """The unit whose folder or sync file is this path, or above it."""
        match path.split("/"):
            case ["clusters", cluster, "apps", self.tenant, self.application, component, *_]:
                return Unit(component, cluster)
            case ["clusters", cluster, "sync", self.tenant, self.application, file, *_] if (
                file.endswith(".yaml")
            ):
                return Unit(file.removesuffix(".yaml"), cluster)
            case ["clusters", cluster, "rules", self.tenant, self.application, file, *_] if (
                file.endswith(".yaml")
            ):
                return Unit(file.removesuffix(".yaml"), cluster)
            case _:
                return None


def is_object(name: str) -> bool:
    """Whether a unit's file is one of its objects, by its path below the folder of its cluster.

    The others are the agent's own, and those that say which rules the unit is there for.
    """
    return name.startswith(OBJECTS)


def kept_file(cluster: str) -> str:
    """The file that keeps the folder of a cluster's agent; it holds `renderers.agents.KEPT`."""
    return f"{cluster_sync_folder(cluster)}/readme.md"


def cluster_sync_folder(cluster: str) -> str:
    """The folder of the agent's own objects for all applications; its agent begins there."""
    return safe_join("clusters", cluster, "sync")


def object_files(items: Sequence[dict[str, Json]], namespace: str) -> list[str]:
    """The file name of each object of a unit: `object_file`, made unique.

    Where objects of several groups share a kind and a name, the first group keeps the short name,
    and those of the others contain the group. Raises UnsafePathError for a kind that is no name.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for index in sorted(range(len(items)), key=lambda each: identity_of(items[each])):
        identity = identity_of(items[index])
        short = object_file(items[index], namespace)
        grouped = object_file(items[index], namespace, identity.group)
        unique = f"{grouped.removesuffix('.yaml')}-{_hash(identity.name)}.yaml"
        names[index] = next(each for each in (short, grouped, unique) if each not in taken)
        taken.add(names[index])
    return [names[index] for index in range(len(items))]


def object_file(item: dict[str, Json], namespace: str, group: str = "") -> str:
    """The file name of an object, `<kind>-<name>.yaml` in lower case.

    Outside the tenant's main namespace the name begins with the namespace, so that objects that
    differ only in that do not share a file. With `group` the kind is followed by it. A name that
    is no path segment, such as the name of a Role in capitals, ends with a hash of the original.
    """
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    name = str(metadata["name"]).replace(":", "-")
    own_namespace = str(metadata.get("namespace", namespace))
    kind = f"{item['kind']}.{group}" if group else str(item["kind"])
    parts = [kind.lower(), name]
    if own_namespace != namespace:
        parts.insert(0, own_namespace)
    try:
        return safe_join("-".join(parts) + ".yaml")
    except UnsafePathError:
        parts[-1] = f"{_UNSAFE.sub('-', name.lower()).strip('-.')[:MAX_NAME]}-{_hash(name)}"
        return safe_join("-".join(parts) + ".yaml")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


__all__ = ["FileTree", "Layout", "object_file", "object_files"]
