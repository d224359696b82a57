"""The paths in a deploy repo: stable and readable, one object per file.

```
clusters/<cluster>/apps/<tenant>/<application>/<component>/<kind>-<name>.yaml  the objects
clusters/<cluster>/sync/<tenant>/<application>/<component>.yaml               the agent's own
```

The agent of a cluster is bootstrapped on its `sync` folder; the objects there refer to `apps`.
"""

from dataclasses import dataclass
from typing import Protocol

from planners.model import Json, Registration, Unit
from renderers.tree import FileTree, safe_join


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

    def unit_of(self, path: str) -> Unit | None:
        """The unit that a path belongs to; None for a path outside this application."""
        match path.split("/"):
            case ["clusters", cluster, "apps", self.tenant, self.application, component, _, *_]:
                return Unit(component, cluster)
            case ["clusters", cluster, "sync", self.tenant, self.application, file]:
                return Unit(file.removesuffix(".yaml"), cluster)
            case _:
                return None


class AgentReferences(Protocol):
    """The part of an agent plugin that rendering needs."""

    def references(
        self, unit: Unit, application: str, namespace: str, objects_folder: str
    ) -> tuple[dict[str, Json], ...]:
        """The agent's own objects that configure it to pull the unit's folder."""


def object_file(item: dict[str, Json], namespace: str) -> str:
    """The file name of an object, `<kind>-<name>.yaml` in lower case.

    Outside the tenant's main namespace the name begins with the namespace, so that objects that
    differ only in that do not share a file. Raises UnsafePathError for a name that is not portable.
    """
    metadata = item.get("metadata")
    assert isinstance(metadata, dict)
    parts = [str(item["kind"]).lower(), str(metadata["name"]).replace(":", "-")]
    own_namespace = str(metadata.get("namespace", namespace))
    if own_namespace != namespace:
        parts.insert(0, own_namespace)
    return safe_join("-".join(parts) + ".yaml")


__all__ = ["AgentReferences", "FileTree", "Layout", "object_file"]
