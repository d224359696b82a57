"""Builds the network part of a tenant's set-up: what is denied, and what every pod needs.

What all pods of a tenant need, whatever they call, is here and in no carrier: DNS, and on clusters
with a mesh the way of its proxies to the control plane, and that of probes to pods. The tunnels of
an ambient mesh (port 15008) need no rule of their own: what is opened here is open on all ports.

Sources: Kubernetes documentation, "Network Policies" (default deny; `kubernetes.io/metadata.name`).
Istio documentation, "Ports used by Istio" (sidecars, waypoints and gateways connect to istiod on
15012), "Ambient and Kubernetes NetworkPolicy" (probes of the kubelet come from a link-local
address); istio/istio, `cni/README.md` (the addresses, for both families). Linkerd's chart, Services
of the control plane (identity on port 8080, destinations on 8086, policies on 8090).
network-policy-api, `apis/v1alpha2/clusternetworkpolicy_types.go`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planners.model import Json, Tenant
from planners.model.network import Mesh, Network, PolicyEngine

PROBES = ("169.254.7.127/32", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128")
"""Where the kubelet's probes of pods in an ambient mesh come from."""

LAST = 1000
"""The priority that is evaluated last in its tier, so that policies of the platform come first."""

_PREFIX = "switchyard"
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_EVERYWHERE: Json = ["0.0.0.0/0", "::/0"]
_ISTIO_CLASS = "istio"


@dataclass(frozen=True, slots=True)
class _System:
    """Pods of the platform that every pod may call, and where."""

    name: str
    namespace: str
    ports: tuple[tuple[str, int], ...]
    app: str = ""

    def peer(self) -> Json:
        """The pods, as NetworkPolicies name them."""
        if not self.app:
            return {"namespaceSelector": _named((self.namespace,))}
        return {
            "namespaceSelector": _named((self.namespace,)),
            "podSelector": {"matchLabels": {"app": self.app}},
        }

    def cluster_peer(self) -> Json:
        """The pods, as ClusterNetworkPolicies name them."""
        return {"pods": self.peer()} if self.app else {"namespaces": _named((self.namespace,))}


_DNS = _System("dns", "kube-system", (("TCP", 53), ("UDP", 53)))
_ISTIOD = _System("istiod", "istio-system", (("TCP", 15012),), app="istiod")
_LINKERD = _System("linkerd", "linkerd", (("TCP", 8080), ("TCP", 8086), ("TCP", 8090)))


def traffic_policies(tenant: Tenant, namespace: str) -> Iterator[dict[str, Json]]:
    """Deny all traffic of a namespace, then allow exceptions; Kubernetes adds the policies up.

    Exceptions are DNS, `allow_from_namespaces`, and traffic within the tenant unless that is to be
    declared. What connectivity intents declare is allowed by policies of the applications.
    """
    own, callers = _own(tenant), _callers(tenant)
    within: list[Json] = [{"to": [{"namespaceSelector": _named(own)}]}] if own else []
    ingress: list[Json] = [{"from": [{"namespaceSelector": _named(callers)}]}] if callers else []
    types: Json = ["Egress", "Ingress"]
    yield _network_policy(tenant, namespace, "deny", {"policyTypes": types})
    rules: dict[str, Json] = {"egress": [*within, _rule(_DNS)], "ingress": ingress}
    yield _network_policy(tenant, namespace, "allow", {"policyTypes": types, **rules})


def cluster_policies(tenant: Tenant, network: Network) -> Iterator[dict[str, Json]]:
    """What the tenant's set-up has in addition on clusters with this network."""
    mesh = _mesh_rules(network)
    if mesh:
        types: list[Json] = ["Egress"]
        if "ingress" in mesh:
            types.append("Ingress")
        for namespace in _namespaces(tenant):
            spec: dict[str, Json] = {"policyTypes": types, **mesh}
            yield _network_policy(tenant, namespace, "mesh", spec)
    if network.policies is PolicyEngine.CLUSTER_NETWORK_POLICY:
        yield _baseline(tenant, network)


