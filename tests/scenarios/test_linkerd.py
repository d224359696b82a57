"""Calls in and between clusters with Linkerd."""

from pathlib import Path

from tests.fakes.connectivity import fleet, objects, problems, shop
from tests.fakes.folders import cluster, planned
from tests.scenarios.test_connectivity import CLIENT, SERVER, pods

GATEWAY = "{address: 198.51.100.7, port: 4143, namespace: linkerd-multicluster}"
APART = {"cart": ["eu-2"], "payment": ["eu-1"]}
PORTS = [{"port": 8080, "protocol": "TCP"}, {"port": 4143, "protocol": "TCP"}]


def linkerd(gateway: str = f", eastWest: {GATEWAY}") -> dict[str, str]:
    network = f"{{mesh: linkerd{gateway}}}"
    return fleet(cluster("eu-1", network=network), cluster("eu-2", network=network))


def test_a_called_service_is_mirrored(tmp_path: Path) -> None:
    customization = """
    customizations:
      - name: where
        components: [cart]
        target: {kind: Deployment, name: cart}
        strategicMerge:
          metadata:
            annotations: {at: "${connect.payment.host}:${connect.payment.port}"}
    """
    proposal = planned(tmp_path, shop(where=APART, more=customization), linkerd())
    server, client = objects(proposal, "payment", "eu-1"), objects(proposal, "cart", "eu-2")

    exported = server["Service/connect-to-payment"]
    assert exported["metadata"]["labels"] == {"mirror.linkerd.io/exported": "true"}
    assert exported["spec"] == {
        "ports": [{"name": "port-80", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        "selector": {"app": "payment"},
    }
    found = client["Deployment/cart"]["metadata"]["annotations"]["at"]
    assert found == "connect-to-payment-eu-1.shop.svc:80"


def test_policies_admit_what_comes_and_goes_by_the_gateway(tmp_path: Path) -> None:
    proposal = planned(tmp_path, shop(where=APART), linkerd())
    server, client = objects(proposal, "payment", "eu-1"), objects(proposal, "cart", "eu-2")

    gateway = {"matchLabels": {"kubernetes.io/metadata.name": "linkerd-multicluster"}}
    assert server[SERVER]["spec"]["ingress"] == [
        {"from": [{"namespaceSelector": gateway}], "ports": PORTS}
    ]
    assert client[CLIENT]["spec"]["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}],
            "ports": [{"port": 4143, "protocol": "TCP"}],
        },
    ]


def test_policies_admit_proxies_in_one_cluster(tmp_path: Path) -> None:
    """Between meshed pods the port of the proxy is what a policy sees."""
    proposal = planned(tmp_path, shop(), linkerd(""))
    server, client = objects(proposal, "payment", "eu-1"), objects(proposal, "cart", "eu-1")

    assert "Service/connect-to-payment" not in server
    assert server[SERVER]["spec"]["ingress"] == [{"from": [pods("cart")], "ports": PORTS}]
    assert client[CLIENT]["spec"]["egress"] == [
        {"to": [pods("payment")], "ports": PORTS},
    ]


def test_a_server_without_a_gateway_is_a_problem(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, shop(where=APART), linkerd(""))

    assert "a way from one cluster to the other" in problem
    assert "state `spec.network.eastWest` of cluster eu-1" in problem


def test_a_mirror_has_no_longer_name_than_a_service_may(tmp_path: Path) -> None:
    name = "eu-" + "1" * 50
    network = f"{{mesh: linkerd, eastWest: {GATEWAY}}}"
    repo = fleet(cluster(name, network=network), cluster("eu-2", network=network))
    where = {"cart": ["eu-2"], "payment": [name]}
    [problem] = problems(tmp_path, shop(where=where), repo)

    assert "has more than 63 characters" in problem
