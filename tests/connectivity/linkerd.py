"""Linkerd: the port between its proxies, what they need, and mirrors of exported Services.

Sources, Linkerd documentation: "Network Policy" (between meshed pods the proxy's port 4143 is what
is seen); "Multi-cluster communication" and "Installing Multi-cluster Components" (a Service with
`mirror.linkerd.io/exported: "true"` is mirrored in linked clusters, in its namespace, as
`<service>-<cluster>`; calls go to the gateway, which calls the pods). Its chart: the control
plane's Services for identity (8080), destinations (8086) and policies (8090). Without policies of
its own, its proxies admit everybody.
"""

from collections.abc import Iterator

from tests.connectivity.fleet import Cluster, Fleet, Pod
from tests.connectivity.packets import Packet, arrives
from tests.connectivity.selectors import Json
from tests.connectivity.traffic import Party

PROXY = 4143
CONTROL_PLANE = (8080, 8086, 8090)
EXPORTED = "mirror.linkerd.io/exported"


def is_linkerd(cluster: Cluster) -> bool:
    """Whether its pods have proxies of Linkerd."""
    return cluster.facts.mesh == "linkerd"


def is_meshed(fleet: Fleet, pod: Pod | None) -> bool:
    """Whether a pod has a proxy: those of the platform have none, but for the gateway."""
    if pod is None or not is_linkerd(fleet[pod.cluster]):
        return False
    return not pod.platform or pod.name == "east-west"


def gets_identity(fleet: Fleet, pod: Pod) -> bool:
    """Whether its proxy reaches the control plane."""
    plane = Party(fleet[pod.cluster].platform_pod("linkerd"))
    return all(arrives(fleet, Packet(Party(pod), plane, each)) for each in CONTROL_PLANE)


def is_exported(service: Json) -> bool:
    """Whether linked clusters have a mirror of it."""
    return (service["metadata"].get("labels") or {}).get(EXPORTED) == "true"


def mirror_name(service: Json, cluster: Cluster) -> str:
    """The name of the mirror of an exported Service of a cluster."""
    metadata = service["metadata"]
    return f"{metadata['name']}-{cluster.name}.{metadata['namespace']}"


def mirrored(fleet: Fleet, client: Pod, named: tuple[str, str]) -> Iterator[tuple[Cluster, Json]]:
    """The clusters and exported Services that a name in a client's cluster is a mirror of."""
    for other in fleet.values() if is_linkerd(fleet[client.cluster]) else ():
        if other.name != client.cluster and is_linkerd(other):
            for service in other.of("Service"):
                name = mirror_name(service, other)
                if is_exported(service) and name == f"{named[1]}.{named[0]}":
                    yield other, service
