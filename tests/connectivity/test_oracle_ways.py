"""The oracle on ways through gateways and proxies: nested tunnels, routes of the mesh, addresses.

Istio, "Install ambient multi-primary on different networks", "Ingress Access Control"; istio/api,
`virtual_service.proto`; ztunnel, `build_request`.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.connectivity.fleet import HBONE, Cluster, Facts, Fleet
from tests.connectivity.objects import (
    EAST_WEST,
    INGRESS,
    authorization,
    fleet_of,
    gateway_facts,
    item,
    pod,
    policy,
    ports,
    service,
    shop,
)
from tests.connectivity.oracle import call, enters, reaches
from tests.connectivity.traffic import Request

SIDECARS = Facts(mesh="istio", enrolled=True, dns_capture=True)
AMBIENT = Facts(mesh="istio-ambient", enrolled=True)
GET, POST = Request("HTTP", "GET", "/pay"), Request("HTTP", "POST", "/pay")
TO_PODS = {"selector": {"matchLabels": {"app": "pay"}}}
CART = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/cart"]}}]}
WEB = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}


def pay(*, headless: bool = False, **labels: str) -> Any:
    made = service("shop/pay", ("http", 80, "http"), **labels)
    return {**made, "spec": {**made["spec"], **({"clusterIP": "None"} if headless else {})}}


def with_service(replaced: Any, *objects: Any, facts: Facts, name: str = "one") -> Cluster:
    world = shop(name=name)
    kept = [each for kind, found in world.kinds.items() if kind != "Service" for each in found]
    return Cluster(name, [*kept, replaced, *objects], facts)


GLOBAL = pay(**{"istio.io/global": "true"})
USING = pay(**{"istio.io/global": "true", "istio.io/use-waypoint": "way"})
WAYPOINT = item(
    "gateway.networking.k8s.io/v1",
    "Gateway",
    "shop/way",
    {"gatewayClassName": "istio-waypoint", "listeners": []},
)
GETS = authorization(
    "shop/l7",
    targetRefs=[{"kind": "Service", "group": "", "name": "pay"}],
    rules=[{**CART, "to": [{"operation": {"methods": ["GET"]}}]}],
)
GATEWAY_IN = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}]  # fmt: skip
OUT = {"to": [{"ipBlock": {"cidr": "203.0.113.2/32"}}]}

TUNNEL_ROWS: list[tuple[str, list[Any], list[Any], Request, bool]] = [
    ("a global Service is reached from another network", [], [GLOBAL], GET, True),
    ("no other one is", [], [pay()], GET, False),
    ("and no headless one", [], [pay(headless=True, **{"istio.io/global": "true"})], GET, False),
    ("the pods see who calls", [], [GLOBAL, authorization("shop/a", **TO_PODS, rules=[CART])], GET, True),
    ("and refuse others", [], [GLOBAL, authorization("shop/a", **TO_PODS, rules=[WEB])], GET, False),
    ("the gateway's packets arrive at the tunnel's port", [], [GLOBAL, policy("shop/in", {"app": "pay"}, ingress=[{"from": GATEWAY_IN, "ports": ports(HBONE)}])], GET, True),
    ("and not at that of the application", [], [GLOBAL, policy("shop/in", {"app": "pay"}, ingress=[{"from": GATEWAY_IN, "ports": ports(8080)}])], GET, False),
    ("the client leaves for the gateway's tunnel", [policy("shop/out", {"app": "cart"}, policyTypes=["Egress"], egress=[{**OUT, "ports": ports(HBONE)}, {"ports": ports(53, protocol="UDP")}])], [GLOBAL], GET, True),
    ("and for no other port", [policy("shop/out", {"app": "cart"}, policyTypes=["Egress"], egress=[{**OUT, "ports": ports(15443)}, {"ports": ports(53, protocol="UDP")}])], [GLOBAL], GET, False),
    ("the gateway leads to the waypoint", [], [USING, WAYPOINT, GETS], GET, True),
    ("which reads requests", [], [USING, WAYPOINT, GETS], POST, False),
]  # fmt: skip


@pytest.mark.parametrize("row", TUNNEL_ROWS, ids=[row[0] for row in TUNNEL_ROWS])
def test_between_networks_of_an_ambient_mesh(row: tuple[Any, ...]) -> None:
    _, mine, (theirs, *others), request, expected = row
    ours = replace(AMBIENT, mesh_id="m", network="n1", sources=("10.1.0.0/16",))
    far = replace(AMBIENT, mesh_id="m", network="n2", sources=("10.2.0.0/16",))
    far = replace(far, east_west=gateway_facts("203.0.113.2", EAST_WEST, port=HBONE))
    fleet = fleet_of(
        with_service(service("shop/else"), *mine, facts=ours),
        with_service(theirs, *others, facts=far, name="two"),
    )

    found = call(fleet, pod(fleet, "one/cart"), "pay", 80, request)

    assert (pod(fleet, "two/pay") in found) is expected


def test_callers_of_a_headless_service_pass_its_waypoint_by() -> None:
    label = {"istio.io/use-waypoint": "way"}
    for headless, port, method, expected in (
        (False, 80, POST, False),
        (True, 8080, POST, True),
    ):
        fleet = fleet_of(
            with_service(pay(headless=headless, **label), WAYPOINT, GETS, facts=AMBIENT)
        )
        found = call(fleet, pod(fleet, "one/cart"), "pay", port, method)

        assert bool(found) is expected


def entered(*objects: Any, facts: Facts, served: Any, address: str = "198.51.100.1") -> bool:
    gateway = item(
        "networking.istio.io/v1",
        "Gateway",
        "shop/entry",
        {
            "selector": dict(INGRESS),
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}],
        },
    )  # fmt: skip
    fleet: Fleet = fleet_of(
        with_service(served, gateway, virtual("pay.example.com", "entry"), *objects, facts=facts)
    )
    return bool(enters(fleet, fleet["one"], address, 80, ("pay.example.com", "plain", GET)))


def virtual(host: str, *gateways: str, to: str = "pay", namespace: str = "shop") -> Any:
    spec: Any = {
        "hosts": [host],
        "http": [{"route": [{"destination": {"host": to, "port": {"number": 80}}}]}],
    }
    bound = {"gateways": list(gateways)} if gateways else {}
    return item(
        "networking.istio.io/v1", "VirtualService", f"{namespace}/v-{host}", {**spec, **bound}
    )


def test_gateways_know_the_ports_of_pods_behind_a_headless_service() -> None:
    facts = Facts(ingress=gateway_facts("203.0.113.9", INGRESS))

    assert entered(facts=facts, served=pay(headless=True))


def test_remote_addresses_are_those_that_the_gateway_wrote_down() -> None:
    facts = replace(SIDECARS, ingress=gateway_facts("203.0.113.9", INGRESS))
    near = {"from": [{"source": {"remoteIpBlocks": ["198.51.100.0/24"]}}]}
    by_packet = {"from": [{"source": {"ipBlocks": ["198.51.100.0/24"]}}]}
    for rule, address, expected in (
        (near, "198.51.100.1", True),
        (near, "192.0.2.1", False),
        (by_packet, "198.51.100.1", False),
    ):
        allowed = authorization("shop/a", **TO_PODS, rules=[rule])

        assert entered(allowed, facts=facts, served=pay(), address=address) is expected


ROUTE_ROWS = [
    ("a route of the mesh leads elsewhere", [virtual("far.example.com")], "far.example.com", GET, True),
    ("one of a gateway does not", [virtual("far.example.com", "entry")], "far.example.com", GET, False),
    ("nor that of another namespace for itself", [{**(v := virtual("far.example.com", namespace="team", to="pay.shop")), "spec": {**v["spec"], "exportTo": ["."]}}], "far.example.com", GET, False),
    ("short names are those of its namespace", [virtual("pay", to="none", namespace="team")], "pay", GET, True),
    ("it takes requests away from a Service", [virtual("pay", to="none")], "pay", GET, False),
    ("of the kind that it has routes for", [virtual("pay", to="none")], "pay", Request("TCP"), True),
]  # fmt: skip


@pytest.mark.parametrize("row", ROUTE_ROWS, ids=[row[0] for row in ROUTE_ROWS])
def test_virtual_services_of_the_mesh(row: tuple[Any, ...]) -> None:
    _, objects, host, request, expected = row
    fleet = fleet_of(shop(*objects, facts=SIDECARS))

    assert (pod(fleet, "one/pay") in call(fleet, pod(fleet, "one/cart"), host, 80, request)) is (
        expected
    )


def test_reaching_one_port_is_not_reaching_another() -> None:
    entry = item(
        "networking.istio.io/v1",
        "ServiceEntry",
        "shop/e",
        {
            "hosts": ["pay.shop.global"],
            "resolution": "STATIC",
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "203.0.113.9"}],
        },
    )
    facts = Facts(mesh="istio", enrolled=True, dns_capture=True, sources=("10.1.0.0/16",))
    far = Facts(ingress=gateway_facts("203.0.113.9", INGRESS, "edge"), sources=("10.2.0.0/16",))
    listeners = [{"name": "it", "protocol": "HTTP", "port": 80}]
    gateway = item("gateway.networking.k8s.io/v1", "Gateway", "shop/entry", {"gatewayClassName": "edge", "listeners": listeners})  # fmt: skip
    rule = {"backendRefs": [{"name": "pay", "port": 80}]}
    route = item("gateway.networking.k8s.io/v1", "HTTPRoute", "shop/pay", {"parentRefs": [{"name": "entry"}], "rules": [rule]})  # fmt: skip
    fleet = fleet_of(shop(entry, facts=facts), shop(gateway, route, facts=far, name="two"))
    asker, target = pod(fleet, "one/cart"), pod(fleet, "two/pay")

    assert reaches(fleet, asker, target, 8080, GET)
    assert not reaches(fleet, asker, target, 9090, GET)


LINKERD = Facts(mesh="linkerd")
GATEWAY_OF_LINKERD = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "linkerd-multicluster"}}}]  # fmt: skip
PLANE = {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "linkerd"}}}], "ports": ports(8080, 8086, 8090)}  # fmt: skip
NAMES = {"ports": ports(53, protocol="UDP")}


def isolated(*rules: Any) -> Any:
    return policy("shop/out", {"app": "cart"}, policyTypes=["Egress"], egress=[NAMES, *rules])


PROXY_ROWS: list[tuple[str, list[Any], Request, bool]] = [
    ("all is open", [], GET, True),
    ("policies see the proxy's port", [policy("shop/in", {"app": "pay"}, ingress=[{"ports": ports(4143)}])], GET, True),
    ("and not that of the application", [policy("shop/in", {"app": "pay"}, ingress=[{"ports": ports(8080)}])], GET, False),
    ("proxies need the control plane", [isolated({"ports": ports(4143)})], GET, False),
    ("and get it", [isolated({"ports": ports(4143)}, PLANE)], GET, True),
]  # fmt: skip


@pytest.mark.parametrize("row", PROXY_ROWS, ids=[row[0] for row in PROXY_ROWS])
def test_between_proxies_of_linkerd(row: tuple[Any, ...]) -> None:
    _, objects, request, expected = row
    fleet = fleet_of(shop(*objects, facts=LINKERD))

    assert bool(call(fleet, pod(fleet, "one/cart"), "pay", 80, request)) is expected


EXPORTED = pay(**{"mirror.linkerd.io/exported": "true"})
MIRROR_ROWS: list[tuple[str, list[Any], list[Any], str, bool]] = [
    ("an exported Service has a mirror", [], [EXPORTED], "pay-two.shop.svc", True),
    ("by no other name", [], [EXPORTED], "pay.shop.svc", False),
    ("and no other Service has one", [], [pay()], "pay-two.shop.svc", False),
    ("the pods admit the gateway", [], [EXPORTED, policy("shop/in", {"app": "pay"}, ingress=[{"from": GATEWAY_OF_LINKERD, "ports": ports(4143)}])], "pay-two.shop.svc", True),
    ("or do not", [], [EXPORTED, policy("shop/in", {"app": "pay"}, ingress=[{"from": GATEWAY_IN, "ports": ports(4143)}])], "pay-two.shop.svc", False),
    ("the client leaves for the gateway", [isolated({**OUT, "ports": ports(4143)}, PLANE)], [EXPORTED], "pay-two.shop.svc", True),
    ("or does not", [isolated({**OUT, "ports": ports(15443)}, PLANE)], [EXPORTED], "pay-two.shop.svc", False),
]  # fmt: skip


@pytest.mark.parametrize("row", MIRROR_ROWS, ids=[row[0] for row in MIRROR_ROWS])
def test_mirrors_of_linkerd(row: tuple[Any, ...]) -> None:
    _, mine, (theirs, *others), host, expected = row
    gateway = gateway_facts("203.0.113.2", EAST_WEST, port=4143, namespace="linkerd-multicluster")
    far = replace(LINKERD, east_west=gateway, sources=("10.2.0.0/16",))
    fleet = fleet_of(
        with_service(service("shop/else"), *mine, facts=LINKERD),
        with_service(theirs, *others, facts=far, name="two"),
    )

    found = call(fleet, pod(fleet, "one/cart"), host, 80, GET)

    assert (pod(fleet, "two/pay") in found) is expected
