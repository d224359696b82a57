"""The record, on a cluster, of what Switchyard applied there itself for one unit.

A ConfigMap in Switchyard's own namespace, which no tenant can write. It names every object that may
exist: it is written before an object is created and shrinks after one is gone, so that a crash in
between leaves nothing that nobody knows of. `bot.clusters` writes it; agent plugins read it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from planners.model import Json, ObjectIdentity
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import identity_of, metadata_text

NAMESPACE = "switchyard-system"
UNIT_LABEL = "switchyard.dev/unit"
INVENTORY_LABEL = "switchyard.dev/inventory"
REVISION_ANNOTATION = "switchyard.dev/revision"
MAX_ENTRIES = 2_000
MAX_MESSAGE_LENGTH = 500
_MAX_LABEL = 63
_KEY = "inventory.json"
_FIELDS = ("apiVersion", "kind", "namespace", "name", "uid")


class InventoryError(ValueError):
    """A ConfigMap is no inventory; the message says what is wrong."""


class ApplyState(StrEnum):
    """How far the last application of a unit's objects came."""

    APPLYING = "applying"
    APPLIED = "applied"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One object, and the uid that the API server gave it; empty until it is known."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    @classmethod
    def of(cls, item: Mapping[str, Json], uid: str = "") -> "Entry":
        """The entry of an object."""
        found = identity_of(item)
        return cls(str(item.get("apiVersion", "")), found.kind, found.namespace, found.name, uid)

    @property
    def identity(self) -> ObjectIdentity:
        """The object, whatever its API version."""
        group = self.api_version.rpartition("/")[0]
        return ObjectIdentity(group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was applied for a unit: at which revision, how far it came, and which objects.

    `account` is the user that applied them, `deploy` the repository that they come from.
    """

    application: str
    component: str
    revision: str
    state: ApplyState
    message: str = ""
    entries: tuple[Entry, ...] = ()
    account: str = ""
    deploy: str = ""

    def manifest(self) -> dict[str, Json]:
        """The ConfigMap.

        Raises:
            InventoryError: the unit has more objects than one ConfigMap can list.
        """
        if len(self.entries) > MAX_ENTRIES:
            raise InventoryError(
                f"{self.application}/{self.component} has {len(self.entries)} objects; direct "
                f"Kubernetes applies at most {MAX_ENTRIES}: split the component"
            )
        rows = [
            [each.api_version, each.kind, each.namespace, each.name, each.uid]
            for each in sorted(self.entries)
        ]
        content = {
            "application": self.application,
            "component": self.component,
            "account": self.account,
            "deploy": self.deploy,
            "state": self.state.value,
            "message": self.message[:MAX_MESSAGE_LENGTH],
            "objects": [dict(zip(_FIELDS, row, strict=True)) for row in rows],
        }
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": inventory_name(self.application, self.component),
                "namespace": NAMESPACE,
                "labels": {
                    INVENTORY_LABEL: "true",
                    UNIT_LABEL: unit_label(self.application, self.component),
                },
                "annotations": {REVISION_ANNOTATION: self.revision},
            },
            "data": {_KEY: json.dumps(content, sort_keys=True, separators=(",", ":"))},
        }

    @classmethod
    def read(cls, item: Mapping[str, Json]) -> "Inventory":
        """The inventory in a ConfigMap.

        Raises:
            InventoryError: it is not one that Switchyard wrote.
        """
        text = mapping(item.get("data")).get(_KEY)
        try:
            content = json.loads(str(text))
            return cls(
                application=str(content["application"]),
                component=str(content["component"]),
                revision=revision_of(item),
                state=ApplyState(content["state"]),
                message=str(content["message"])[:MAX_MESSAGE_LENGTH],
                account=str(content["account"]),
                deploy=str(content["deploy"]),
                entries=tuple(
                    Entry(*(str(each[field]) for field in _FIELDS))
                    for each in content["objects"][:MAX_ENTRIES]
                ),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            name = metadata_text(item, "name")
            raise InventoryError(f"the ConfigMap {name} is no inventory of Switchyard") from error


@dataclass(frozen=True, slots=True)
class ApplyUnit:
    """An effect: bring a unit on a cluster to these objects; to none if it is removed.

    `account` is the user that applies them, `namespace` that of objects which state none.
    """

    application: str
    component: str
    revision: str
    account: str
    namespace: str
    deploy: str
    items: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class DesiredUnit:
    """A unit as the deploy repo has it; `revision` is the commit of its last change."""

    application: str
    component: str
    tenant: str
    namespace: str
    revision: str
    deploy: str
    items: tuple[dict[str, Json], ...]
    is_tenant_setup: bool = False


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What deploy repos hold for one cluster.

    `present` are all units there, also those of applications that are not registered any more;
    `deploys` are the repositories that were read.
    """

    units: tuple[DesiredUnit, ...]
    present: frozenset[tuple[str, str]]
    deploys: frozenset[str]


def is_inventory(item: Mapping[str, Json]) -> bool:
    """Whether an object is an inventory: in Switchyard's own namespace, with its label."""
    return (item.get("kind"), metadata_text(item, "namespace")) == (
        "ConfigMap",
        NAMESPACE,
    ) and _label(item, INVENTORY_LABEL) == "true"


def inventory_name(application: str, component: str) -> str:
    """The name of a unit's inventory."""
    return f"unit.{application}.{component}"


def unit_label(application: str, component: str) -> str:
    """The value of the label that an object of a unit carries."""
    text = f"{application}.{component}"
    if len(text) <= _MAX_LABEL:
        return text
    return hashlib.sha256(text.encode()).hexdigest()[:_MAX_LABEL]


def marked(
    item: Mapping[str, Json], application: str, component: str, revision: str, namespace: str
) -> dict[str, Json]:
    """The object as it is applied: with its unit and revision, and in `namespace` if it says none.

    Kinds of a whole cluster pass an empty `namespace`.
    """
    metadata = dict(mapping(item.get("metadata")))
    if namespace:
        metadata.setdefault("namespace", namespace)
    labels = mapping(metadata.get("labels"))
    annotations = mapping(metadata.get("annotations"))
    metadata["labels"] = {**labels, UNIT_LABEL: unit_label(application, component)}
    metadata["annotations"] = {**annotations, REVISION_ANNOTATION: revision}
    return {**item, "metadata": metadata}


def belongs_to(item: Mapping[str, Json]) -> str:
    """The unit that an object on a cluster belongs to, as its label says; empty for none."""
    return _label(item, UNIT_LABEL)


def revision_of(item: Mapping[str, Json]) -> str:
    """The revision at which an object was applied; empty if it does not say."""
    found = mapping(mapping(item.get("metadata")).get("annotations")).get(REVISION_ANNOTATION)
    return found if isinstance(found, str) else ""


def merged(*groups: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries of all groups, one per object; a known uid wins, then the earlier group."""
    found: dict[ObjectIdentity, Entry] = {}
    for each in (entry for group in groups for entry in group):
        known = found.get(each.identity)
        if known is None or (each.uid and not known.uid):
            found[each.identity] = each
    return tuple(sorted(found.values()))


def _label(item: Mapping[str, Json], name: str) -> str:
    found = mapping(mapping(item.get("metadata")).get("labels")).get(name)
    return found if isinstance(found, str) else ""
