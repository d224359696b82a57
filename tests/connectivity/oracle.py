"""May a pod, or somebody outside, reach a Service or a pod? By a name, or by any way at all.

Sources: Kubernetes, "DNS for Services and Pods" and "Service" (ExternalName, EndpointSlices of
Services without selector); KEP-1645 (a ServiceExport of a namespace and name exports the Service
of that name; `<service>.<namespace>.svc.clusterset.local` in every cluster of the ClusterSet);
Istio, "Install Multi-Primary on different networks" (services of one mesh are reached through the
east-west gateway of the other network, with AUTO_PASSTHROUGH) and istio/api,
`networking/v1alpha3/service_entry.proto`, `destination_rule.proto`.
"""

from collections.abc import Iterator
from typing import TypeAlias

from tests.connectivity.fleet import (
    HBONE,
    Cluster,
    Fleet,
    GatewayFacts,
    Pod,
    is_headless,
    routable,
    same_mesh,
)
from tests.connectivity.gateways import (
    Arrival,
    Way,
    exported,
    mesh_routes,
    service_of,
    ways,
)
from tests.connectivity.istio_security import (
    Connection,
    Identity,
    accepts_certificate,
    attached_policies,
    authorized,
    identity_of,
    workload_policies,
)
from tests.connectivity.linkerd import mirror_name, mirrored
from tests.connectivity.mesh import (
    USE_WAYPOINT,
    Hop,
    delivers,
    identity_towards,
    proxy_of,
    source_is_ready,
)
from tests.connectivity.packets import Packet, arrives, resolves_names
from tests.connectivity.selectors import Json, host_matches
from tests.connectivity.traffic import Party, Request

End: TypeAlias = tuple[Pod, int]
"""A pod and its port."""

NODE = "192.168.0.1"
SET_DOMAIN = ".svc.clusterset.local"
DOMAIN = ".svc.cluster.local"


def call(fleet: Fleet, client: Pod, host: str, port: int, request: Request) -> set[Pod]:
    """The pods that a request to this name and port can end at."""
    return {pod for pod, _ in _ends(fleet, client, host, port, request)}


def reaches(fleet: Fleet, client: Pod, target: Pod, number: int, request: Request) -> bool:
    """Whether a client reaches the port of a pod by any address, Service, host or gateway."""
    cluster, other = fleet[client.cluster], fleet[target.cluster]
    if not _may_start(fleet, client):
        return False
    direct = Hop(Party(client), _by_address(fleet, client, target), target, number, request)
    if routable(cluster, other) and delivers(fleet, direct):
        return True
    return any(
        (target, number) in _ends(fleet, client, host, port, request)
        for host, port in _names_of(cluster, other, target, number)
    ) or any(
        (target, number) in set(_to_address(fleet, client, address, arrival, None))
        for address, arrival in _balanced(other, request)
    )


def _balanced(cluster: Cluster, request: Request) -> Iterator[tuple[str, Arrival]]:
    """Every address and port of the load balancers of a cluster."""
    for service in cluster.of("Service"):
        for address in balancer_addresses(service):
            for port in service["spec"]["ports"]:
                yield address, Arrival(port["port"], address, request, "plain")


def enters(
    fleet: Fleet, cluster: Cluster, address: str, port: int, arrival: tuple[str, str, Request]
) -> set[Pod]:
    """The pods that somebody outside reaches through the ingress gateway of a cluster.

    `arrival`: the host asked for, plain, tls or mutual, and the request.
    """
    gateway, (host, tls, request) = cluster.facts.ingress, arrival
    if gateway is None:
        return set()
    came = Arrival(port, host, request, tls)
    connection = Connection(None, address, port, request)
    return {pod for pod, _ in _at_gateway(fleet, cluster, gateway, came, connection)}


def leaves(fleet: Fleet, client: Pod, host: str, port: int, transport: str = "TCP") -> bool:
    """Whether a pod reaches a host, or an address, outside of the fleet."""
    literal = host.replace(".", "").isdigit() or ":" in host
    names = frozenset() if literal else frozenset({host})
    outside = Party(address=host if literal else "198.18.0.7", names=names)
    return (
        _may_start(fleet, client)
        and (literal or resolves_names(fleet, fleet[client.cluster], Party(client)))
        and arrives(fleet, Packet(Party(client), outside, port, transport))
    )


