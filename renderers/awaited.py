"""Addresses that are known at run time: which of them count, and which units wait for them.

A unit that calls a Service whose address no cluster has reported keeps what it has, if the server
comes before it in the order of the rollout. Any other server would come only after it, so that it
goes on without: the address follows in a change of its own.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from planners.model import PlanProblem, Unit
from planners.model.addresses import (
    Awaited,
    AwaitedAddress,
    RefusedAddress,
    ServiceAddresses,
    ServicePlace,
    host_address,
)
from planners.model.snapshot import Snapshot
from planners.plan import Plan
from renderers.carriers import Carrier, Deferred
from renderers.connections import ComponentClient, ComponentServer, Connection, Need

Usable: TypeAlias = tuple[tuple[str, ...], RefusedAddress | None]


@dataclass(frozen=True, slots=True)
class UsableAddresses:
    """The addresses of Services to which others may be sent.

    `pod_ranges` maps networks to their clusters, by version and length of the prefix: a fleet has
    as many of them as clusters, and few lengths.
    """

    known: ServiceAddresses
    pod_ranges: Mapping[tuple[int, int], Mapping[IPv4Network | IPv6Network, str]]
    _found: dict[ServicePlace, Usable] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> "UsableAddresses":
        """Those in a Snapshot; none lies among the pods of any cluster.

        Whoever answers for a cluster could otherwise open the way to pods of others.
        """
        clusters = snapshot.clusters if snapshot.addresses else ()
        found: dict[tuple[int, int], dict[IPv4Network | IPv6Network, str]] = {}
        for cluster in clusters:
            for each in map(ip_network, cluster.network.pod_ranges):
                found.setdefault((each.version, each.prefixlen), {})[each] = cluster.name
        return cls(snapshot.addresses, found)

    def at(self, place: ServicePlace) -> Usable:
        """The addresses of a Service, and the first one that is reported and does not count."""
        if place not in self._found:
            reported = self.known.get(place, ())
            refused = {each: why for each in reported if (why := self._refusal(each)) is not None}
            usable = tuple(each for each in reported if each not in refused)
            self._found[place] = usable, next(iter(refused.values()), None)
        return self._found[place]

    def _refusal(self, text: str) -> RefusedAddress | None:
        address = host_address(text)
        if address is None:
            return RefusedAddress(text)
        for (version, length), owners in self.pod_ranges.items():
            if version == address.version:
                owner = owners.get(ip_network((address, length), strict=False))
                if owner is not None:
                    return RefusedAddress(text, owner)
        return None


@dataclass(frozen=True, slots=True)
class Waits:
    """Who waits for which addresses, and what goes on without."""

    awaited: Awaited = field(default_factory=dict)
    warnings: tuple[PlanProblem, ...] = ()


def waits(
    plan: Plan,
    connections: Iterable[Connection],
    carriers: Sequence[Carrier],
    leaving: Collection[Unit],
) -> Waits:
    """The units that call Services of which no cluster has reported an address that counts."""
    position = {
        unit: number
        for number, wave in enumerate(plan.waves)
        if not wave.removal
        for unit in wave.units
    }
    awaited: dict[Unit, list[AwaitedAddress]] = {}
    warnings: dict[PlanProblem, None] = {}
    for client, calls in _without_address(connections, carriers):
        if client in leaving or client not in position:
            continue
        servers = [each.server for each in calls if isinstance(each.server, ComponentServer)]
        foreign = any(each.intent.callee.application for each in calls)
        earlier = (position.get(each.unit, len(position)) < position[client] for each in servers)
        service = servers[0].service
        name = f"Service {service.namespace}/{service.service}"
        clusters = tuple(dict.fromkeys(each.cluster.name for each in servers))
        if foreign or any(earlier):
            refused = next((each.refused for each in servers if each.refused), None)
            awaited.setdefault(client, []).append(AwaitedAddress(clusters, name, refused))
        else:
            message = (
                f"{client.component} calls {name} of {clusters[0]} once that reports its address, "
                f"which follows as a change of its own"
            )
            warnings[PlanProblem(message)] = None
    return Waits({unit: tuple(each) for unit, each in sorted(awaited.items())}, tuple(warnings))


def _without_address(
    connections: Iterable[Connection], carriers: Sequence[Carrier]
) -> Iterator[tuple[Unit, list[Connection]]]:
    """The connections of each unit to each Service, where none of them has an address."""
    deferred = [each for each in carriers if isinstance(each, Deferred)]
    others = [each for each in carriers if not isinstance(each, Deferred)]
    found: dict[tuple[Unit, str, str], list[Connection]] = {}
    known: set[tuple[Unit, str, str]] = set()
    for each in connections:
        client, server = each.client, each.server
        if not each.case.crosses or each.intent.caller.application:
            continue
        if isinstance(client, ComponentClient) and isinstance(server, ComponentServer):
            key = client.unit, server.service.namespace, server.service.service
            if any(carrier.awaits(each) for carrier in deferred) and not any(
                Need.ROUTE in carrier.meets(each) for carrier in others
            ):
                found.setdefault(key, []).append(each)
            else:
                known.add(key)
    for key, calls in found.items():
        if key not in known:
            yield key[0], calls
