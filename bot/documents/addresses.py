"""The addresses of Services that an application may call, as reported last, or else as merged.

Reports may be lost with the database, and clusters fall silent: what is merged in the deploy repo
is known all the same, so that nothing changes before something new is reported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from planners.model import Json, Unit
from planners.model.addresses import ServicePlace, host_address
from planners.model.snapshot import LONG_AGO, Snapshot
from renderers import yaml
from renderers.connections import ADDRESS_OF, read_place
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import namespace_of
from renderers.layout import is_object

Reported = Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]
"""By cluster, namespace and Service."""


_FILE = "endpointslice-connect-"


def needs_addresses(snapshot: Snapshot) -> bool:
    """Whether components are called, which may be behind an address."""
    return any(each.callee.component for each in snapshot.application.connectivity)


def with_addresses(
    snapshot: Snapshot, reported: Reported, merged: Callable[[str], bytes]
) -> Snapshot:
    """The Snapshot with the addresses in the namespaces that its intents can be about.

    `merged` reads a blob.
    """
    if not needs_addresses(snapshot):
        return snapshot
    namespaces = _namespaces(snapshot)
    found: dict[ServicePlace, tuple[str, ...]] = dict(_merged(snapshot, merged))
    for cluster in snapshot.clusters:
        for namespace, services in reported.get(cluster.name, {}).items():
            if namespace in namespaces:
                for name, addresses in services.items():
                    found[ServicePlace(cluster.name, namespace, name)] = addresses
    return replace(snapshot, addresses=dict(sorted(found.items())))


def _namespaces(snapshot: Snapshot) -> frozenset[str]:
    """Those of the tenant, and those of components of other applications that are merged."""
    found = set(snapshot.tenant.all_namespaces)
    for peer in snapshot.peers.values():
        distinct = {id(objects): objects for objects in peer.objects.values()}
        found |= {
            namespace_of(item) or peer.namespace for each in distinct.values() for item in each
        }
    return frozenset(found)


def _merged(
    snapshot: Snapshot, merged: Callable[[str], bytes]
) -> Iterator[tuple[ServicePlace, tuple[str, ...]]]:
    """The addresses that merged EndpointSlices have; of several, what was merged last is last."""
    changes = snapshot.base.changes

    def last(unit: Unit) -> tuple[datetime, Unit]:
        return (changes[unit].at if unit in changes else LONG_AGO), unit

    blocks = snapshot.base.entries.blocks
    slices = [each for each in blocks if any(_FILE in name for name in each.names)]
    for unit in sorted((unit for each in slices for unit in each.units), key=last):
        found: dict[ServicePlace, set[str]] = {}
        files = snapshot.base.entries[unit]
        for name, blob in zip(files.names, files.blobs, strict=True):
            if _FILE in name and is_object(name):
                for place, address in _read(merged(blob)):
                    found.setdefault(place, set()).add(address)
        yield from ((place, tuple(sorted(each))) for place, each in sorted(found.items()))


def _read(content: bytes) -> Iterator[tuple[ServicePlace, str]]:
    """The addresses in a file; none if somebody else wrote something else."""
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError:
        return
    for document in documents:
        item = mapping(document.value)
        notes = mapping(mapping(item.get("metadata")).get("annotations"))
        place = read_place(str(notes.get(ADDRESS_OF)))
        if place is None:
            continue
        for endpoint in _items(item.get("endpoints")):
            for address in _items(mapping(endpoint).get("addresses")):
                if isinstance(address, str) and host_address(address) is not None:
                    yield place, address


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
