"""A shop whose cart calls its payment, on clusters with whatever networks a test gives them."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.engine.propose import Proposal
from planners.connect import Case, case_between
from planners.model import Cluster, Tenant, Unit
from planners.model.connectivity import Callee, Caller, ConnectivityIntent, Protocol
from planners.model.network import EgressEngine, Gateway, Ingress, Mesh, Network
from renderers import yaml
from renderers.connections import (
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    HostServer,
    NamespaceClient,
    PodSet,
    RangeClient,
    RangeServer,
    ServicePort,
)
from tests.fakes.builders import DEPLOY
from tests.fakes.folders import application, cluster, deployment, planned, registration, tenant

CALL = "{from: {component: cart}, to: {component: payment}}"
TENANT = "namespace: shop, deploy: local:fleet/deploy, hosts: [shop.example.com]"


def service(name: str, ports: str = "{port: 80, targetPort: 8080}", extra: str = "") -> str:
    """A Service in front of the Deployment of that name."""
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
        f"spec: {{selector: {{app: {name}}}, ports: [{ports}]{extra}}}\n"
    )


def shop(
    connectivity: str = CALL, where: Mapping[str, Sequence[str]] | None = None, more: str = ""
) -> dict[str, str]:
    """The app repo: `where` has the clusters of `cart` and of `payment`; default: eu-1."""
    where = where or {"cart": ["eu-1"], "payment": ["eu-1"]}
    components = "".join(f"  - {{name: {n}, source: {{manifests: deploy/{n}}}}}\n" for n in where)
    placement = "".join(
        f"  - {{components: [{name}], allOf: [{{names: [{', '.join(names)}]}}]}}\n"
        for name, names in where.items()
    )
    intents = f"connectivity: [{connectivity}]\n" if connectivity else ""
    spec = f"components:\n{components}placement:\n{placement}{intents}{textwrap.dedent(more)}"
    files = application(spec)
    for name in where:
        files[f"deploy/{name}/deployment.yaml"] = deployment(name)
        files[f"deploy/{name}/service.yaml"] = service(name)
    return files


def fleet(*clusters: Mapping[str, str], tenants: str = TENANT) -> dict[str, str]:
    """A fleet repo with these clusters; default: eu-1 and eu-2 without network facts."""
    found: dict[str, str] = {}
    for each in clusters or (cluster("eu-1"), cluster("eu-2")):
        found |= each
    return found | tenant(spec=tenants) | registration()


def objects(proposal: Proposal, component: str, where: str) -> dict[str, Any]:
    """The rendered objects of a unit by `Kind/name`."""
    assert not proposal.problems, proposal.problems
    found = {}
    for path, blob in proposal.files[Unit(component, where)].items():
        if "/apps/" in path:
            item: Any = yaml.load_documents(proposal.contents[blob])[0].value
            found[f"{item['kind']}/{item['metadata']['name']}"] = item
    return found


def problems(folder: Path, app: Mapping[str, str], repo: Mapping[str, str]) -> list[str]:
    """What is wrong with a plan."""
    return [str(each) for each in planned(folder, app, repo).problems]


FULL = Network(
    east_west=Gateway("198.51.100.7", 15443, "istio-system"),
    ingress=Ingress("203.0.113.9", "ingress", "istio", (("istio", "ingressgateway"),)),
    pod_ranges=("10.0.0.0/16",),
    gateway_api=True,
)


def full(
    name: str,
    mesh: Mesh = Mesh.NONE,
    mesh_id: str = "",
    cluster_set: str = "",
    egress: EgressEngine = EgressEngine.NONE,
) -> Cluster:
    """A cluster with every fact that does not depend on its mesh."""
    network = Network(
        mesh=mesh,
        mesh_id=mesh_id,
        name=name,
        east_west=FULL.east_west,
        ingress=FULL.ingress,
        cluster_set=cluster_set,
        pod_ranges=FULL.pod_ranges,
        egress=egress,
        gateway_api=True,
    )
    return Cluster(name, "flux", network=network)


PAIRS: Mapping[str, tuple[Cluster, Cluster]] = {
    "same cluster": (full("eu-1"), full("eu-1")),
    "same cluster, Istio": (full("eu-1", Mesh.ISTIO), full("eu-1", Mesh.ISTIO)),
    "same cluster, ambient": (
        full("eu-1", Mesh.ISTIO_AMBIENT),
        full("eu-1", Mesh.ISTIO_AMBIENT),
    ),
    "one mesh": (full("eu-2", Mesh.ISTIO, "m"), full("eu-1", Mesh.ISTIO, "m")),
    "separate meshes": (full("eu-2", Mesh.ISTIO, "a"), full("eu-1", Mesh.ISTIO, "b")),
    "ClusterSet": (full("eu-2", cluster_set="s"), full("eu-1", cluster_set="s")),
    "Linkerd": (full("eu-2", Mesh.LINKERD), full("eu-1", Mesh.LINKERD)),
    "apart": (full("eu-2"), full("eu-1")),
}
"""The clusters of a client and of a server, for every way between them."""


def intent(**fields: Any) -> ConnectivityIntent:
    """Cart calls payment by HTTP."""
    given = {
        "caller": Caller("cart"),
        "callee": Callee("payment", protocol=Protocol.HTTP),
    }
    return ConnectivityIntent(**{**given, **fields})


def connections() -> dict[str, Connection]:
    """One connection for each way, and for each kind of client and server."""
    found: dict[str, Connection] = {}
    for name, (client, server) in PAIRS.items():
        case = case_between(client, server)
        sides = _client(client), _server(server)
        found[name] = Connection(intent(), case, *sides)
    apart = found["apart"]
    balanced = _server(PAIRS["apart"][1])
    balanced = replace(balanced, service=replace(balanced.service, exposed=True))
    found["apart, exposed"] = replace(apart, server=balanced)
    found["apart, reported"] = replace(
        apart, server=replace(balanced, addresses=("192.0.2.10", "2001:db8::1"))
    )
    here = full("eu-1", Mesh.ISTIO)
    by_namespace = intent(caller=Caller(namespace="monitoring"))
    found["namespace"] = Connection(
        by_namespace, Case.SAME_CLUSTER, NamespaceClient("monitoring"), _server(here)
    )
    by_range = intent(caller=Caller(cidr="0.0.0.0/0"))
    found["network"] = Connection(by_range, Case.OUTSIDE, RangeClient("0.0.0.0/0"), _server(here))
    to_host = intent(callee=Callee(host="api.example.com", port="443", protocol=Protocol.TLS))
    found["host"] = Connection(
        to_host, Case.EGRESS, _client(here), HostServer("api.example.com", 443)
    )
    named = full("eu-1", egress=EgressEngine.CILIUM)
    found["host, Cilium"] = Connection(
        to_host, Case.EGRESS, _client(named), HostServer("api.example.com", 443)
    )
    firewall = full("eu-1", egress=EgressEngine.OVN)
    found["host, OVN"] = Connection(
        to_host, Case.EGRESS, _client(firewall), HostServer("api.example.com", 443)
    )
    to_range = intent(callee=Callee(cidr="192.0.2.0/24", port="5432"))
    found["range"] = Connection(
        to_range, Case.EGRESS, _client(here), RangeServer("192.0.2.0/24", 5432)
    )
    return found


def sides(connection: Connection) -> list[ConnectedUnit]:
    """The units on both sides of a connection, each with its part of it."""
    own = Tenant("shop", "shop", deploy=DEPLOY, hosts=("shop.example.com",))
    found = []
    for side, serves, calls in (
        (connection.server, (connection,), ()),
        (connection.client, (), (connection,)),
    ):
        if isinstance(side, ComponentServer | ComponentClient):
            found.append(ConnectedUnit(side.unit, side.cluster, own, "store", (), serves, calls))
    return found


def _client(where: Cluster) -> ComponentClient:
    pods = PodSet("cart", "shop", (("app", "cart"),), "cart")
    return ComponentClient(Unit("cart", where.name), where, (pods,))


def _server(where: Cluster) -> ComponentServer:
    pods = PodSet("payment", "shop", (("app", "payment"),), "payment")
    port = ServicePort("payment", "shop", (("app", "payment"),), 80, "http", "TCP", (8080,))
    return ComponentServer(Unit("payment", where.name), where, port, (pods,))
