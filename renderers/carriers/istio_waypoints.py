"""Waypoints of Istio's ambient mode, for Services whose callers' requests are checked.

Sources: Istio documentation, "Configure waypoint proxies" (a Gateway of class istio-waypoint; the
label `istio.io/use-waypoint` sends callers of a Service through it), "Use Layer 7 features"
(policies with `targetRefs`), "Ambient and Kubernetes NetworkPolicy", "Ports used by Istio";
istio/istio, `files/waypoint.yaml` (labels and account of its pods, which connect to istiod).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from planners.model import Json
from renderers.carriers import Carrier
from renderers.carriers._istio import (
    CalledService,
    Rules,
    called_services,
    operations,
    passes_waypoint,
    policy,
    sources,
)
from renderers.connections import (
    GATEWAY_NAME,
    Address,
    ComponentClient,
    ConnectedUnit,
    Connection,
    DerivedObject,
    NamespaceClient,
    Need,
)

_HBONE = 15008
_NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class IstioWaypoints:
    """Lets a waypoint check the requests to a Service."""

    name: str = "istio-waypoints"
    summary: str = (
        "Istio ambient: a waypoint for each Service to which only some methods or paths are "
        "allowed, with its AuthorizationPolicy."
    )

    def meets(self, connection: Connection) -> frozenset[Need]:
        """Nothing alone: `istio-policies` lets only the waypoint through to the pods."""
        del connection
        return frozenset()

    def missing(self, connection: Connection) -> str:
        """Nothing."""
        del connection
        return ""

    def address(self, connection: Connection) -> Address | None:
        """None: callers of the Service are led to its waypoint."""
        del connection
        return None

    def server_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """The waypoint, its label on the Service, and its policies."""
        for called in called_services(unit):
            if called.waypoint:
                denied = unit.tenant.deploy is not None
                for item in _waypoint(called, denied=denied):
                    yield DerivedObject(item, called.intents)

    def client_objects(self, unit: ConnectedUnit) -> Iterator[DerivedObject]:
        """Nothing."""
        del unit
        yield from ()


CARRIER: Carrier = IstioWaypoints()


def _waypoint(called: CalledService, *, denied: bool) -> Iterator[dict[str, Json]]:
    service, name = called.service, called.waypoint
    yield {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": name,
            "namespace": service.namespace,
            "labels": {"istio.io/waypoint-for": "service"},
        },
        "spec": {
            "gatewayClassName": "istio-waypoint",
            "listeners": [{"name": "mesh", "port": _HBONE, "protocol": "HBONE"}],
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service.service,
            "namespace": service.namespace,
            "labels": {"istio.io/use-waypoint": name},
        },
    }
    rules = Rules()
    for connection, server in called.connections:
        if passes_waypoint(connection):
            asked = operations(connection.intent.allow, (server.service.port,))
            rules.add(sources(connection, server), asked)
    target: Json = {"group": "", "kind": "Service", "name": service.service}
    yield policy(name, service.namespace, {"targetRefs": [target]}, rules.json())
    yield _network_policy(called, denied=denied)


def _network_policy(called: CalledService, *, denied: bool) -> dict[str, Json]:
    """Who reaches the waypoint, and where it may send to if egress is denied."""
    service = called.service
    peers: list[Json] = []
    for connection, _ in called.connections:
        if passes_waypoint(connection):
            peers += [each for each in _peers(connection) if each not in peers]
    tunnels: Json = [{"port": _HBONE, "protocol": "TCP"}]
    spec: dict[str, Json] = {
        "podSelector": {"matchLabels": {GATEWAY_NAME: called.waypoint}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": peers, "ports": tunnels}],
    }
    if denied:
        spec["policyTypes"] = ["Egress", "Ingress"]
        spec["egress"] = [
            {"to": [{"podSelector": {"matchLabels": dict(service.selector)}}], "ports": tunnels}
        ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": called.waypoint, "namespace": service.namespace},
        "spec": spec,
    }


def _peers(connection: Connection) -> Iterator[Json]:
    client = connection.client
    if isinstance(client, NamespaceClient):
        yield _namespace(client.namespace)
    elif isinstance(client, ComponentClient):
        for pods in client.pods:
            yield {**_namespace(pods.namespace), "podSelector": _labels(**dict(pods.labels))}


def _namespace(name: str) -> dict[str, Json]:
    return {"namespaceSelector": _labels(**{_NAMESPACE_NAME: name})}


def _labels(**labels: str) -> Json:
    return {"matchLabels": {**labels}}
