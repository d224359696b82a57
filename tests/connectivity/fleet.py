"""The fleet as it stands: clusters with their facts, and what their objects make of them.

A `Pod` stands for every replica of a workload: the rule that a pod cannot block access to itself
(Kubernetes, "Network Policies") therefore does not apply between two of the same name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_network

from tests.connectivity.selectors import Json, selects

WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod"}
ROOT_NAMESPACE = "istio-system"
WAYPOINT_CLASS = "istio-waypoint"
HBONE = 15008
XDS = 15012
DNS = 53


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """A gateway of the platform: its address, where its pods are, and what selects them.

    `port` is where the east-west gateway listens; an ingress gateway listens where objects say.
    """

    address: str
    namespace: str = ROOT_NAMESPACE
    labels: Mapping[str, str] = field(default_factory=dict)
    account: str = "gateway"
    port: int = 15443
    gateway_class: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What no object says: the cluster's mesh, network and engines, and its gateways.

    - `mesh`: istio (sidecars), istio-ambient, linkerd, or none; `enrolled`: namespaces are in the
      mesh without a label (Istio, "Installing the Sidecar": `enableNamespacesByDefault`);
      `dns_capture`: sidecars answer DNS queries ("DNS Proxying").
    - `mesh_id`: clusters with the same one share services (remote secrets); empty: a mesh alone.
    - `network`: clusters with the same one have a flat pod network; empty: a network alone.
    - `sources`: where its pods appear to come from in other clusters.
    - `engines`: cilium, ovn, cluster-network-policy; NetworkPolicies hold everywhere.
    - `cluster_set`: the ClusterSet (MCS API); `cluster_mesh`: that of Cilium's Cluster Mesh.
    - `root`: who signs its workloads' certificates; `trusts`: other roots it accepts.
    """

    mesh: str = "none"
    mesh_id: str = ""
    network: str = ""
    trust_domain: str = "cluster.local"
    aliases: tuple[str, ...] = ()
    enrolled: bool = False
    dns_capture: bool = False
    root: str = "root"
    trusts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("10.0.0.0/16",)
    engines: frozenset[str] = frozenset()
    cluster_set: str = ""
    cluster_mesh: str = ""
    east_west: GatewayFacts | None = None
    ingress: GatewayFacts | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """A port that containers of a pod declare."""

    name: str
    number: int
    transport: str = "TCP"


@dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """The pods of one workload: all alike."""

    cluster: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    ip: str
    account: str = "default"
    ports: tuple[Port, ...] = ()
    platform: bool = False

    def __repr__(self) -> str:
        return f"{self.cluster}/{self.namespace}/{self.name}"

    def number(self, port: int | str, transport: str = "TCP") -> int | None:
        """The number of a port that may be named."""
        if isinstance(port, int) or port.isdigit():
            return int(port)
        numbers = (
            each.number for each in self.ports if each.name == port and each.transport == transport
        )
        return next(numbers, None)


