"""Connectivity intents on clusters with Istio and the Gateway API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fakes.connectivity import CALL, fleet, objects, problems, service, shop
from tests.fakes.folders import cluster, planned

SIDECAR = "{mesh: istio}"
AMBIENT = "{mesh: istio-ambient}"
APART = {"cart": ["eu-1"], "payment": ["eu-2"]}
READ = "{from: {component: cart}, to: {component: payment, protocol: HTTP}, allow: [{methods: [GET], paths: [/status/*]}]}"  # noqa: E501
OUTSIDE = (
    "{from: {cidr: 0.0.0.0/0}, to: {component: payment, protocol: HTTP}, "
    "allow: [{methods: [GET], paths: [/status/*]}], "
    "external: {host: shop.example.com%s}, tls: %s}"
)
CART = "cluster.local/ns/shop/sa/default"
HOST = "payment.shop.svc.cluster.local"


def mesh(mesh_id: str, address: str, more: str = "") -> str:
    return f"{{mesh: istio, meshId: {mesh_id}, network: {mesh_id}, trustDomain: {mesh_id}.example.com, eastWest: {{address: {address}}}{more}}}"  # noqa: E501


def spec(found: Mapping[str, Any], key: str) -> Any:
    return found[key]["spec"]


def test_e1_a_client_reaches_a_server_in_a_separate_mesh(tmp_path: Path) -> None:
    """EMCO's istio_traffic: a Gateway for the server; an entry and a rule for the client."""
    repo = fleet(
        cluster("eu-1", network=mesh("a", "198.51.100.1")),
        cluster(
            "eu-2",
            network=mesh("b", "198.51.100.2"),
            location="{latitude: 1, longitude: 1, region: eu, zone: b}",
        ),
    )
    proposal = planned(tmp_path, shop(where=APART), repo)
    server, client = objects(proposal, "payment", "eu-2"), objects(proposal, "cart", "eu-1")

    assert spec(server, "Gateway/connect-meshes-to-payment") == {
        "selector": {"istio": "eastwestgateway"},
        "servers": [
            {
                "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
                "hosts": [HOST],
                "tls": {"mode": "AUTO_PASSTHROUGH"},
            }
        ],
    }
    assert spec(server, "AuthorizationPolicy/connect-to-payment")["rules"] == [
        {
            "from": [{"source": {"principals": ["a.example.com/ns/shop/sa/default"]}}],
            "to": [{"operation": {"ports": ["8080"]}}],
        }
    ]
    assert spec(client, "ServiceEntry/connect-cart-to-payment") == {
        "hosts": ["payment.shop.cart.mesh.internal"],
        "exportTo": ["."],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "tcp-80", "protocol": "TCP"}],
        "endpoints": [{"address": "198.51.100.2", "ports": {"tcp-80": 15443}, "locality": "eu/b"}],
        "subjectAltNames": ["spiffe://b.example.com/ns/shop/sa/default"],
    }
    (setting,) = spec(client, "DestinationRule/connect-cart-to-payment")["trafficPolicy"][
        "portLevelSettings"
    ]
    assert setting["tls"] == {"mode": "ISTIO_MUTUAL", "sni": f"outbound_.80_._.{HOST}"}


def test_all_clusters_of_the_server_are_endpoints(tmp_path: Path) -> None:
    where = {"cart": ["eu-1"], "payment": ["eu-2", "eu-3"]}
    clusters = [
        cluster(f"eu-{n}", network=mesh(name, f"198.51.100.{n}"))
        for n, name in enumerate("abc", start=1)
    ]
    client = objects(planned(tmp_path, shop(where=where), fleet(*clusters)), "cart", "eu-1")

    endpoints = spec(client, "ServiceEntry/connect-cart-to-payment")["endpoints"]
    assert [each["address"] for each in endpoints] == ["198.51.100.2", "198.51.100.3"]


