"""The values that travel: parties, requests, and one side's view of a packet."""

from dataclasses import dataclass
from enum import StrEnum

from tests.connectivity.fleet import Cluster, Pod


class Direction(StrEnum):
    """Which policies apply: those of who sends, or of who receives."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


@dataclass(frozen=True, slots=True)
class Request:
    """What is spoken; method and path for HTTP and gRPC."""

    protocol: str = "TCP"
    method: str = ""
    path: str = ""
    host: str = ""

    @property
    def is_http(self) -> bool:
        """Whether a proxy can read method and path."""
        return self.protocol in {"HTTP", "GRPC"}


@dataclass(frozen=True, slots=True)
class Party:
    """A pod, or an address outside of every cluster with the names that resolve to it.

    `cluster_mesh`: the Cilium Cluster Mesh that knows the pod's identity, if any.
    """

    pod: Pod | None = None
    address: str = ""
    names: frozenset[str] = frozenset()
    cluster_mesh: str = ""

    @property
    def ip(self) -> str:
        """The address in packets."""
        return self.address if self.pod is None else self.pod.ip

    def local(self, cluster: Cluster) -> Pod | None:
        """The pod, if it is one of the cluster: elsewhere only its address is known."""
        return self.pod if self.pod is not None and self.pod.cluster == cluster.name else None


@dataclass(frozen=True, slots=True)
class Side:
    """A packet as one end's policies see it: `pod` is selected, `other` is the peer."""

    cluster: Cluster
    pod: Pod
    other: Party
    direction: Direction
    listener: Pod | None
    port: int
    transport: str

    @property
    def peer(self) -> Pod | None:
        """The other pod, where it is of the same cluster."""
        return self.other.local(self.cluster)

    def is_port(self, port: int | str, end: int | None = None) -> bool:
        """Whether a port of a rule is the packet's; names are those of the receiving pod."""
        if isinstance(port, str) and not port.isdigit():
            known = self.listener
            if known is None or known.cluster != self.cluster.name:
                return False
            return known.number(port, self.transport) == self.port
        return int(port) <= self.port <= (end or int(port))
