"""Applies and prunes the objects of one unit, so that any interruption leaves nothing unrecorded.

The inventory is written first, with all that exists and all that will; then objects are applied in
their order, obsolete ones deleted, and the inventory shrinks to what is left. Every step may be
repeated. Objects are written as the tenant's account, inventories as Switchyard's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import structlog

from bot.clusters.api import FIELD_MANAGER, ClusterApi, Resource
from bot.clusters.errors import (
    ApiUnavailableError,
    ClusterError,
    ForbiddenError,
    ObjectNotFoundError,
    OwnershipError,
    UnknownKindError,
    WriteConflictError,
)
from planners.model import Json
from renderers.inventory import (
    NAMESPACE,
    UNIT_LABEL,
    ApplyState,
    ApplyUnit,
    Entry,
    Inventory,
    InventoryError,
    belongs_to,
    inventory_name,
    marked,
    merged,
    unit_label,
)
from renderers.kubernetes.apply_order import DEFINITIONS, apply_key, phase_of
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.kinds import Scope, kind_of
from renderers.kubernetes.kstatus import ObjectStatus, judge
from renderers.kubernetes.metadata import group_of, label_of

TAKEN_OVER = frozenset(
    {"before-first-apply", "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-edit"}
)
"""Managers whose fields are taken over: people with kubectl, whose changes are drift."""

SOON = timedelta(seconds=2)
LATER = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far the unit came; `again` is when to look at it again, None when nothing is left."""

    state: ApplyState
    message: str = ""
    again: timedelta | None = None


log = structlog.get_logger()


class _WaitError(Exception):
    """Something else has to happen on the cluster first."""


class _StallError(Exception):
    """Somebody has to change something."""


async def apply_unit(api: ClusterApi, desired: ApplyUnit) -> Outcome:
    """Bring a unit's objects on a cluster a step nearer to what is desired; safe to repeat."""
    unit = _Unit(api, desired)
    try:
        await unit.begin()
        await unit.apply()
        return await unit.finish()
    except ApiUnavailableError as error:
        return Outcome(ApplyState.APPLYING, str(error), error.retry_after or SOON)
    except WriteConflictError as error:
        return Outcome(ApplyState.APPLYING, str(error), SOON)
    except (_WaitError, UnknownKindError) as error:
        return await unit.note(Outcome(ApplyState.APPLYING, str(error), SOON))
    except (_StallError, ClusterError, InventoryError) as error:
        return await unit.note(Outcome(ApplyState.STALLED, str(error), LATER))