def test_e2_ten_services_on_two_clusters(tmp_path: Path) -> None:
    """EMCO's gms: three servers on one cluster, called by what runs on the other one."""
    left = ("web", "cart", "checkout", "ads", "recommend")
    right = ("payment", "catalog", "currency", "mail", "shipping")
    where = {name: ["eu-1"] for name in left} | {name: ["eu-2"] for name in right}
    calls = {"payment": ["checkout"], "catalog": ["web", "recommend"], "currency": ["web", "cart"]}
    intents = ", ".join(
        f"{{from: {{component: {client}}}, to: {{component: {server}, protocol: GRPC}}}}"
        for server, clients in calls.items()
        for client in clients
    )
    repo = fleet(
        cluster("eu-1", network=mesh("a", "198.51.100.1")),
        cluster("eu-2", network=mesh("b", "198.51.100.2")),
    )
    proposal = planned(tmp_path, shop(intents, where), repo)

    for server, clients in calls.items():
        assert f"Gateway/connect-meshes-to-{server}" in objects(proposal, server, "eu-2")
        for client in clients:
            assert f"ServiceEntry/connect-{client}-to-{server}" in objects(proposal, client, "eu-1")
    for name in ("ads", "mail", "shipping"):
        found = objects(proposal, name, where[name][0])
        assert set(found) == {f"Deployment/{name}", f"Service/{name}"}


def test_e3_istio_opens_an_application_to_the_outside(tmp_path: Path) -> None:
    """EMCO's external_access: client certificates, and reading of some paths only."""
    net = "{mesh: istio, ingress: {namespace: edge, selector: {istio: ingressgateway}}}"
    app = shop(OUTSIDE % (", certificateRef: shop-tls", "strict"))
    found = objects(planned(tmp_path, app, fleet(cluster("eu-1", network=net))), "payment", "eu-1")

    assert spec(found, "Gateway/connect-to-payment")["servers"] == [
        {
            "port": {"number": 443, "name": "https-0", "protocol": "HTTPS"},
            "hosts": ["./shop.example.com"],
            "tls": {"mode": "MUTUAL", "credentialName": "shop-tls"},
        }
    ]
    assert spec(found, "VirtualService/connect-to-payment.shop.example.com")["http"] == [
        {
            "match": [{"uri": {"prefix": "/status/"}, "method": {"exact": "GET"}}],
            "route": [{"destination": {"host": HOST, "port": {"number": 80}}}],
        }
    ]
    assert spec(found, "AuthorizationPolicy/connect-to-payment")["rules"] == [
        {
            "from": [{"source": {"namespaces": ["edge"]}}],
            "to": [{"operation": {"ports": ["8080"], "methods": ["GET"], "paths": ["/status/*"]}}],
        }
    ]
    assert spec(found, "PeerAuthentication/connect-to-payment")["portLevelMtls"] == {
        "8080": {"mode": "STRICT"}
    }


def test_e3_the_gateway_api_does_so_where_the_cluster_has_it(tmp_path: Path) -> None:
    net = "{gatewayApi: true, ingress: {namespace: edge, gatewayClass: public}}"
    app = shop(OUTSIDE % ("", "permissive"))
    found = objects(planned(tmp_path, app, fleet(cluster("eu-1", network=net))), "payment", "eu-1")

    assert spec(found, "Gateway/connect-to-payment") == {
        "gatewayClassName": "public",
        "listeners": [
            {
                "name": "http.shop.example.com",
                "hostname": "shop.example.com",
                "port": 80,
                "protocol": "HTTP",
                "allowedRoutes": {"kinds": [{"kind": "HTTPRoute"}]},
            }
        ],
    }
    assert spec(found, "HTTPRoute/connect-to-payment.shop.example.com")["rules"] == [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": "/status"}, "method": "GET"}],
            "backendRefs": [{"name": "payment", "port": 80}],
        },
        {"matches": [{"path": {"type": "Exact", "value": "/status"}, "method": "GET"}]},
    ]


