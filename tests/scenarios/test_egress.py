"""Calls that leave the fleet for hosts, on clusters with and without an engine that knows names."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.engine.propose import propose
from planners.model import ObjectIdentity
from planners.model.snapshot import OwnedObjects
from renderers.carriers.ovn import CARRIER
from renderers.connections import ComponentServer
from tests.fakes.connectivity import TENANT, connections, fleet, objects, problems, shop, sides
from tests.fakes.folders import cluster, planned, snapshot_of

API = "{from: {component: cart}, to: {host: api.example.com, port: 443, protocol: TLS}}"
POLICY = "CiliumNetworkPolicy/connect-from-cart"
LOOK_UPS = {
    "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system"}}],
    "toPorts": [
        {
            "ports": [{"port": "53", "protocol": "ANY"}],
            "rules": {"dns": [{"matchPattern": "*"}]},
        }
    ],
}


def at(port: int, transport: str = "TCP") -> list[object]:
    return [{"ports": [{"port": str(port), "protocol": transport}]}]


def egress(engine: str, tenants: str | None = None) -> dict[str, str]:
    clusters = [cluster(name, network=f"{{egress: {engine}}}") for name in ("eu-1", "eu-2")]
    return fleet(*clusters) if tenants is None else fleet(*clusters, tenants=tenants)


def test_cilium_lets_a_client_reach_a_host_by_name(tmp_path: Path) -> None:
    found = objects(planned(tmp_path, shop(API), egress("cilium")), "cart", "eu-1")

    assert found[POLICY]["spec"] == {
        "endpointSelector": {"matchLabels": {"app": "cart"}},
        "egress": [
            {"toFQDNs": [{"matchName": "api.example.com"}], "toPorts": at(443)},
            LOOK_UPS,
        ],
    }
    assert "NetworkPolicy/connect-from-cart" not in found


def test_hosts_on_one_port_share_a_rule(tmp_path: Path) -> None:
    others = (
        "{from: {component: cart}, to: {host: '*.example.org', port: 443}}, "
        "{from: {component: cart}, to: {host: time.example.org, port: 123, protocol: UDP}}"
    )
    app = shop(f"{API}, {others}")
    found = objects(planned(tmp_path, app, egress("cilium")), "cart", "eu-1")

    assert found[POLICY]["spec"]["egress"] == [
        {"toFQDNs": [{"matchName": "time.example.org"}], "toPorts": at(123, "UDP")},
        {
            "toFQDNs": [{"matchPattern": "*.example.org"}, {"matchName": "api.example.com"}],
            "toPorts": at(443),
        },
        LOOK_UPS,
    ]


def test_a_client_is_not_closed_in_where_the_tenant_does_not_deny_egress(tmp_path: Path) -> None:
    repo = egress("cilium", tenants="namespace: shop")

    assert POLICY not in objects(planned(tmp_path, shop(API), repo), "cart", "eu-1")


def test_networks_need_no_engine(tmp_path: Path) -> None:
    call = "{from: {component: cart}, to: {cidr: 192.0.2.0/24, port: 5432}}"
    found = objects(planned(tmp_path, shop(call), egress("cilium")), "cart", "eu-1")

    assert POLICY not in found
    assert "NetworkPolicy/connect-from-cart" in found


def test_a_cluster_without_names_is_a_problem(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, shop(API), egress("none"))

    assert "lacks" in problem
    assert "a check of the names of hosts" in problem
    assert (
        "state `spec.network.egress` of cluster eu-1, or allow the networks of the host" in problem
    )
    assert "switchyard.yaml:" in problem


def ovn(facts: str = "egress: ovn") -> dict[str, str]:
    tenants = f"{TENANT}, kinds: {{allowed: [EgressFirewall.k8s.ovn.org]}}"
    clusters = [cluster(name, network=f"{{{facts}}}") for name in ("eu-1", "eu-2")]
    return fleet(*clusters, tenants=tenants)


def rule(kind: str, to: dict[str, str], *ports: int) -> dict[str, object]:
    stated = [{"port": each, "protocol": "TCP"} for each in ports]
    return {"type": kind, "to": to, **({"ports": stated} if ports else {})}


CLOSED = [rule("Deny", {"cidrSelector": each}, 443) for each in ("0.0.0.0/0", "::/0")]


def test_ovn_lets_a_client_reach_hosts_by_name(tmp_path: Path) -> None:
    more = (
        "{from: {component: cart}, to: {host: '*.example.org', port: 443}}, "
        "{from: {component: cart}, to: {cidr: 192.0.2.0/24, port: 443}}, "
        "{from: {component: cart}, to: {cidr: 198.51.100.0/24, port: 5432}}"
    )
    repo = ovn("egress: ovn, podRanges: [10.128.0.0/14]")
    found = objects(planned(tmp_path, shop(f"{API}, {more}"), repo), "cart", "eu-1")

    assert found["EgressFirewall/default"]["spec"]["egress"] == [
        rule("Allow", {"dnsName": "*.example.org"}, 443),
        rule("Allow", {"dnsName": "api.example.com"}, 443),
        rule("Allow", {"cidrSelector": "192.0.2.0/24"}, 443),
        *CLOSED,
    ]
    assert found["NetworkPolicy/connect-names-cart"]["spec"] == {
        "podSelector": {"matchLabels": {"app": "cart"}},
        "policyTypes": ["Egress"],
        "egress": [
            {
                "to": [
                    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.128.0.0/14"]}},
                    {"ipBlock": {"cidr": "::/0"}},
                ],
                "ports": [{"port": 443, "protocol": "TCP"}],
            }
        ],
    }


def test_a_firewall_leaves_calls_to_other_clusters_alone(tmp_path: Path) -> None:
    """What reaches the other cluster is for NetworkPolicies to say."""
    call = "{from: {component: cart}, to: {component: payment}}"
    app = shop(f"{API}, {call}", {"cart": ["eu-1"], "payment": ["eu-2"]})
    repo = ovn("egress: ovn, clusterSet: eu, podRanges: [10.128.0.0/14]")
    text = repo["tenants/shop.yaml"]
    repo["tenants/shop.yaml"] = text.replace(
        "allowed: [", "allowed: [ServiceExport.multicluster.x-k8s.io, "
    )
    found = objects(planned(tmp_path, app, repo), "cart", "eu-1")

    assert found["EgressFirewall/default"]["spec"]["egress"] == [
        rule("Allow", {"dnsName": "api.example.com"}, 443),
        rule("Allow", {"cidrSelector": "10.128.0.0/14"}),
        *CLOSED,
    ]


def test_a_firewall_lets_through_to_addresses_that_clusters_report() -> None:
    known = connections()
    host, apart = known["host, OVN"], known["apart"]
    assert isinstance(apart.server, ComponentServer)
    server = replace(apart.server, addresses=("203.0.113.40", "2001:db8::40"))
    far = replace(apart, client=host.client, server=server)
    unit = replace(sides(host)[0], calls=(host, far))
    found = {each.item["kind"]: each.item for each in CARRIER.client_objects(unit)}

    spec: Any = found["EgressFirewall"]["spec"]
    allowed = [each["to"].get("cidrSelector") for each in spec["egress"] if "ports" not in each]
    assert allowed == ["10.0.0.0/16", "198.51.100.7/32", "2001:db8::40/128", "203.0.113.40/32"]


def test_the_first_application_of_a_namespace_keeps_its_firewall(tmp_path: Path) -> None:
    identity = ObjectIdentity("k8s.ovn.org", "EgressFirewall", "shop", "default")
    merged = OwnedObjects("till", "shop", "pay", {identity: "default.yaml"}, frozenset({"eu-1"}))
    snapshot = replace(snapshot_of(tmp_path, shop(API), ovn()), owned=(merged,))
    [problem] = [str(each) for each in propose(snapshot).problems]

    assert "EgressFirewall" in problem
    assert "already belongs to component pay of application till" in problem


def test_a_firewall_closes_nothing_where_the_tenant_does_not_deny_egress(tmp_path: Path) -> None:
    found = objects(planned(tmp_path, shop(API), egress("ovn", "namespace: shop")), "cart", "eu-1")

    assert "EgressFirewall/default" not in found
    assert "NetworkPolicy/connect-names-cart" not in found


@pytest.mark.parametrize(
    "other",
    [
        "host: www.example.com, port: 8443",
        "host: api.example.com, port: 443",
        "cidr: 192.0.2.0/24, port: 443",
    ],
)
def test_one_component_of_a_namespace_has_the_firewall(tmp_path: Path, other: str) -> None:
    app = shop(f"{API}, {{from: {{component: payment}}, to: {{{other}}}}}")
    [problem, *_] = problems(tmp_path, app, ovn())

    assert "namespace shop has the EgressFirewall of component cart" in problem
    assert "switchyard.yaml:" in problem


def test_neighbours_on_other_ports_are_not_refused(tmp_path: Path) -> None:
    call = "{from: {component: payment}, to: {cidr: 192.0.2.0/24, port: 5432}}"

    assert problems(tmp_path, shop(f"{API}, {call}"), ovn()) == []


def test_the_tenant_must_be_allowed_to_write_firewalls(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, shop(API), egress("ovn"))

    assert "EgressFirewall" in problem
    assert "kinds.allowed" in problem or "allowed" in problem
