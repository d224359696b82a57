"""What one cluster should have, by the deploy repos, and what it has, by its API server."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.clusters import ClusterApi, ForbiddenError, ObjectNotFoundError, UnknownKindError
from bot.context import Context
from bot.documents.tenants import is_tenant_setup
from bot.gather.errors import GatherError
from bot.gather.repository import Checkout, fetch
from planners.model import Fleet, Json, Registration, Unit
from renderers import yaml
from renderers.inventory import (
    INVENTORY_LABEL,
    NAMESPACE,
    UNIT_LABEL,
    DesiredState,
    DesiredUnit,
    Inventory,
    InventoryError,
)
from renderers.layout import Layout

CONTENT_ONLY = frozenset({"ConfigMap", "Secret"})
"""Kinds without a status: only their metadata is read."""


async def read_desired(context: Context, fleet: Fleet, cluster: str) -> DesiredState:
    """What the deploy repos hold for a cluster, at the heads of their default branches.

    Raises:
        GatherError: a file there is no Kubernetes object.
        ForgeError, GitError: a repository cannot be read.
    """
    units: list[DesiredUnit] = []
    present: set[tuple[str, str]] = set()
    deploys = sorted({each.deploy for each in fleet.registrations})
    for deploy in deploys:
        checkout = await fetch(context, deploy)
        ours = [each for each in fleet.registrations if each.deploy == deploy]
        found = await asyncio.to_thread(_read_units, checkout, fleet, ours, cluster)
        units += found.units
        present |= found.present
    return DesiredState(tuple(units), frozenset(present), frozenset(map(str, deploys)))


def _read_units(
    checkout: Checkout, fleet: Fleet, registrations: Iterable[Registration], cluster: str
) -> DesiredState:
    mirror, head = checkout.mirror, checkout.head
    files: dict[tuple[str, str, str], dict[str, str]] = {}
    for path, blob in mirror.entries(head, (f"clusters/{cluster}/apps",)).items():
        parts = path.split("/")
        if len(parts) > _DEPTH:
            files.setdefault((parts[3], parts[4], parts[5]), {})[path] = blob
    by_name = {(each.tenant, each.application): each for each in registrations}
    folders = {
        key: (Layout(key[0], key[1]).objects_folder(Unit(key[2], cluster)),)
        for key in files
        if key[:2] in by_name
    }
    changes = mirror.last_changes(head, folders) if folders else {}
    units = [
        DesiredUnit(
            application=key[1],
            component=key[2],
            tenant=key[0],
            namespace=_namespace(fleet, key[0]),
            revision=changes[key].sha,
            deploy=str(checkout.repo),
            items=tuple(_objects(checkout, files[key])),
            is_tenant_setup=is_tenant_setup(by_name[key[:2]]),
        )
        for key in sorted(folders)
    ]
    present = frozenset((application, component) for _, application, component in files)
    return DesiredState(tuple(units), present, frozenset())


_DEPTH = 6
"""The parts of `clusters/<cluster>/apps/<tenant>/<application>/<component>`."""


def _namespace(fleet: Fleet, name: str) -> str:
    tenant = fleet.tenant(name)
    return tenant.namespace if tenant else ""


def _objects(checkout: Checkout, files: Mapping[str, str]) -> Iterator[dict[str, Json]]:
    for path in sorted(files):
        yield from _objects_in(checkout, path, files[path])


def _objects_in(checkout: Checkout, path: str, blob: str) -> Iterator[dict[str, Json]]:
    try:
        documents = yaml.load_documents(checkout.mirror.blob(blob))
    except yaml.YamlError as error:
        raise GatherError(f"{checkout.repo}: {path}:{error.line}: {error}") from error
    for each in documents:
        if not isinstance(each.value, dict):
            raise GatherError(f"{checkout.repo}: {path} is no Kubernetes object")
        yield each.value


async def read_objects(api: ClusterApi) -> tuple[dict[str, Any], ...]:
    """The inventories on a cluster, and the objects that they list.

    Raises:
        ClusterError: the cluster cannot be read.
    """
    inventories = await read_inventories(api)
    found = [
        await _read_kind(api, api_version, kind)
        for api_version, kind in sorted(listed_kinds(inventories))
    ]
    return (*inventories, *(item for items in found for item in items))


async def read_inventories(api: ClusterApi) -> tuple[dict[str, Any], ...]:
    """The inventories on a cluster.

    Raises:
        ClusterError: the cluster cannot be read.
    """
    resource = await api.resource("v1", "ConfigMap")
    return (await api.list(resource, f"{INVENTORY_LABEL}=true", namespace=NAMESPACE)).items


def listed_kinds(inventories: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """The kinds of all objects that inventories list."""
    kinds: set[tuple[str, str]] = set()
    for each in inventories:
        try:
            entries = Inventory.read(each).entries
        except InventoryError:
            continue
        kinds |= {(entry.api_version, entry.kind) for entry in entries}
    return kinds


async def _read_kind(api: ClusterApi, api_version: str, kind: str) -> tuple[dict[str, Any], ...]:
    """Switchyard's objects of a kind; none where the kind is gone or may not be read."""
    try:
        resource = await api.resource(api_version, kind)
        return (await api.list(resource, UNIT_LABEL, whole=kind not in CONTENT_ONLY)).items
    except (ForbiddenError, ObjectNotFoundError, UnknownKindError):
        return ()