def _may_start(fleet: Fleet, client: Pod) -> bool:
    return source_is_ready(fleet, client)


def _answers(cluster: Cluster) -> bool:
    """Whether proxies answer for names that the DNS of the cluster does not know.

    Istio, "DNS Proxying": sidecars if it is switched on; ztunnel by itself.
    """
    return cluster.facts.dns_capture or cluster.facts.mesh == "istio-ambient"


def _by_address(fleet: Fleet, client: Pod, target: Pod) -> Identity | None:
    """Sidecars pass requests to bare addresses on as they are; ztunnel knows all pods of its mesh.

    Istio, "Traffic routing" (PassthroughCluster); ztunnel, `ARCHITECTURE.md` (by address).
    """
    cluster, other = fleet[client.cluster], fleet[target.cluster]
    known = proxy_of(cluster, client) == "ambient" and same_mesh(cluster, other)
    tunnel = known and proxy_of(other, target) in {"ambient", "sidecar"}
    return identity_of(cluster, client) if tunnel else None


def _names_of(
    cluster: Cluster, other: Cluster, target: Pod, number: int
) -> Iterator[tuple[str, int]]:
    """Every name and port under which a client might find the pod's port."""
    for service in other.of("Service"):
        stem, found = _stem(service), set[int]()
        for port in service["spec"].get("ports") or []:
            if (target, number) in other.endpoints(service, port["port"], by_gateway=True):
                found |= {port["port"], number} if is_headless(service) else {port["port"]}
        for each in sorted(found):
            yield mirror_name(service, other) + DOMAIN, each
            yield stem + DOMAIN, each
            yield stem + SET_DOMAIN, each
    yield from _own_names(cluster)


def _own_names(cluster: Cluster) -> Iterator[tuple[str, int]]:
    """The names that the client's cluster has for others."""
    for entry in cluster.of("ServiceEntry.networking.istio.io"):
        for host in entry["spec"]["hosts"]:
            for port in entry["spec"].get("ports") or []:
                yield host, port["number"]
    for service in cluster.of("Service"):
        if not service["spec"].get("selector"):
            for port in service["spec"].get("ports") or []:
                yield _stem(service) + DOMAIN, port["port"]


def _stem(service: Json) -> str:
    return f"{service['metadata']['name']}.{service['metadata']['namespace']}"


def _ends(fleet: Fleet, client: Pod, host: str, port: int, request: Request) -> Iterator[End]:
    cluster = fleet[client.cluster]
    if not _may_start(fleet, client) or not resolves_names(fleet, cluster, Party(client)):
        return
    request = Request(request.protocol, request.method, request.path, request.host or host)
    if proxy_of(cluster, client) == "sidecar":
        routes = mesh_routes(cluster, client.namespace, Arrival(port, host, request, "plain"))
        if routes is not None:
            for goal, number in routes:
                yield from _at_host(fleet, client, goal, number or port, request)
            return
    yield from _at_host(fleet, client, host, port, request)


def _at_host(fleet: Fleet, client: Pod, host: str, port: int, request: Request) -> Iterator[End]:
    """A name as proxies and DNS know it, without routes of the mesh."""
    cluster = fleet[client.cluster]
    if proxy_of(cluster, client) in {"sidecar", "ambient"} and _answers(cluster):
        entries = list(_entries(cluster, client, host, port))
        if entries:
            for entry in entries:
                yield from _by_entry(fleet, client, entry, port, request)
            return
    if host.endswith(SET_DOMAIN):
        yield from _in_set(fleet, client, host, port, request)
        return
    named = service_of(host, client.namespace)
    if named is not None:
        yield from _by_mirror(fleet, client, named, port, request)
        yield from _in_mesh(fleet, client, named, port, request)
        service = cluster.service(*named)
        if service is not None and not service["spec"].get("selector"):
            yield from _by_slices(fleet, client, service, port, request)


