"""The last stretch: from a party to a pod that it can address, through the proxies of both.

Sources: Istio, "Installing the Sidecar" and "Add workloads to the mesh" (the labels that enrol
pods); "Understanding TLS configuration" (auto mTLS: mTLS to workloads of the mesh, plain text to
others and to addresses that no Service is behind; DestinationRules override it); "Ports used by
Istio" (sidecars and waypoints need istiod on 15012); "Ambient and Kubernetes NetworkPolicy"
(HBONE on 15008); "Use Layer 4 security policy" (behind a waypoint, ztunnel sees its identity);
"Configure waypoint proxies" (`istio.io/use-waypoint` on Service or namespace; by default only
traffic to Services goes through). ztunnel tunnels TCP only; sidecars do not capture UDP.
"""

from dataclasses import dataclass

from tests.connectivity.fleet import (
    HBONE,
    WAYPOINT_CLASS,
    XDS,
    Cluster,
    Fleet,
    Pod,
    is_headless,
    same_mesh,
)
from tests.connectivity.istio_security import (
    Connection,
    Identity,
    accepts_certificate,
    attached_policies,
    authorized,
    class_policies,
    identity_of,
    mtls_mode,
    workload_policies,
)
from tests.connectivity.linkerd import PROXY, gets_identity, is_linkerd, is_meshed
from tests.connectivity.packets import Packet, arrives
from tests.connectivity.selectors import Json
from tests.connectivity.traffic import Party, Request

USE_WAYPOINT = "istio.io/use-waypoint"
HTTP_NAMES = ("http", "http2", "grpc", "grpc-web")


def proxy_of(cluster: Cluster, pod: Pod) -> str:
    """What carries the pod's traffic: sidecar, ambient, linkerd, or plain (nothing)."""
    facts, spaces = cluster.facts, cluster.labels_of(pod.namespace)
    if is_linkerd(cluster):
        return "linkerd"
    if not facts.mesh.startswith("istio"):
        return "plain"
    if pod.platform:
        return "plain" if pod.name in {"coredns", "istiod"} else "gateway"
    if facts.mesh == "istio":
        own = pod.labels.get("sidecar.istio.io/inject")
        space = spaces.get("istio-injection") == "enabled" or "istio.io/rev" in spaces
        if "istio-injection" in spaces:
            space = spaces["istio-injection"] == "enabled"
        elif facts.enrolled:
            space = True
        return "sidecar" if own == "true" or (space and own != "false") else "plain"
    mode = pod.labels.get("istio.io/dataplane-mode", spaces.get("istio.io/dataplane-mode", ""))
    return "ambient" if mode == "ambient" or (facts.enrolled and mode != "none") else "plain"


@dataclass(frozen=True, slots=True)
class Hop:
    """One connection to a port of a pod.

    `identity`: with which certificate, none for plain text; `service`: the one that was asked for,
    if any; `number`: the port of the pod; `tls_kept`: a gateway passes the client's TLS on;
    `nested`: an east-west gateway of ambient meshes passes the client's own tunnel on (ztunnel,
    `build_request_through_gateway`); `remote`: the client's address that a gateway wrote down.
    """

    source: Party
    identity: Identity | None
    target: Pod
    number: int
    request: Request
    service: Json | None = None
    port: int = 0
    tls_kept: bool = False
    nested: bool = False
    remote: str = ""


def source_is_ready(fleet: Fleet, pod: Pod) -> bool:
    """Whether the proxy of the pod gets its certificate and routes from the control plane."""
    cluster = fleet[pod.cluster]
    if is_meshed(fleet, pod):
        return gets_identity(fleet, pod)
    needs = proxy_of(cluster, pod) == "sidecar" or _is_waypoint(pod)
    istiod = Party(cluster.platform_pod("istiod")) if needs else None
    return istiod is None or arrives(fleet, Packet(Party(pod), istiod, XDS))


def _is_waypoint(pod: Pod) -> bool:
    return pod.labels.get("gateway.networking.k8s.io/gateway-class-name") == WAYPOINT_CLASS


def delivers(fleet: Fleet, hop: Hop) -> bool:
    """Whether the hop's request reaches the application in the pod."""
    cluster, target = fleet[hop.target.cluster], hop.target
    proxy = proxy_of(cluster, target)
    if proxy in {"sidecar", "linkerd"} and not source_is_ready(fleet, target):
        return False
    tunnelled = _is_tunnelled(fleet, hop, proxy)
    waypoint = _waypoint(cluster, hop) if tunnelled else None
    if waypoint is not None:
        return _through_waypoint(fleet, cluster, hop, waypoint)
    shown = Request() if tunnelled or hop.identity else hop.request
    port = HBONE if tunnelled else _port(fleet, hop)
    packet = _known(fleet, Packet(hop.source, Party(target), port, _transport(hop), shown))
    return arrives(fleet, packet) and _admitted(cluster, hop, proxy)


def _port(fleet: Fleet, hop: Hop) -> int:
    """The port of the packet, if no tunnel carries it."""
    source = hop.source.pod
    meshed = source is not None and source.cluster == hop.target.cluster
    if meshed and is_meshed(fleet, source) and is_meshed(fleet, hop.target):
        return hop.number if _transport(hop) == "UDP" else PROXY
    return hop.number


def _known(fleet: Fleet, packet: Packet) -> Packet:
    """Both ends with the identities that Cilium's Cluster Mesh shares."""
    pods = packet.source.pod, packet.destination.pod
    meshes = [fleet[pod.cluster].facts.cluster_mesh if pod else "" for pod in pods]
    if pods[0] is None or pods[1] is None or not meshes[0] or meshes[0] != meshes[1]:
        return packet
    source, destination = (Party(pod, cluster_mesh=meshes[0]) for pod in pods)
    return Packet(source, destination, packet.port, packet.transport, packet.request)


