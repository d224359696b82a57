"""Law 13 for `network` of a cluster: every fact that can be stated is read by somebody."""

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.engine import discovery
from planners.connect import Places, case_between, links
from planners.model import Application, Cluster, Component, ComponentSource, Tenant, Unit
from planners.model.network import EgressEngine, Gateway, Ingress, Mesh, Network, PolicyEngine
from renderers.connections import ComponentClient, ComponentServer, Connection
from renderers.tenant_network import cluster_policies
from tests.acceptance.derived_objects import variations
from tests.fakes.connectivity import connections, sides

FACTS = [
    (kind, field.name) for kind in (Network, Gateway, Ingress) for field in dataclasses.fields(kind)
]
VALUES = [
    (field, each)
    for field, engine in (("mesh", Mesh), ("policies", PolicyEngine), ("egress", EgressEngine))
    for each in engine
    if each is not getattr(Network(), field)
]


def watched(value: Any, read: set[tuple[type, str]]) -> Any:
    """A copy of facts that notes what is read of it, but for comparisons of the whole."""
    kind = type(value)

    class Watched(kind):
        __slots__ = ()
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            return self is other

        def __getattribute__(self, name: str) -> Any:
            if (kind, name) in FACTS:
                read.add((kind, name))
            return super().__getattribute__(name)

    given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return Watched(
        **{
            name: watched(it, read) if dataclasses.is_dataclass(it) else it
            for name, it in given.items()
        }
    )


def watched_cluster(cluster: Cluster, read: set[tuple[type, str]]) -> Cluster:
    return replace(cluster, network=watched(cluster.network, read))


def watched_connections(read: set[tuple[type, str]]) -> Iterator[Connection]:
    for each in variations():
        client, server = each.client, each.server
        if isinstance(client, ComponentClient):
            client = replace(client, cluster=watched_cluster(client.cluster, read))
        if isinstance(server, ComponentServer):
            server = replace(server, cluster=watched_cluster(server.cluster, read))
        yield replace(each, client=client, server=server)


def use(connection: Connection) -> None:
    """All that carriers, the set-up and the list of connections make of a connection."""
    client, server = connection.client, connection.server
    if isinstance(client, ComponentClient) and isinstance(server, ComponentServer):
        case_between(client.cluster, server.cluster)
    for carrier in discovery.carriers().values():
        carrier.meets(connection)
        carrier.missing(connection)
        carrier.address(connection)
        for unit in sides(connection):
            list(carrier.server_objects(unit))
            list(carrier.client_objects(unit))
    if isinstance(server, ComponentServer):
        list(cluster_policies(Tenant("shop", "shop"), server.cluster.network))
        part = Component("payment", ComponentSource("manifests", ""))
        application = Application("store", "shop", (part,), connectivity=(connection.intent,))
        clusters = {server.cluster.name: server.cluster}
        links(application, Places([Unit("payment", server.cluster.name)], (), clusters, {}))


@pytest.fixture(scope="module")
def read() -> set[tuple[type, str]]:
    found: set[tuple[type, str]] = set()
    for each in watched_connections(found):
        use(each)
    return found


@pytest.mark.parametrize(("kind", "field"), FACTS, ids=lambda it: getattr(it, "__name__", it))
def test_every_fact_is_read(read: set[tuple[type, str]], kind: type, field: str) -> None:
    assert (kind, field) in read


def outcome(network: Network) -> list[object]:
    """What is derived for a pair in one cluster and for a call to a host, and the set-up."""
    found: list[object] = [*cluster_policies(Tenant("shop", "shop"), network)]
    known = connections()
    for each in (known["same cluster"], known["host"]):
        client, server = each.client, each.server
        assert isinstance(client, ComponentClient)
        client = replace(client, cluster=replace(client.cluster, network=network))
        if isinstance(server, ComponentServer):
            server = replace(server, cluster=client.cluster)
        for unit in sides(replace(each, client=client, server=server)):
            for carrier in discovery.carriers().values():
                found += (it.item for it in carrier.server_objects(unit))
                found += (it.item for it in carrier.client_objects(unit))
    return found


@pytest.mark.parametrize(("field", "value"), VALUES)
def test_every_value_has_an_effect(field: str, value: object) -> None:
    changed: dict[str, Any] = {field: value}

    assert outcome(Network(**changed)) != outcome(Network())