class Cluster:
    """One cluster: its objects by kind, its pods and Services."""

    def __init__(self, name: str, objects: Sequence[Json], facts: Facts) -> None:
        """Read the objects once."""
        self.name, self.facts = name, facts
        self.kinds: dict[str, list[Json]] = {}
        for each in objects:
            group = each["apiVersion"].rpartition("/")[0]
            self.kinds.setdefault(f"{each['kind']}.{group}".rstrip("."), []).append(each)
        self.namespaces: dict[str, dict[str, str]] = {}
        for each in self.of("Namespace"):
            labels = each["metadata"].get("labels") or {}
            name_ = each["metadata"]["name"]
            self.namespaces[name_] = {**labels, "kubernetes.io/metadata.name": name_}
        self.pods = [*self._workloads(objects), *self._platform(), *self._waypoints()]

    def of(self, kind: str) -> list[Json]:
        """The objects of `Kind` or `Kind.group`."""
        return self.kinds.get(kind, [])

    def labels_of(self, namespace: str) -> dict[str, str]:
        """The labels of a namespace; Kubernetes sets `kubernetes.io/metadata.name` itself."""
        return self.namespaces.get(namespace, {"kubernetes.io/metadata.name": namespace})

    def service(self, namespace: str, name: str) -> Json | None:
        """A Service, if there is one."""
        for each in self.of("Service"):
            if (_namespace(each), each["metadata"]["name"]) == (namespace, name):
                return each
        return None

    def selected(self, service: Json) -> list[Pod]:
        """The pods behind a Service. Kubernetes, "Service": none without a selector."""
        wanted = service["spec"].get("selector")
        return [
            pod
            for pod in self.pods
            if wanted
            and pod.namespace == _namespace(service)
            and selects({"matchLabels": wanted}, pod.labels)
        ]

    def endpoints(
        self, service: Json, port: int, *, by_gateway: bool = False
    ) -> Iterator[tuple[Pod, int]]:
        """Pods and their ports behind a port of a Service (`targetPort`, by name or number).

        A headless Service is only a name for the addresses of its pods (Kubernetes, "Headless
        Services"): the port is the one that the caller says, and nothing translates it. Gateways
        know the endpoints (istio/istio, `convertResolution`: EDS for routers; EndpointSlices).
        """
        if is_headless(service) and not by_gateway:
            for pod in self.selected(service):
                if any(each.number == port for each in pod.ports):
                    yield pod, port
            return
        for each in service["spec"].get("ports") or []:
            if each["port"] == port:
                target = each.get("targetPort", port)
                for pod in self.selected(service):
                    number = pod.number(target, each.get("protocol", "TCP"))
                    if number is not None:
                        yield pod, number

    def _address(self, namespace: str, name: str) -> str:
        network = ip_network(self.facts.sources[0], strict=False)
        spot = int.from_bytes(sha256(f"{namespace}/{name}".encode()).digest()[:4], "big")
        return str(network[spot % network.num_addresses])

    def _workloads(self, objects: Sequence[Json]) -> Iterator[Pod]:
        for each in objects:
            if each["kind"] not in WORKLOADS:
                continue
            template = each if each["kind"] == "Pod" else each["spec"]["template"]
            spec, name, namespace = template["spec"], each["metadata"]["name"], _namespace(each)
            ports = (p for c in spec.get("containers") or [] for p in c.get("ports") or [])
            yield Pod(
                self.name,
                namespace,
                name,
                (template.get("metadata") or {}).get("labels") or {},
                self._address(namespace, name),
                spec.get("serviceAccountName") or "default",
                tuple(
                    Port(p.get("name", ""), p["containerPort"], p.get("protocol", "TCP"))
                    for p in ports
                ),
            )

    def _platform(self) -> Iterator[Pod]:
        yield self._own(
            "kube-system", "coredns", {"k8s-app": "kube-dns"}, (Port("dns", DNS, "UDP"),)
        )
        if self.facts.mesh.startswith("istio"):
            labels = {"app": "istiod", "istio": "pilot"}
            yield self._own(ROOT_NAMESPACE, "istiod", labels, (Port("grpc-xds", XDS),))
        if self.facts.mesh == "linkerd":
            yield self._own("linkerd", "linkerd", {}, ())
        for name, gateway in (
            ("east-west", self.facts.east_west),
            ("ingress", self.facts.ingress),
        ):
            if gateway is not None:
                labels = dict(gateway.labels)
                yield self._own(gateway.namespace, name, labels, (), gateway.account)

    def _waypoints(self) -> Iterator[Pod]:
        """The pods that Istio starts for Gateways of the class istio-waypoint.

        Istio, "Configure waypoint proxies"; the label is Gateway API's GEP-1762, the account has
        the name of the Gateway.
        """
        for each in self.of("Gateway.gateway.networking.k8s.io"):
            if each["spec"]["gatewayClassName"] == WAYPOINT_CLASS:
                name = each["metadata"]["name"]
                labels = {"gateway.networking.k8s.io/gateway-name": name}
                labels["gateway.networking.k8s.io/gateway-class-name"] = WAYPOINT_CLASS
                yield self._own(_namespace(each), name, labels, (), name)

    def _own(
        self,
        namespace: str,
        name: str,
        labels: Mapping[str, str],
        ports: tuple[Port, ...],
        account: str = "default",
    ) -> Pod:
        ip = self._address(namespace, name)
        return Pod(self.name, namespace, name, labels, ip, account, ports, platform=True)

    def platform_pod(self, name: str, namespace: str = "") -> Pod:
        """The pod of the platform with that name."""
        return next(
            pod
            for pod in self.pods
            if pod.platform and pod.name == name and namespace in {"", pod.namespace}
        )


Fleet = Mapping[str, Cluster]


def is_headless(service: Json) -> bool:
    """Whether a Service has no address of its own (Kubernetes, "Headless Services")."""
    return bool(service["spec"].get("clusterIP") == "None")


def _namespace(manifest: Json) -> str:
    return manifest["metadata"].get("namespace") or "default"


def same_mesh(one: Cluster, other: Cluster) -> bool:
    """Whether both clusters are of one Istio mesh and know each other's services."""
    if one is other:
        return one.facts.mesh.startswith("istio")
    return (
        one.facts.mesh.startswith("istio")
        and other.facts.mesh.startswith("istio")
        and bool(one.facts.mesh_id)
        and one.facts.mesh_id == other.facts.mesh_id
    )


def routable(one: Cluster, other: Cluster) -> bool:
    """Whether pods of one cluster reach pods of the other by their own addresses.

    Istio, "Deployment Models" (one network), and MCS implementations, which route between pods of
    a ClusterSet (Submariner, "Architecture"; Cilium, "Cluster Mesh").
    """
    mine, theirs = one.facts, other.facts
    return (
        one is other
        or bool(mine.network and mine.network == theirs.network)
        or bool(mine.cluster_set and mine.cluster_set == theirs.cluster_set)
        or bool(mine.cluster_mesh and mine.cluster_mesh == theirs.cluster_mesh)
    )
