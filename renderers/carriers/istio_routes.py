"""Ways from cluster to cluster in meshes of Istio: within one mesh, and across separate meshes.

In one mesh, each control plane knows the Services of all clusters, and leads to the east-west
gateway of another network; a Service of an ambient mesh must be marked as global. Across meshes,
the server's gateway passes the encrypted connection on to the pods (so that these see who calls),
and the client gets an entry with the gateways of all clusters of the server.

Sources: Istio documentation, "Install Multi-Primary on different networks", "Install ambient
multicluster" (`istio.io/global`), "DNS Proxying" (sidecars and ztunnel answer for Services of other
clusters and for entries, whose addresses are allocated), "Locality failover" (needs outlier
detection; `failoverPriority` by `topology.istio.io/cluster`); istio/api,
`networking/v1alpha3/gateway.proto` (AUTO_PASSTHROUGH takes the Service from the SNI),
`service_entry.proto`, `destination_rule.proto`; istio/istio, `builtAutoPassthroughFilterChains`
(only connections with the ALPN of Istio's own mTLS, to Services that `hosts` name).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from planners.connect import Case
from planners.model import Cluster, Json
from planners.model.connectivity import ConnectivityIntent, Protocol, TlsMode
from planners.model.network import Mesh
from renderers.carriers import Carrier
from renderers.carriers._istio import CalledService, called_services, is_direct, meshed_server
from renderers.connections import (
    Address,
    ComponentClient,
    ComponentServer,
    ConnectedUnit,
    Connection,
    DerivedObject,
    Need,
    ServicePort,
    service_address,
)
from renderers.kubernetes.fields import mapping

_API = "networking.istio.io/v1"
_REGION, _ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_ONE_NETWORK = (
    "clusters of one ambient mesh must have networks of their own: Istio has no other ambient mesh "
    "of several clusters (`spec.network.network`)"
)
_SPOKEN = {Protocol.HTTP: "HTTP", Protocol.GRPC: "GRPC"}


@dataclass(frozen=True, slots=True)
class IstioRoutes:
    """Leads callers to servers in other clusters."""

    name: str = "istio-routes"
    summary: str = (
        "Istio, across clusters: `istio.io/global` in one ambient mesh; across separate meshes a "
        "Gateway for the server, and a ServiceEntry and DestinationRule for the client."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """A route where both clusters have meshes that reach each other."""
        if not connection.case.crosses or self._lack(connection):
            return frozenset()
        return frozenset({Need.ROUTE})

    def missing(self, connection: Connection) -> str:
        """Which fact is missing between two meshes of Istio."""
        is_ours = isinstance(connection.server, ComponentServer) and (
            connection.server.cluster.network.mesh.is_istio
        )
        meshes = {Case.ONE_MESH, Case.SEPARATE_MESHES}
        return self._lack(connection) if is_ours and connection.case in meshes else ""

    def address(self, connection: Connection) -> Address | None:
        """The Service's own name in one mesh; that of the client's entry across meshes."""
        server, client = connection.server, connection.client
        if not isinstance(server, ComponentServer) or Need.ROUTE not in self.meets(connection):
            return None
        if connection.case is Case.ONE_MESH:
            return service_address(server)
        assert isinstance(client, ComponentClient)
        return Address(_host(server.service, client.unit.component), server.service.port)

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """What makes the Services of a unit reachable from other clusters, or keeps calls here."""
        for called in called_services(unit):
            cases = {each.case for each, _ in called.connections if not self._lack(each)}
            if Case.ONE_MESH in cases and called.is_ambient:
                yield DerivedObject(_as_global(called), called.intents)
            if Case.SEPARATE_MESHES in cases:
                yield DerivedObject(_gateway(called), called.intents)
            local = Case.SAME_CLUSTER in cases and unit.cluster.network.mesh_id
            if local and not called.is_ambient and not _has_own_rule(unit, called.service):
                yield DerivedObject(_local_first(called), called.intents)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """An entry for each Service in separate meshes, with all clusters that run it."""
        found: dict[tuple[str, str, str], _Entry] = {}
        for each in unit.calls:
            server, client = each.server, each.client
            if each.case is not Case.SEPARATE_MESHES or self._lack(each):
                continue
            assert isinstance(server, ComponentServer)
            assert isinstance(client, ComponentClient)
            for namespace in {pods.namespace: None for pods in client.pods}:
                key = namespace, server.service.namespace, server.service.service
                entry = found.setdefault(key, _Entry(namespace, unit.unit.component))
                entry.add(each.intent, server)
        for entry in found.values():
            for item in entry.objects():
                yield DerivedObject(item, tuple(entry.intents))

    def _lack(self, connection: Connection) -> str:
        """Why there is no way; empty if there is one, or if none is needed."""
        client, server = connection.client, meshed_server(connection)
        if not connection.case.crosses:
            return ""
        if connection.case not in {Case.ONE_MESH, Case.SEPARATE_MESHES} or server is None:
            return "Istio leads TCP between two of its meshes only"
        assert isinstance(client, ComponentClient)
        ours, theirs = client.cluster.network, server.cluster.network
        kinds = {ours.mesh, theirs.mesh}
        if connection.case is Case.SEPARATE_MESHES and kinds != {Mesh.ISTIO}:
            return "between separate meshes, both clusters must have sidecars (`mesh: istio`)"
        if len(kinds) > 1:
            return "in one mesh, both clusters must have the same `spec.network.mesh`"
        if is_direct(connection):
            return "" if Mesh.ISTIO in kinds else _ONE_NETWORK
        if server.service.headless:
            return "a headless Service is reached within its network only"
        if theirs.east_west is None:
            return f"state `spec.network.eastWest` of cluster {server.cluster.name}"
        if connection.intent.tls is TlsMode.NONE:
            return "gateways between clusters take encrypted connections only: remove `tls: none`"
        return ""


CARRIER: Carrier = IstioRoutes()


@dataclass(slots=True)
class _Entry:
    """What one component needs to call one Service of other meshes."""

    namespace: str
    component: str
    services: dict[int, tuple[ServicePort, Protocol]] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    intents: dict[ConnectivityIntent, None] = field(default_factory=dict)

    def add(self, intent: ConnectivityIntent, server: ComponentServer) -> None:
        """Add a cluster that runs the server."""
        self.services[server.service.port] = server.service, intent.callee.protocol
        self.clusters[server.cluster.name] = server.cluster
        domain = server.cluster.network.trust_domain
        self.identities |= {
            f"spiffe://{domain}/ns/{e.namespace}/sa/{e.account}" for e in server.pods
        }
        self.intents[intent] = None

    def objects(self) -> Iterator[dict[str, Json]]:
        """The entry, and the encryption by which the gateways know the Service."""
        service = next(iter(self.services.values()))[0]
        host = _host(service, self.component)
        metadata: Json = {
            "name": f"connect-{self.component}-to-{service.service}",
            "namespace": self.namespace,
        }
        gateways = [e.network.east_west for e in self._clusters() if e.network.east_west]
        ports = sorted(self.services.items())
        yield {
            "apiVersion": _API,
            "kind": "ServiceEntry",
            "metadata": metadata,
            "spec": {
                "hosts": [host],
                "exportTo": ["."],
                "location": "MESH_INTERNAL",
                "resolution": "STATIC" if all(each.has_ip for each in gateways) else "DNS",
                "ports": [
                    {"number": n, "name": _port_name(n, spoken), "protocol": _protocol(spoken)}
                    for n, (_, spoken) in ports
                ],
                "endpoints": [self._endpoint(each) for each in self._clusters()],
                "subjectAltNames": [*sorted(self.identities)],
            },
        }
        settings: Json = [
            {"port": {"number": n}, "tls": {"mode": "ISTIO_MUTUAL", "sni": _sni(known)}}
            for n, (known, _) in ports
        ]
        policy: Json = {"portLevelSettings": settings}
        spec: Json = {"host": host, "exportTo": ["."], "trafficPolicy": policy}
        yield {"apiVersion": _API, "kind": "DestinationRule", "metadata": metadata, "spec": spec}

    def _clusters(self) -> list[Cluster]:
        return [self.clusters[name] for name in sorted(self.clusters)]

    def _endpoint(self, cluster: Cluster) -> Json:
        gateway = cluster.network.east_west
        assert gateway is not None
        ports = {_port_name(n, spoken): gateway.port for n, (_, spoken) in self.services.items()}
        endpoint: dict[str, Json] = {
            "address": gateway.address,
            "ports": dict(sorted(ports.items())),
        }
        region, zone = cluster.labels.get(_REGION), cluster.labels.get(_ZONE)
        if region:
            endpoint["locality"] = f"{region}/{zone}" if zone else region
        return endpoint


def _host(service: ServicePort, component: str) -> str:
    """A name that only the calling component has: each has an entry of its own."""
    return f"{service.service}.{service.namespace}.{component}.mesh.internal"


def _port_name(number: int, spoken: Protocol) -> str:
    return f"{_protocol(spoken).lower()}-{number}"


def _protocol(spoken: Protocol) -> str:
    """TLS of the application is passed on as it is, whatever name it asks for."""
    return _SPOKEN.get(spoken, "TCP")


def _sni(service: ServicePort) -> str:
    return f"outbound_.{service.port}_._.{service.full_name}"


def _as_global(called: CalledService) -> dict[str, Json]:
    """Lets other clusters call the Service, and keeps callers of its own network there.

    Istio documentation, "Traffic distribution": PreferClose looks at the network first.
    """
    service = called.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service.service,
            "namespace": service.namespace,
            "labels": {"istio.io/global": "true"},
            "annotations": {"networking.istio.io/traffic-distribution": "PreferClose"},
        },
    }


def _gateway(called: CalledService) -> dict[str, Json]:
    """Opens the east-west gateway for this Service alone."""
    service, gateway = called.service, called.connections[0][1].cluster.network.east_west
    assert gateway is not None
    server: Json = {
        "port": {"number": gateway.port, "name": "tls", "protocol": "TLS"},
        "hosts": [service.full_name],
        "tls": {"mode": "AUTO_PASSTHROUGH"},
    }
    return {
        "apiVersion": _API,
        "kind": "Gateway",
        "metadata": {
            "name": f"connect-meshes-to-{service.service}",
            "namespace": service.namespace,
        },
        "spec": {"selector": dict(gateway.selector), "servers": [server]},
    }


def _local_first(called: CalledService) -> dict[str, Json]:
    """Keeps callers of this cluster here: the mesh would spread their calls over all clusters."""
    service = called.service
    locality: Json = {"enabled": True, "failoverPriority": ["topology.istio.io/cluster"]}
    never: Json = {"consecutive5xxErrors": 0}
    policy: Json = {"loadBalancer": {"localityLbSetting": locality}, "outlierDetection": never}
    return {
        "apiVersion": _API,
        "kind": "DestinationRule",
        "metadata": {"name": f"connect-to-{service.service}", "namespace": service.namespace},
        "spec": {"host": service.full_name, "trafficPolicy": policy},
    }


def _has_own_rule(unit: ConnectedUnit, service: ServicePort) -> bool:
    """Whether the unit has a DestinationRule for the Service: only one of them would count."""
    names = {service.service, service.full_name, f"{service.service}.{service.namespace}"}
    return any(
        each.get("kind") == "DestinationRule" and mapping(each.get("spec")).get("host") in names
        for each in unit.objects
    )