def _mesh_rules(network: Network) -> dict[str, Json]:
    """What proxies and probes need; empty without a mesh, and without gateways of Istio."""
    plane = _control_plane(network)
    if plane is None:
        return {}
    rules: dict[str, Json] = {"egress": [_rule(plane)]}
    if network.mesh is Mesh.ISTIO_AMBIENT:
        rules["ingress"] = [{"from": [{"ipBlock": {"cidr": each}} for each in PROBES]}]
    return rules


def _control_plane(network: Network) -> _System | None:
    """What proxies of the tenant's namespaces connect to; those of gateways of Istio are some."""
    if network.mesh is Mesh.LINKERD:
        return _LINKERD
    gateways = network.ingress is not None and network.ingress.gateway_class == _ISTIO_CLASS
    return _ISTIOD if network.mesh.is_istio or gateways else None


def _baseline(tenant: Tenant, network: Network) -> dict[str, Json]:
    """What holds for pods that no NetworkPolicy selects, such as when one above was deleted.

    Of policies of one priority that match one connection, any may be applied. Those of tenants
    select different namespaces, so that they never do; those of the platform come first.
    """
    plane, own, callers = _control_plane(network), _own(tenant), _callers(tenant)
    systems = (_DNS, plane) if plane is not None else (_DNS,)
    deny_others: Json = {"name": "others", "action": "Deny", "from": [{"namespaces": {}}]}
    deny_all: Json = {"name": "others", "action": "Deny", "to": [{"networks": _EVERYWHERE}]}
    spec: dict[str, Json] = {
        "tier": "Baseline",
        "priority": LAST,
        "subject": {"namespaces": _named(tenant.all_namespaces)},
        "ingress": [*_accept("from", callers), deny_others],
        "egress": [*_accept("to", own), *map(_accept_system, systems), deny_all],
    }
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": f"{_PREFIX}-{tenant.name}", "labels": _labels(tenant)},
        "spec": spec,
    }


def _accept(direction: str, namespaces: tuple[str, ...]) -> Iterator[Json]:
    if namespaces:
        peer: Json = {"namespaces": _named(namespaces)}
        yield {"name": "tenant", "action": "Accept", direction: [peer]}


def _accept_system(system: _System) -> Json:
    return {
        "name": system.name,
        "action": "Accept",
        "to": [system.cluster_peer()],
        "protocols": [
            {transport.lower(): {"destinationPort": {"number": number}}}
            for transport, number in system.ports
        ],
    }


def _rule(system: _System) -> Json:
    ports: list[Json] = [{"port": port, "protocol": transport} for transport, port in system.ports]
    return {"to": [system.peer()], "ports": ports}


def _namespaces(tenant: Tenant) -> tuple[str, ...]:
    return (tenant.namespace, *sorted(set(tenant.namespaces) - {tenant.namespace}))


def _own(tenant: Tenant) -> tuple[str, ...]:
    """The namespaces whose pods the tenant's pods may call."""
    return () if tenant.declared_traffic_only else _namespaces(tenant)


def _callers(tenant: Tenant) -> tuple[str, ...]:
    """The namespaces whose pods may call the tenant's pods."""
    return (*_own(tenant), *tenant.allow_from_namespaces)


def _named(namespaces: Iterable[str]) -> Json:
    values: list[Json] = [*sorted(set(namespaces))]
    expression: Json = {"key": _NAMESPACE_NAME, "operator": "In", "values": values}
    return {"matchExpressions": [expression]}


def _labels(tenant: Tenant) -> Json:
    return {"switchyard.dev/tenant": tenant.name}


def _network_policy(
    tenant: Tenant, namespace: str, purpose: str, spec: dict[str, Json]
) -> dict[str, Json]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{_PREFIX}-{purpose}",
            "namespace": namespace,
            "labels": _labels(tenant),
        },
        "spec": {"podSelector": {}, **spec},
    }