class _Unit:
    """One application of a unit: the inventory as it is stored, and what it should list."""

    def __init__(self, api: ClusterApi, desired: ApplyUnit) -> None:
        self._api = api
        self._desired = desired
        self._stored: dict[str, Any] | None = None
        self._entries: tuple[Entry, ...] = ()
        self._wanted: tuple[dict[str, Json], ...] = ()
        self._label = unit_label(desired.application, desired.component)

    async def begin(self) -> None:
        """Record every object that exists or will, before any is created."""
        desired = self._desired
        self._wanted = tuple(
            sorted([await self._marked(each) for each in desired.items], key=apply_key)
        )
        name = inventory_name(desired.application, desired.component)
        address = Entry("v1", "ConfigMap", NAMESPACE, name)
        self._stored = await self._api.get(address, whole=True)
        known = await self._known()
        self._entries = merged(known, [Entry.of(each) for each in self._wanted])
        if self._entries:
            await self._save(ApplyState.APPLYING)

    async def apply(self) -> None:
        """Apply all objects, phase by phase."""
        for phase, items in groupby(self._wanted, key=lambda each: apply_key(each)[0]):
            for each in items:
                uid = await self._apply(each)
                self._entries = merged([Entry.of(each, uid)], self._others(each))
            if phase == DEFINITIONS:
                await self._await_definitions()

    async def finish(self) -> Outcome:
        """Delete what is not wanted any more, and shrink the inventory to what is left."""
        obsolete = self._obsolete()
        for each in obsolete:
            if await self._is_gone(each):
                self._entries = tuple(
                    other for other in self._entries if other.identity != each.identity
                )
        left = self._obsolete()
        message = f"{len(left)} objects are being deleted, such as {left[0]}" if left else ""
        if not self._entries:
            if self._stored is not None:
                await self._api.delete(self._stored)
            return Outcome(ApplyState.APPLIED)
        state = ApplyState.APPLIED if self._wanted else ApplyState.APPLYING
        await self._save(state, message)
        return Outcome(state, message, SOON if left else None)

    async def note(self, outcome: Outcome) -> Outcome:
        """Write an outcome into the inventory, so that whoever reads it knows the reason."""
        try:
            if self._entries:
                await self._save(outcome.state, outcome.message)
        except (ClusterError, InventoryError, _StallError) as error:
            log.warning("inventory not written", unit=self._label, error=str(error))
        return outcome

    async def _marked(self, item: dict[str, Json]) -> dict[str, Json]:
        desired = self._desired
        namespace = desired.namespace if await self._is_namespaced(item) else ""
        return marked(item, desired.application, desired.component, desired.revision, namespace)

    async def _is_namespaced(self, item: Mapping[str, Json]) -> bool:
        """Whether a kind is namespaced: by the tables, this unit's definitions, or the cluster."""
        kind = kind_of(item)
        if kind.scope is not Scope.UNKNOWN:
            return kind.scope is not Scope.CLUSTER
        for each in self._desired.items:
            spec = mapping(each.get("spec"))
            names = mapping(spec.get("names"))
            if (spec.get("group"), names.get("kind")) == (kind.group, kind.name):
                return spec.get("scope") != "Cluster"
        try:
            found = await self._api.resource(str(item["apiVersion"]), kind.name)
        except UnknownKindError:
            return True
        return found.is_namespaced

    async def _apply(self, item: dict[str, Json]) -> str:
        """Apply one object; returns its uid."""
        live = await self._api.get(Entry.of(item))
        if live is not None:
            self._check_owner(item, live)
        account = self._desired.account
        try:
            found = await self._api.apply(item, account)
        except OwnershipError as error:
            strangers = error.managers - TAKEN_OVER
            if strangers:
                raise _StallError(
                    f"{label_of(item)}: {', '.join(sorted(strangers))} manages fields that the "
                    f"application states: remove them there or here ({error})"
                ) from error
            found = await self._api.apply(item, account, force=True)
        return str(found["metadata"]["uid"])

    def _check_owner(self, item: Mapping[str, Json], live: Mapping[str, Any]) -> None:
        """Refuse an object that another unit, or nobody here, made."""
        metadata, owner = live["metadata"], belongs_to(live)
        if metadata.get("deletionTimestamp"):
            raise _WaitError(f"{label_of(item)} is being deleted")
        known = next(
            (each.uid for each in self._entries if each.identity == Entry.of(item).identity), ""
        )
        if owner == self._label or (not owner and metadata["uid"] == known):
            return
        whose = f"belongs to {owner}" if owner else "exists and was not applied by Switchyard"
        raise _StallError(
            f"{label_of(item)} {whose}: delete it, or hand it over with the label "
            f"{UNIT_LABEL}={self._label}"
        )

    def _others(self, item: Mapping[str, Json]) -> list[Entry]:
        identity = Entry.of(item).identity
        return [each for each in self._entries if each.identity != identity]

    async def _await_definitions(self) -> None:
        """Go on only when the kinds that this unit defines are served."""
        for each in self._wanted:
            if phase_of(group_of(each), str(each["kind"])) != DEFINITIONS:
                continue
            live = await self._api.get(Entry.of(each), whole=True)
            verdict = judge(live, _EPOCH) if live else None
            if verdict is not None and verdict.status is ObjectStatus.FAILED:
                raise _StallError(f"{label_of(each)}: {verdict.message}")
            if verdict is None or verdict.status is not ObjectStatus.CURRENT:
                raise _WaitError(f"{label_of(each)} is not established yet")

    def _obsolete(self) -> list[Entry]:
        """Recorded objects that are not wanted, in the reverse of the order of application."""
        wanted = {Entry.of(each).identity for each in self._wanted}
        found = [each for each in self._entries if each.identity not in wanted]
        return sorted(
            found, key=lambda each: (phase_of(each.identity.group, each.kind), each), reverse=True
        )

    async def _is_gone(self, entry: Entry) -> bool:
        """Delete a recorded object if it is still the same one; whether nothing of ours is left."""
        live = await self._api.get(entry)
        if live is None or not self._is_same(entry, live):
            return True
        if not live["metadata"].get("deletionTimestamp"):
            await self._api.delete(live, self._desired.account)
        return await self._api.get(entry) is None

    def _is_same(self, entry: Entry, live: Mapping[str, Any]) -> bool:
        uid = live["metadata"]["uid"]
        return belongs_to(live) == self._label and entry.uid in ("", uid)

    async def _known(self) -> tuple[Entry, ...]:
        """What the inventory lists; where it is lost or unreadable, what the cluster has."""
        if self._stored is not None:
            try:
                return Inventory.read(self._stored).entries
            except InventoryError:
                return await self._recovered()
        for each in self._wanted:
            live = await self._api.get(Entry.of(each))
            if live is not None and belongs_to(live) == self._label:
                return await self._recovered()
        return () if self._wanted else await self._recovered()

    async def _recovered(self) -> tuple[Entry, ...]:
        """The unit's objects as the cluster knows them.

        Controllers copy labels (from a Service to its EndpointSlices), so that an object counts
        only if Switchyard applied it.
        """
        found: list[Entry] = []
        for each in await self._api.resources():
            if each.verbs >= {"list", "delete", "patch"}:
                found += await self._recover(each)
        return tuple(found)

    async def _recover(self, resource: Resource) -> list[Entry]:
        selector = f"{UNIT_LABEL}={self._label}"
        try:
            listed = await self._api.list(resource, selector, whole=False)
        except (ForbiddenError, ObjectNotFoundError):
            return []
        return [
            Entry.of(each, str(each["metadata"]["uid"]))
            for each in listed.items
            if _is_applied_by_us(each["metadata"].get("managedFields") or ())
            and each["metadata"].get("namespace") != NAMESPACE
        ]

    async def _save(self, state: ApplyState, message: str = "") -> None:
        """Write the inventory, unless it is stored like that already."""
        desired = self._desired
        inventory = Inventory(
            application=desired.application,
            component=desired.component,
            revision=desired.revision,
            state=state,
            message=message,
            entries=self._entries,
            account=desired.account,
            deploy=desired.deploy,
        )
        manifest, stored = inventory.manifest(), self._stored
        if stored is not None and _same_inventory(stored, manifest):
            return
        try:
            self._stored = await self._api.write(manifest, stored)
        except ObjectNotFoundError as error:
            raise _StallError(
                f"{self._api.cluster} has no namespace {NAMESPACE}: apply the bootstrap manifest"
            ) from error


def _same_inventory(stored: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    old, new = stored["metadata"], manifest["metadata"]
    return stored.get("data") == manifest["data"] and all(
        old.get(part) == new[part] for part in ("labels", "annotations")
    )


def _is_applied_by_us(managed: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        (each.get("manager"), each.get("operation")) == (FIELD_MANAGER, "Apply") for each in managed
    )