def test_sidecars_check_callers_and_requests(tmp_path: Path) -> None:
    found = objects(
        planned(tmp_path, shop(READ), fleet(cluster("eu-1", network=SIDECAR))), "payment", "eu-1"
    )

    assert spec(found, "AuthorizationPolicy/connect-to-payment") == {
        "selector": {"matchLabels": {"app": "payment"}},
        "action": "ALLOW",
        "rules": [
            {
                "from": [{"source": {"principals": [CART]}}],
                "to": [
                    {"operation": {"ports": ["8080"], "methods": ["GET"], "paths": ["/status/*"]}}
                ],
            }
        ],
    }
    assert "PeerAuthentication/connect-to-payment" not in found


def test_a_waypoint_checks_requests_in_an_ambient_mesh(tmp_path: Path) -> None:
    found = objects(
        planned(tmp_path, shop(READ), fleet(cluster("eu-1", network=AMBIENT))), "payment", "eu-1"
    )
    waypoint = "connect-waypoint-payment"

    assert found["Service/payment"]["metadata"]["labels"] == {"istio.io/use-waypoint": waypoint}
    assert spec(found, f"Gateway/{waypoint}")["gatewayClassName"] == "istio-waypoint"
    assert spec(found, f"AuthorizationPolicy/{waypoint}") == {
        "targetRefs": [{"group": "", "kind": "Service", "name": "payment"}],
        "action": "ALLOW",
        "rules": [
            {
                "from": [{"source": {"principals": [CART]}}],
                "to": [
                    {"operation": {"ports": ["80"], "methods": ["GET"], "paths": ["/status/*"]}}
                ],
            }
        ],
    }
    assert spec(found, "AuthorizationPolicy/connect-to-payment")["rules"] == [
        {
            "from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{waypoint}"]}}],
            "to": [{"operation": {"ports": ["8080"]}}],
        }
    ]


def test_an_ambient_mesh_needs_no_waypoint_for_callers_alone(tmp_path: Path) -> None:
    found = objects(
        planned(tmp_path, shop(CALL), fleet(cluster("eu-1", network=AMBIENT))), "payment", "eu-1"
    )

    assert not [each for each in found if "waypoint" in each]
    assert "labels" not in found["Service/payment"]["metadata"]


def test_a_service_is_global_in_one_ambient_mesh(tmp_path: Path) -> None:
    nets = [
        f"{{mesh: istio-ambient, meshId: m, network: n{n}, eastWest: {{address: 198.51.100.{n}}}}}"
        for n in (1, 2)
    ]
    repo = fleet(cluster("eu-1", network=nets[0]), cluster("eu-2", network=nets[1]))
    found = objects(planned(tmp_path, shop(where=APART), repo), "payment", "eu-2")

    assert found["Service/payment"]["metadata"]["labels"] == {"istio.io/global": "true"}


def test_tls_says_how_a_port_is_called(tmp_path: Path) -> None:
    for tls, mode in (("strict", "STRICT"), ("none", "DISABLE")):
        app = shop(f"{CALL[:-1]}, tls: {tls}}}")
        repo = fleet(cluster("eu-1", network=SIDECAR))
        found = objects(planned(tmp_path / tls, app, repo), "payment", "eu-1")
        ports = spec(found, "PeerAuthentication/connect-to-payment")["portLevelMtls"]
        assert ports == {"8080": {"mode": mode}}


def test_a_missing_gateway_is_named(tmp_path: Path) -> None:
    repo = fleet(cluster("eu-1", network=SIDECAR), cluster("eu-2", network=SIDECAR))
    found = problems(tmp_path, shop(where=APART), repo)

    assert any("state `spec.network.eastWest` of cluster eu-2" in each for each in found)


def test_a_headless_service_is_not_reached_from_another_network(tmp_path: Path) -> None:
    app = shop(where=APART)
    app["deploy/payment/service.yaml"] = service("payment", extra=", clusterIP: None")
    repo = fleet(
        cluster("eu-1", network=mesh("a", "198.51.100.1")),
        cluster("eu-2", network=mesh("b", "198.51.100.2")),
    )

    assert any("a headless Service" in each for each in problems(tmp_path, app, repo))