def _in_mesh(
    fleet: Fleet, client: Pod, named: tuple[str, str], port: int, request: Request
) -> Iterator[End]:
    """A Service by its name: of this cluster, and of the others of the mesh."""
    cluster, mine = fleet[client.cluster], proxy_of(fleet[client.cluster], client)
    if cluster.service(*named) is None and not (_answers(cluster) and mine != "plain"):
        return
    host = f"{named[1]}.{named[0]}{DOMAIN}"
    rule = _tls_rule(cluster, client, host, port)
    for other in fleet.values():
        service = other.service(*named)
        if service is None or (
            other is not cluster and (mine == "plain" or not same_mesh(cluster, other))
        ):
            continue
        flat = other is cluster or bool(cluster.facts.network == other.facts.network != "")
        for target, number in other.endpoints(service, port):
            identity = identity_towards(fleet, client, (target, number), rule=rule)
            hop = Hop(Party(client), identity, target, number, request, service, port)
            if flat and delivers(fleet, hop):
                yield target, number
        gateway = other.facts.east_west
        if not flat and gateway is not None and mine == "ambient":
            yield from _in_tunnel(fleet, client, (other, gateway), (service, port, request))
        if not flat and gateway is not None and mine == "sidecar":
            sni = f"outbound_.{port}_._.{host}"
            arrival = Arrival(gateway.port, sni, request, "mutual")
            own = identity_of(cluster, client)
            yield from _to_gateway(fleet, client, (other, gateway), arrival, own)


def _by_mirror(
    fleet: Fleet, client: Pod, named: tuple[str, str], port: int, request: Request
) -> Iterator[End]:
    """A mirror of Linkerd: through the gateway of its cluster, which calls the pods."""
    for other, service in mirrored(fleet, client, named):
        gateway = other.facts.east_west
        if gateway is None:
            continue
        outside = Party(address=gateway.address, names=frozenset({gateway.address}))
        if arrives(fleet, Packet(Party(client), outside, gateway.port)):
            source = Party(_pod_of(other, gateway))
            for target, number in other.endpoints(service, port):
                if delivers(fleet, Hop(source, None, target, number, request, service, port)):
                    yield target, number


def _in_tunnel(
    fleet: Fleet,
    client: Pod,
    to: tuple[Cluster, GatewayFacts],
    asked: tuple[Json, int, Request],
) -> Iterator[End]:
    """Through the east-west gateway of an ambient network: a tunnel within a tunnel.

    Istio, "Install ambient multi-primary on different networks": only Services marked as global;
    istio/istio, `buildWaypointForwardInnerConnect`: the gateway passes the inner tunnel on, to the
    pods of its network or their waypoint, which see the client's identity. Headless Services have
    no address that ztunnel could take for them.
    """
    (other, gateway), (service, port, request) = to, asked
    labels = service["metadata"].get("labels") or {}
    if labels.get("istio.io/global") != "true" or is_headless(service):
        return
    outside = Party(address=gateway.address, names=frozenset({gateway.address}))
    if gateway.port != HBONE or not arrives(fleet, Packet(Party(client), outside, HBONE)):
        return
    pod = _pod_of(other, gateway)
    identity = identity_of(fleet[client.cluster], client)
    for target, number in other.endpoints(service, port):
        hop = Hop(Party(pod), identity, target, number, request, service, port, nested=True)
        if proxy_of(other, target) == "ambient" and delivers(fleet, hop):
            yield target, number


def _pod_of(cluster: Cluster, gateway: GatewayFacts) -> Pod:
    return next(it for it in cluster.pods if it.platform and it.labels == dict(gateway.labels))


def _in_set(fleet: Fleet, client: Pod, host: str, port: int, request: Request) -> Iterator[End]:
    """A Service exported in the ClusterSet; Istio does not know the name: plain text."""
    cluster = fleet[client.cluster]
    name, _, namespace = host.removesuffix(SET_DOMAIN).partition(".")
    for other in fleet.values():
        exports = [
            each
            for each in other.of("ServiceExport.multicluster.x-k8s.io")
            if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, name)
        ]
        service = other.service(namespace, name)
        in_set = cluster.facts.cluster_set and cluster.facts.cluster_set == other.facts.cluster_set
        if not exports or service is None or not in_set:
            continue
        for target, number in other.endpoints(service, port):
            if delivers(fleet, Hop(Party(client), None, target, number, request)):
                yield target, number


