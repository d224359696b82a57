"""Calls that leave the fleet for hosts, on clusters with and without an engine that knows names."""

from pathlib import Path

import pytest

from tests.fakes.connectivity import fleet, objects, problems, shop
from tests.fakes.folders import cluster, planned

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


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("none", "state `spec.network.egress` of cluster eu-1, or allow the networks of the host"),
        ("ovn", "whose EgressFirewall is one for a whole namespace and not for one caller"),
    ],
)
def test_a_cluster_without_names_is_a_problem(tmp_path: Path, engine: str, said: str) -> None:
    [problem] = problems(tmp_path, shop(API), egress(engine))

    assert "lacks" in problem
    assert "a check of the names of hosts" in problem
    assert said in problem
    assert "switchyard.yaml:" in problem