def _transport(hop: Hop) -> str:
    return "UDP" if hop.request.protocol == "UDP" else "TCP"


def _is_tunnelled(fleet: Fleet, hop: Hop, proxy: str) -> bool:
    """HBONE is between workloads of one mesh, one of which is ambient."""
    source = hop.source.pod
    if hop.identity is None or source is None or hop.tls_kept or _transport(hop) == "UDP":
        return False
    if hop.nested:
        return True
    return "ambient" in {proxy, proxy_of(fleet[source.cluster], source)}


def _admitted(cluster: Cluster, hop: Hop, proxy: str) -> bool:
    """What the target's own proxy says."""
    if _transport(hop) == "UDP":
        return True
    if proxy in {"plain", "linkerd"}:
        return hop.identity is None
    identity = hop.identity
    mode = mtls_mode(cluster, hop.target, hop.number)
    if identity is None and mode == "STRICT":
        return False
    if identity is not None and not accepts_certificate(cluster, identity):
        return False
    if identity is not None and proxy == "sidecar" and mode == "DISABLE":
        return False
    reads = proxy == "sidecar" and _reads_http(hop)
    connection = Connection(identity, hop.source.ip, hop.number, hop.request, reads, hop.remote)
    return authorized(cluster, workload_policies(cluster, hop.target), connection)


def _reads_http(hop: Hop) -> bool:
    """Whether the proxy takes the port for HTTP.

    Istio, "Protocol Selection": by `appProtocol`, else by the prefix of the port's name, else it
    looks at the traffic.
    """
    if not hop.request.is_http:
        return False
    for each in (hop.service or {}).get("spec", {}).get("ports") or []:
        if each["port"] == hop.port:
            stated = each.get("appProtocol") or (each.get("name") or "").partition("-")[0]
            stated = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http"}.get(stated, stated)
            return stated not in {"tcp", "tls", "https", "mongo", "mysql", "redis", "udp"}
    return True


def _waypoint(cluster: Cluster, hop: Hop) -> Pod | None:
    """The waypoint that ztunnel sends the request through: asked by its Service only.

    Callers of a headless Service ask for the addresses of its pods (ztunnel, `build_request`).
    """
    if hop.service is None or hop.target.cluster != cluster.name or _from_waypoint(hop):
        return None
    if is_headless(hop.service):
        return None
    metadata = hop.service["metadata"]
    labels = {**cluster.labels_of(metadata["namespace"]), **(metadata.get("labels") or {})}
    name = labels.get(USE_WAYPOINT, "none")
    space = labels.get("istio.io/use-waypoint-namespace", metadata["namespace"])
    if proxy_of(cluster, hop.target) != "ambient" or name == "none":
        return None
    return next(
        (
            pod
            for pod in cluster.pods
            if _is_waypoint(pod) and (pod.namespace, pod.name) == (space, name)
        ),
        None,
    )


def _from_waypoint(hop: Hop) -> bool:
    return hop.source.pod is not None and _is_waypoint(hop.source.pod)


def _through_waypoint(fleet: Fleet, cluster: Cluster, hop: Hop, waypoint: Pod) -> bool:
    """To the waypoint, its policies, then on to the pod with the waypoint's identity."""
    assert hop.identity is not None
    assert hop.service is not None
    service = hop.service["metadata"]
    policies = [
        *class_policies(cluster, WAYPOINT_CLASS),
        *attached_policies(cluster, waypoint.namespace, [("Gateway", waypoint.name)]),
        *attached_policies(cluster, service["namespace"], [("Service", service["name"])]),
    ]
    reads = _reads_http(hop)
    connection = Connection(hop.identity, hop.source.ip, hop.port, hop.request, reads)
    onward = Hop(
        Party(waypoint),
        identity_of(cluster, waypoint),
        hop.target,
        hop.number,
        hop.request,
        hop.service,
        hop.port,
    )
    return (
        source_is_ready(fleet, waypoint)
        and accepts_certificate(cluster, hop.identity)
        and arrives(fleet, Packet(hop.source, Party(waypoint), HBONE))
        and authorized(cluster, policies, connection)
        and delivers(fleet, onward)
    )


def identity_towards(
    fleet: Fleet, source: Pod, to: tuple[Pod, int], *, rule: Json | None
) -> Identity | None:
    """The identity that a client shows to a pod behind a Service of its mesh; None: plain text.

    `rule`: the `tls` part of a DestinationRule, if any. Without one, sidecars do as the
    PeerAuthentication of the pod's port says (istio/istio, `mtlsChecker`: DISABLE is plain text);
    ztunnel knows no DISABLE.
    """
    target, number = to
    cluster, other = fleet[source.cluster], fleet[target.cluster]
    mine, theirs = proxy_of(cluster, source), proxy_of(other, target)
    if mine in {"plain", "linkerd"} or not same_mesh(cluster, other):
        return None
    mode = (rule or {}).get("mode")
    sidecars = mine != "ambient" and theirs == "sidecar"
    if sidecars and mode is None and mtls_mode(other, target, number) == "DISABLE":
        return None
    if mine == "ambient" or mode is None:
        return identity_of(cluster, source) if theirs in {"sidecar", "ambient"} else None
    return identity_of(cluster, source) if mode in {"ISTIO_MUTUAL", "MUTUAL"} else None