def _by_slices(
    fleet: Fleet, client: Pod, service: Json, port: int, request: Request
) -> Iterator[End]:
    """A Service without selector: to the addresses of its EndpointSlices, or its external name."""
    cluster, metadata = fleet[client.cluster], service["metadata"]
    external = service["spec"].get("externalName")
    goals = [(external, port)] if external else []
    ports = {it.get("name", ""): it["port"] for it in service["spec"].get("ports") or []}
    for each in cluster.of("EndpointSlice.discovery.k8s.io"):
        labels = each["metadata"].get("labels") or {}
        own = labels.get("kubernetes.io/service-name") == metadata["name"]
        if own and each["metadata"]["namespace"] == metadata["namespace"]:
            numbers = [it["port"] for it in each["ports"] if ports.get(it.get("name", "")) == port]
            addresses = [it for point in each["endpoints"] for it in point["addresses"]]
            goals += [(address, number) for address in addresses for number in numbers]
    for address, number in goals:
        tls = "tls" if request.protocol == "TLS" else "plain"
        arrival = Arrival(number, request.host, request, tls)
        yield from _to_address(fleet, client, address, arrival, None)


def _entries(cluster: Cluster, client: Pod, host: str, port: int) -> Iterator[Json]:
    for entry in cluster.of("ServiceEntry.networking.istio.io"):
        spec = entry["spec"]
        if (
            any(host_matches(each, host) for each in spec["hosts"])
            and any(each["number"] == port for each in spec.get("ports") or [])
            and exported(entry, client.namespace)
        ):
            yield entry


def _by_entry(fleet: Fleet, client: Pod, entry: Json, port: int, request: Request) -> Iterator[End]:
    """To every endpoint of a ServiceEntry, with the TLS that the DestinationRule states."""
    cluster, spec, host = fleet[client.cluster], entry["spec"], request.host
    stated = next(each for each in spec["ports"] if each["number"] == port)
    labels = entry["metadata"].get("labels") or {}
    l7 = proxy_of(cluster, client) == "sidecar" or USE_WAYPOINT in labels
    rule = _tls_rule(cluster, client, host, port) if l7 else None
    for endpoint in spec.get("endpoints") or []:
        number = (endpoint.get("ports") or {}).get(stated["name"], stated.get("targetPort", port))
        mode = (rule or {}).get("mode")
        auto = (endpoint.get("labels") or {}).get("security.istio.io/tlsMode") == "istio"
        mutual = mode in {"ISTIO_MUTUAL", "MUTUAL"} or (l7 and mode is None and auto)
        tls = (
            "mutual"
            if mutual
            else "tls"
            if mode == "SIMPLE" or stated["protocol"] == "TLS"
            else "plain"
        )
        sni = (rule or {}).get("sni") or (f"outbound_.{port}_._.{host}" if mutual else host)
        name = host if tls == "plain" else sni
        arrival = Arrival(number, name, request, tls)
        identity = identity_of(cluster, client) if mutual else None
        yield from _to_address(fleet, client, endpoint["address"], arrival, identity)


def _to_address(
    fleet: Fleet, client: Pod, address: str, arrival: Arrival, identity: Identity | None
) -> Iterator[End]:
    """To whatever of the fleet has this address: a gateway, or a pod where pods are routable."""
    for other in fleet.values():
        for gateway in (other.facts.east_west, other.facts.ingress):
            if gateway is not None and gateway.address == address:
                yield from _to_gateway(fleet, client, (other, gateway), arrival, identity)
        for pod in other.pods:
            if pod.ip == address and routable(fleet[client.cluster], other):
                hop = Hop(Party(client), identity, pod, arrival.port, arrival.request)
                if delivers(fleet, hop):
                    yield pod, arrival.port
        for service in other.of("Service"):
            if address in balancer_addresses(service):
                yield from _to_balancer(fleet, client, (other, service, address), arrival)


