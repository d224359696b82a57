"""What a cluster has that can carry connections: its mesh, gateways, policy and egress engines."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address


class Mesh(StrEnum):
    """The service mesh of a cluster; `istio` runs sidecars, `istio-ambient` a proxy per node."""

    NONE = "none"
    ISTIO = "istio"
    ISTIO_AMBIENT = "istio-ambient"
    LINKERD = "linkerd"

    @property
    def is_istio(self) -> bool:
        """Whether Istio's objects configure it."""
        return self in {Mesh.ISTIO, Mesh.ISTIO_AMBIENT}


class PolicyEngine(StrEnum):
    """Which policies the cluster's network enforces; the latter beside NetworkPolicies."""

    NETWORK_POLICY = "networkpolicy"
    CLUSTER_NETWORK_POLICY = "clusternetworkpolicy"


class EgressEngine(StrEnum):
    """What controls connections to names and networks outside of the fleet."""

    NONE = "none"
    CILIUM = "cilium"
    OVN = "ovn"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway for other clusters: where they reach it, the namespace and labels of its pods."""

    address: str
    port: int
    namespace: str
    selector: tuple[tuple[str, str], ...] = (("istio", "eastwestgateway"),)

    @property
    def has_ip(self) -> bool:
        """Whether its address is one of the Internet Protocol, not a name."""
        try:
            ip_address(self.address)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Ingress:
    """The way in from outside: an Istio gateway by the labels of its pods, or a GatewayClass.

    `address` is where clients reach it, which plans show; `namespace` is that of its pods.
    """

    address: str = ""
    namespace: str = ""
    gateway_class: str = ""
    selector: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Network:
    """The network facts of a cluster.

    - `mesh_id`: clusters with the same one belong to one mesh; empty: the cluster is its own mesh.
    - `name`: the network of the cluster in its mesh (Istio: `topology.istio.io/network`); pods of
      clusters with the same one reach each other directly.
    - `cluster_set`: the ClusterSet in which Services are exported (MCS API); empty: none.
    - `pod_ranges`: the addresses that other clusters see as the source of its pods.
    """

    mesh: Mesh = Mesh.NONE
    mesh_id: str = ""
    name: str = ""
    trust_domain: str = "cluster.local"
    east_west: Gateway | None = None
    ingress: Ingress | None = None
    cluster_set: str = ""
    pod_ranges: tuple[str, ...] = ()
    policies: PolicyEngine = PolicyEngine.NETWORK_POLICY
    egress: EgressEngine = EgressEngine.NONE
    gateway_api: bool = False
