"""What the network of a cluster adds to a tenant's set-up."""

from typing import Any

import kubernetes_validate
import pytest

from planners.model import Tenant
from planners.model.network import EgressEngine, Gateway, Ingress, Mesh, Network, PolicyEngine
from renderers.tenant_network import cluster_policies, traffic_policies

TENANT = Tenant("retail", "shop", namespaces=("shop-data",), allow_from_namespaces=("ingress",))
NAME = "kubernetes.io/metadata.name"
ISTIOD = {
    "to": [
        {
            "namespaceSelector": {
                "matchExpressions": [{"key": NAME, "operator": "In", "values": ["istio-system"]}]
            },
            "podSelector": {"matchLabels": {"app": "istiod"}},
        }
    ],
    "ports": [{"port": 15012, "protocol": "TCP"}],
}
BOTH = Network(policies=PolicyEngine.CLUSTER_NETWORK_POLICY)


def within(*names: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": NAME, "operator": "In", "values": list(names)}]}


def specs(network: Network, tenant: Tenant = TENANT) -> dict[str, Any]:
    return {
        f"{each['kind']}/{each['metadata'].get('namespace', '-')}": each["spec"]
        for each in cluster_policies(tenant, network)
    }


def test_facts_that_ask_for_nothing_add_nothing() -> None:
    network = Network(
        east_west=Gateway("198.51.100.7", 15443, "istio-system"),
        ingress=Ingress("203.0.113.9", "ingress", "nginx"),
        cluster_set="eu",
        pod_ranges=("10.0.0.0/16",),
        egress=EgressEngine.CILIUM,
        gateway_api=True,
    )

    assert specs(Network()) == {}
    assert specs(network) == {}


@pytest.mark.parametrize(
    "network", [Network(mesh=Mesh.ISTIO), Network(ingress=Ingress(gateway_class="istio"))]
)
def test_every_pod_reaches_istiod(network: Network) -> None:
    """Also of units without intents, and gateways of Istio where there is no mesh."""
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [ISTIOD]}

    assert specs(network) == {"NetworkPolicy/shop": spec, "NetworkPolicy/shop-data": spec}


def test_probes_reach_pods_of_an_ambient_mesh() -> None:
    assert specs(Network(mesh=Mesh.ISTIO_AMBIENT))["NetworkPolicy/shop"] == {
        "podSelector": {},
        "policyTypes": ["Egress", "Ingress"],
        "egress": [ISTIOD],
        "ingress": [
            {
                "from": [
                    {"ipBlock": {"cidr": "169.254.7.127/32"}},
                    {"ipBlock": {"cidr": "fd16:9254:7127:1337:ffff:ffff:ffff:ffff/128"}},
                ]
            }
        ],
    }


def test_proxies_of_linkerd_reach_their_control_plane() -> None:
    assert specs(Network(mesh=Mesh.LINKERD))["NetworkPolicy/shop"]["egress"] == [
        {
            "to": [{"namespaceSelector": within("linkerd")}],
            "ports": [{"port": number, "protocol": "TCP"} for number in (8080, 8086, 8090)],
        }
    ]


def test_a_cluster_policy_denies_what_no_network_policy_decides() -> None:
    [item] = cluster_policies(TENANT, BOTH)

    assert item["apiVersion"] == "policy.networking.k8s.io/v1alpha2"
    assert item["metadata"] == {
        "name": "switchyard-retail",
        "labels": {"switchyard.dev/tenant": "retail"},
    }
    dns = [{protocol: {"destinationPort": {"number": 53}}} for protocol in ("tcp", "udp")]
    assert item["spec"] == {
        "tier": "Baseline",
        "priority": 1000,
        "subject": {"namespaces": within("shop", "shop-data")},
        "ingress": [
            {
                "name": "tenant",
                "action": "Accept",
                "from": [{"namespaces": within("ingress", "shop", "shop-data")}],
            },
            {"name": "others", "action": "Deny", "from": [{"namespaces": {}}]},
        ],
        "egress": [
            {
                "name": "tenant",
                "action": "Accept",
                "to": [{"namespaces": within("shop", "shop-data")}],
            },
            {
                "name": "dns",
                "action": "Accept",
                "to": [{"namespaces": within("kube-system")}],
                "protocols": dns,
            },
            {"name": "others", "action": "Deny", "to": [{"networks": ["0.0.0.0/0", "::/0"]}]},
        ],
    }


def test_a_cluster_policy_of_a_meshed_tenant_whose_traffic_is_declared() -> None:
    tenant = Tenant("retail", "shop", declared_traffic_only=True)
    network = Network(mesh=Mesh.ISTIO, policies=PolicyEngine.CLUSTER_NETWORK_POLICY)
    spec = specs(network, tenant)["ClusterNetworkPolicy/-"]

    assert [each["name"] for each in spec["ingress"]] == ["others"]
    assert [each["name"] for each in spec["egress"]] == ["dns", "istiod", "others"]
    assert spec["egress"][1] == {
        "name": "istiod",
        "action": "Accept",
        "to": [{"pods": ISTIOD["to"][0]}],
        "protocols": [{"tcp": {"destinationPort": {"number": 15012}}}],
    }


def test_cluster_policies_of_tenants_never_match_one_connection() -> None:
    """Which of two policies of one priority decides is not defined."""
    other = Tenant("bank", "bank", namespaces=("bank-data",))
    [mine], [theirs] = cluster_policies(TENANT, BOTH), cluster_policies(other, BOTH)

    assert mine["metadata"] != theirs["metadata"]
    subjects: list[Any] = [each["spec"] for each in (mine, theirs)]
    names = [
        set(each["subject"]["namespaces"]["matchExpressions"][0]["values"]) for each in subjects
    ]
    assert not names[0] & names[1]


def test_kubernetes_schemas_know_every_field() -> None:
    found = [*traffic_policies(TENANT, "shop")]
    for mesh in Mesh:
        found += cluster_policies(TENANT, Network(mesh=mesh))

    for item in found:
        kubernetes_validate.validate(item, "1.37", strict=True)