def _to_balancer(
    fleet: Fleet, client: Pod, to: tuple[Cluster, Json, str], arrival: Arrival
) -> Iterator[End]:
    """Out of the client's cluster, through a load balancer, to the pods of its Service.

    Kubernetes, "Preserving the client source IP": pods see a node, unless the policy is `Local`.
    """
    other, service, address = to
    outside = Party(address=address)
    transport = "UDP" if arrival.request.protocol == "UDP" else "TCP"
    if arrives(fleet, Packet(Party(client), outside, arrival.port, transport)):
        kept = service["spec"].get("externalTrafficPolicy") == "Local"
        source = Party(address=client.ip if kept else NODE)
        for target, number in other.endpoints(service, arrival.port):
            if delivers(fleet, Hop(source, None, target, number, arrival.request)):
                yield target, number


def balancer_addresses(service: Json) -> list[str]:
    """The addresses of a load balancer (Kubernetes API, `LoadBalancerIngress`)."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return [each["ip"] for each in balancer.get("ingress") or []]


def _to_gateway(
    fleet: Fleet,
    client: Pod,
    to: tuple[Cluster, GatewayFacts],
    arrival: Arrival,
    identity: Identity | None,
) -> Iterator[End]:
    """Out of the client's cluster, to the address of a gateway; then on by what it says."""
    other, gateway = to
    outside = Party(address=gateway.address, names=frozenset({gateway.address}))
    if arrives(fleet, Packet(Party(client), outside, arrival.port)):
        connection = Connection(identity, client.ip, arrival.port, arrival.request)
        yield from _at_gateway(fleet, other, gateway, arrival, connection)


def _at_gateway(
    fleet: Fleet, cluster: Cluster, gateway: GatewayFacts, arrival: Arrival, connection: Connection
) -> Iterator[End]:
    pod = _pod_of(cluster, gateway)
    for way in ways(cluster, gateway, arrival):
        if not way.through and not _passes(cluster, pod, way, arrival, connection):
            continue
        service = cluster.service(way.namespace, way.service)
        if service is None:
            continue
        for target, number in cluster.endpoints(service, way.port, by_gateway=True):
            if way.through:
                identity = connection.identity
            else:
                rule = _tls_rule(cluster, pod, f"{way.service}.{way.namespace}{DOMAIN}", way.port)
                identity = identity_towards(fleet, pod, (target, number), rule=rule)
            hop = Hop(
                Party(pod),
                identity,
                target,
                number,
                arrival.request,
                service,
                way.port,
                way.through,
                remote="" if way.through or not arrival.request.is_http else connection.ip,
            )
            if delivers(fleet, hop):
                yield target, number


def _passes(cluster: Cluster, pod: Pod, way: Way, arrival: Arrival, connection: Connection) -> bool:
    """What a gateway that ends the client's TLS says: its certificate check, and its policies."""
    identity = connection.identity
    if arrival.tls == "mutual" and (identity is None or not accepts_certificate(cluster, identity)):
        return False
    policies = [
        *workload_policies(cluster, pod),
        *attached_policies(cluster, way.gateway[0], [("Gateway", way.gateway[1])]),
    ]
    return authorized(cluster, policies, connection)


def _tls_rule(cluster: Cluster, client: Pod, host: str, port: int) -> Json | None:
    """The `tls` of the DestinationRule for a host and port: the client's namespace first.

    istio/api, `destination_rule.proto` (`portLevelSettings` override), and Istio, "Configuration
    Scoping": client's namespace, then the service's, then the root's.
    """
    named = service_of(host, client.namespace) if host.endswith(DOMAIN) else None
    spaces = [client.namespace, named[0] if named else "", "istio-system"]
    for rank in range(3):
        for each in cluster.of("DestinationRule.networking.istio.io"):
            own, spec = each["metadata"]["namespace"], each["spec"]
            wanted = spec["host"]
            full = service_of(wanted, own)
            same = host_matches(wanted, host) or (named is not None and full == named)
            at_rank = own == spaces[rank] or (rank == 1 and named is None)
            if at_rank and same and exported(each, client.namespace):
                policy = spec.get("trafficPolicy") or {}
                for level in policy.get("portLevelSettings") or []:
                    if level["port"]["number"] == port:
                        return level.get("tls") or {}
                return policy.get("tls")
    return None
