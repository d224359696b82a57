"""The oracle on Istio, gateways and ClusterSets: answers derived by hand from its sources."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.connectivity.fleet import Cluster, Facts
from tests.connectivity.objects import (
    EAST_WEST,
    INGRESS,
    authorization,
    fleet_of,
    gateway_facts,
    item,
    namespace,
    peers,
    pod,
    policy,
    ports,
    service,
    shop,
    workload,
)
from tests.connectivity.oracle import call, enters, reaches
from tests.connectivity.traffic import Request

SIDECARS = Facts(mesh="istio", enrolled=True, dns_capture=True)
AMBIENT = Facts(mesh="istio-ambient", enrolled=True)
GET, POST = Request("HTTP", "GET", "/pay"), Request("HTTP", "POST", "/pay")
TCP = Request("TCP")
PAY = {"matchLabels": {"app": "pay"}}
CART = "cluster.local/ns/shop/sa/cart"
STRICT = peers("shop/strict", "STRICT")
MATCH_PAY = {"selector": PAY}


def source(*principals: str, **more: Any) -> Any:
    return {"from": [{"source": {"principals": list(principals), **more}}]}


def operation(**fields: Any) -> Any:
    return {"to": [{"operation": fields}]}


def allow(*rules: Any, **spec: Any) -> Any:
    return authorization("shop/a", **{**MATCH_PAY, "rules": list(rules), **spec})


def deny(*rules: Any) -> Any:
    return authorization("shop/d", **MATCH_PAY, action="DENY", rules=list(rules))


PLAIN_CART = workload("shop/plain", **{"sidecar.istio.io/inject": "false"})
LABELLED = namespace("shop", **{"istio-injection": "enabled"})
OUT = policy(
    "shop/out",
    {"app": "cart"},
    policyTypes=["Egress"],
    egress=[{"to": [{"podSelector": PAY}]}, {"ports": ports(53, protocol="UDP")}],
)
ISTIOD = policy("shop/istiod", {}, policyTypes=["Egress"], egress=[{"ports": ports(15012)}])

SIDECAR_ROWS = [
    ("no policy allows all", [], "cart", GET, True),
    ("STRICT takes mTLS", [STRICT], "cart", GET, True),
    ("STRICT refuses plain text", [STRICT, PLAIN_CART], "plain", GET, False),
    ("PERMISSIVE takes plain text", [PLAIN_CART], "plain", GET, True),
    ("the workload's mode wins", [STRICT, peers("shop/pay", "PERMISSIVE", selector=PAY), PLAIN_CART], "plain", GET, True),
    ("DISABLE is plain text, which has no principal", [peers("shop/off", "DISABLE"), allow(source(CART))], "cart", GET, False),
    ("and talks", [peers("shop/off", "DISABLE"), allow({})], "cart", GET, True),
    ("the port's mode wins", [peers("shop/pay", "PERMISSIVE", selector=PAY, portLevelMtls={"8080": {"mode": "STRICT"}}), PLAIN_CART], "plain", GET, False),
    ("port levels need a selector", [peers("shop/all", "PERMISSIVE", portLevelMtls={"8080": {"mode": "STRICT"}}), PLAIN_CART], "plain", GET, True),
    ("the mesh's mode reaches all", [peers("istio-system/default", "STRICT"), PLAIN_CART], "plain", GET, False),
    ("ALLOW names a principal", [allow(source(CART))], "cart", GET, True),
    ("and denies all others", [allow(source(CART))], "web", GET, False),
    ("plain text has no principal", [allow(source("*")), PLAIN_CART], "plain", GET, False),
    ("an ALLOW without rules denies all", [allow()], "cart", GET, False),
    ("a rule without fields allows all", [allow({})], "web", GET, True),
    ("another workload's policy", [authorization("shop/a", selector={"matchLabels": {"app": "web"}}, rules=[])], "cart", GET, True),
    ("the namespace's policy", [authorization("shop/a")], "cart", GET, False),
    ("another namespace's policy", [authorization("team/a")], "cart", GET, True),
    ("the root namespace's policy", [authorization("istio-system/a")], "cart", GET, False),
    ("DENY goes first", [allow(source(CART)), deny(source(CART))], "cart", GET, False),
    ("DENY is for its match", [deny(source(CART))], "web", GET, True),
    ("policies of a kind are ORed", [allow(source("x")), authorization("shop/b", **MATCH_PAY, rules=[source(CART)])], "cart", GET, True),
    ("methods allow", [allow({**source(CART), **operation(methods=["GET"])})], "cart", GET, True),
    ("methods refuse", [allow({**source(CART), **operation(methods=["GET"])})], "cart", POST, False),
    ("a prefix of paths", [allow(operation(paths=["/pa*"]))], "cart", GET, True),
    ("an exact path", [allow(operation(paths=["/pa"]))], "cart", GET, False),
    ("a path template", [allow(operation(paths=["/{*}"]))], "cart", GET, True),
    ("notPaths take out", [allow(operation(notPaths=["/pay"]))], "cart", GET, False),
    ("ports are the pod's", [allow(operation(ports=["80"]))], "cart", GET, False),
    ("the port of the pod", [allow(operation(ports=["8080"]))], "cart", GET, True),
    ("fields of one operation are ANDed", [allow(operation(ports=["8080"], methods=["POST"]))], "cart", GET, False),
    ("HTTP rules never match TCP", [allow(operation(methods=["GET"]))], "cart", TCP, False),
    ("namespaces", [allow({"from": [{"source": {"namespaces": ["shop"]}}]})], "cart", GET, True),
    ("service accounts", [allow({"from": [{"source": {"serviceAccounts": ["cart"]}}]})], "web", GET, False),
    ("conditions are ANDed", [allow({**source(CART), "when": [{"key": "destination.port", "values": ["9090"]}]})], "cart", GET, False),
    ("a sidecar needs istiod", [OUT], "cart", GET, False),
    ("and gets it", [OUT, ISTIOD], "cart", GET, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "client", "request_", "expected"),
    [row[1:] for row in SIDECAR_ROWS],
    ids=[row[0] for row in SIDECAR_ROWS],
)
def test_sidecars(objects: list[Any], client: str, request_: Request, expected: bool) -> None:
    fleet = fleet_of(shop(*objects, facts=SIDECARS))
    asker = pod(fleet, f"one/{client}")

    assert (pod(fleet, "one/pay") in call(fleet, asker, "pay", 80, request_)) is expected


def test_the_mode_of_a_destination_rule_overrides_automatic_tls() -> None:
    rule = item(
        "networking.istio.io/v1",
        "DestinationRule",
        "shop/pay",
        {"host": "pay", "trafficPolicy": {"tls": {"mode": "DISABLE"}}},
    )
    fleet = fleet_of(shop(STRICT, rule, facts=SIDECARS))

    assert call(fleet, pod(fleet, "one/cart"), "pay.shop", 80, GET) == set()


def test_namespaces_are_enrolled_by_labels() -> None:
    facts = replace(SIDECARS, enrolled=False)
    bare = fleet_of(shop(STRICT, facts=facts))
    labelled = fleet_of(shop(STRICT, LABELLED, allow(source(CART)), facts=facts))

    assert call(bare, pod(bare, "one/web"), "pay", 80, GET)
    assert call(labelled, pod(labelled, "one/cart"), "pay", 80, GET)
    assert not call(labelled, pod(labelled, "one/web"), "pay", 80, GET)


WAYPOINT = item(
    "gateway.networking.k8s.io/v1",
    "Gateway",
    "shop/way",
    {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]},
)  # fmt: skip
USING = service("shop/pay", ("http", 80, "http"), **{"istio.io/use-waypoint": "way"})
AT_SERVICE = {"targetRefs": [{"kind": "Service", "group": "", "name": "pay"}]}
L7 = authorization("shop/l7", **AT_SERVICE, rules=[{**source(CART), **operation(methods=["GET"])}])
FROM_WAYPOINT = authorization("shop/l4", **MATCH_PAY, rules=[source("cluster.local/ns/shop/sa/way")])  # fmt: skip
OPEN_80 = policy("shop/in", {"app": "pay"}, ingress=[{"ports": ports(8080)}])
OPEN_HBONE = policy("shop/in", {"app": "pay"}, ingress=[{"ports": ports(15008)}])

AMBIENT_ROWS = [
    ("all is open", [], "cart", GET, True),
    ("tunnels use port 15008", [OPEN_80], "cart", GET, False),
    ("and need it open", [OPEN_HBONE], "cart", GET, True),
    ("ztunnel knows principals", [allow(source(CART))], "cart", GET, True),
    ("and refuses others", [allow(source(CART))], "web", GET, False),
    ("ALLOW with methods never matches at ztunnel", [allow(operation(methods=["GET"]))], "cart", GET, False),
    ("DENY with methods is for all requests", [deny(operation(methods=["POST"]))], "cart", GET, False),
    ("targetRefs are not for ztunnel", [authorization("shop/a", **AT_SERVICE, rules=[])], "cart", GET, True),
    ("a waypoint reads methods", [WAYPOINT, USING, L7], "cart", GET, True),
    ("and refuses them", [WAYPOINT, USING, L7], "cart", POST, False),
    ("and other callers", [WAYPOINT, USING, L7], "web", GET, False),
    ("without its Gateway there is none", [USING, L7], "web", POST, True),
    ("behind a waypoint the client is unknown", [WAYPOINT, USING, allow(source(CART))], "cart", GET, False),
    ("but the waypoint is known", [WAYPOINT, USING, L7, FROM_WAYPOINT], "cart", GET, True),
    ("selectors are not for waypoints", [WAYPOINT, USING, authorization("shop/a", selector={"matchLabels": {"gateway.networking.k8s.io/gateway-name": "way"}})], "cart", GET, True),
    ("a policy of the Gateway", [WAYPOINT, USING, authorization("shop/a", targetRefs=[{"kind": "Gateway", "name": "way"}])], "cart", GET, False),
    ("the waypoint's pods are under NetworkPolicies", [WAYPOINT, USING, policy("shop/deny", {}, policyTypes=["Ingress"]), OPEN_HBONE], "cart", GET, False),
    ("UDP is not tunnelled", [OPEN_HBONE], "cart", Request("UDP"), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "client", "request_", "expected"),
    [row[1:] for row in AMBIENT_ROWS],
    ids=[row[0] for row in AMBIENT_ROWS],
)
def test_ambient(objects: list[Any], client: str, request_: Request, expected: bool) -> None:
    kept = [each for each in shop().of("Service") if USING not in objects]
    udp = item("v1", "Service", "shop/dgram", {"selector": {"app": "pay"}, "ports": [{"port": 80, "protocol": "UDP", "targetPort": "dgram"}]})  # fmt: skip
    fleet = fleet_of(without_services(*objects, *kept, udp, facts=AMBIENT))
    host = "dgram" if request_.protocol == "UDP" else "pay"

    assert (
        pod(fleet, "one/pay") in call(fleet, pod(fleet, f"one/{client}"), host, 80, request_)
    ) is expected


def without_services(*objects: Any, facts: Facts, name: str = "one") -> Cluster:
    """The shop with Services of the test's own."""
    world = shop(name=name)
    kept = [each for kind, found in world.kinds.items() if kind != "Service" for each in found]
    return Cluster(name, [*kept, *objects], facts)


def test_around_a_waypoint_by_the_address_of_the_pod() -> None:
    open_, closed = ([WAYPOINT, USING, L7, *more] for more in ([], [FROM_WAYPOINT]))
    for objects, expected in ((open_, True), (closed, False)):
        fleet = fleet_of(without_services(*objects, facts=AMBIENT))
        asker, target = pod(fleet, "one/web"), pod(fleet, "one/pay")

        assert reaches(fleet, asker, target, 8080, POST) is expected


def istio(kind: str, where: str, **spec: Any) -> Any:
    return item("networking.istio.io/v1", kind, where, spec)


def server(mode: str, *hosts: str, number: int = 15443) -> Any:
    port = {"number": number, "name": "tls", "protocol": "TLS"}
    return {"port": port, "hosts": list(hosts), "tls": {"mode": mode}}


def gateway(*servers: Any, where: str = "istio-system/cross", **selector: str) -> Any:
    return istio("Gateway", where, selector=selector or EAST_WEST, servers=list(servers))


CROSS = gateway(server("AUTO_PASSTHROUGH", "*.local"))
ENTRY = istio(
    "ServiceEntry",
    "shop/pay-global",
    hosts=["pay.shop.global"],
    location="MESH_INTERNAL",
    resolution="STATIC",
    exportTo=["."],
    ports=[{"number": 80, "name": "http", "protocol": "HTTP"}],
    endpoints=[{"address": "203.0.113.2", "ports": {"http": 15443}, "locality": "eu"}],
)
MUTUAL = istio(
    "DestinationRule",
    "shop/pay-global",
    host="pay.shop.global",
    trafficPolicy={"tls": {"mode": "ISTIO_MUTUAL", "sni": "pay.shop.global"}},
)
VIRTUAL = istio(
    "VirtualService",
    "shop/pay-global",
    hosts=["pay.shop.global"],
    gateways=["istio-system/cross"],
    tls=[
        {
            "match": [{"port": 15443, "sniHosts": ["pay.shop.global"]}],
            "route": [{"destination": {"host": "pay.shop.svc.cluster.local", "port": {"number": 80}}}],
        }
    ],
)  # fmt: skip
PASSTHROUGH = gateway(server("PASSTHROUGH", "pay.shop.global"))
ONE_MESH = {"mesh_id": "m", "network": "n1", "sources": ("10.1.0.0/16",)}
OTHER_NET = {"mesh_id": "m", "network": "n2", "sources": ("10.2.0.0/16",)}
APART = {"trust_domain": "one", "sources": ("10.1.0.0/16",)}
APART_TWO = {"trust_domain": "two", "aliases": ("one",), "sources": ("10.2.0.0/16",)}
ONE_CART = "one/ns/shop/sa/cart"

ACROSS_ROWS: list[tuple[str, Mapping[str, Any], Sequence[Any], Mapping[str, Any], Sequence[Any], str, bool]] = [
    ("one mesh, by the east-west gateway", ONE_MESH, [], OTHER_NET, [CROSS], "pay", True),
    ("which somebody must open", ONE_MESH, [], OTHER_NET, [], "pay", False),
    ("with the client's identity", ONE_MESH, [], OTHER_NET, [CROSS, allow(source(CART))], "pay", True),
    ("which must be allowed", ONE_MESH, [], OTHER_NET, [CROSS, allow(source("cluster.local/ns/shop/sa/web"))], "pay", False),
    ("one mesh, one network", ONE_MESH, [], {**OTHER_NET, "network": "n1"}, [], "pay", True),
    ("the server's pods admit the gateway", ONE_MESH, [], OTHER_NET, [CROSS, policy("shop/in", {"app": "pay"}, ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}]}])], "pay", True),
    ("and otherwise not", ONE_MESH, [], OTHER_NET, [CROSS, policy("shop/in", {"app": "pay"}, ingress=[{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}])], "pay", False),
    ("the client may leave to the gateway", ONE_MESH, [policy("shop/out", {"app": "cart"}, policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "203.0.113.2/32"}}], "ports": ports(15443)}, {"ports": ports(53, protocol="UDP")}]), ISTIOD], OTHER_NET, [CROSS], "pay", True),
    ("or may not", ONE_MESH, [OUT, ISTIOD], OTHER_NET, [CROSS], "pay", False),
    ("AUTO_PASSTHROUGH by the Service's own name", ONE_MESH, [], OTHER_NET, [gateway(server("AUTO_PASSTHROUGH", "pay.shop.svc.cluster.local"))], "pay", True),
    ("and by no other one", ONE_MESH, [], OTHER_NET, [gateway(server("AUTO_PASSTHROUGH", "web.shop.svc.cluster.local"))], "pay", False),
    ("entries need DNS that answers for them", {**APART, "dns_capture": False}, [ENTRY, MUTUAL], APART_TWO, [PASSTHROUGH, VIRTUAL], "pay.shop.global", False),
    ("separate meshes do not know each other's Services", APART, [], APART_TWO, [CROSS], "pay", False),
    ("a ServiceEntry leads to the gateway", APART, [ENTRY, MUTUAL], APART_TWO, [PASSTHROUGH, VIRTUAL], "pay.shop.global", True),
    ("with the client's own identity", APART, [ENTRY, MUTUAL], APART_TWO, [PASSTHROUGH, VIRTUAL, allow(source(ONE_CART))], "pay.shop.global", True),
    ("its trust domain must be an alias", APART, [ENTRY, MUTUAL], {**APART_TWO, "aliases": ()}, [PASSTHROUGH, VIRTUAL], "pay.shop.global", False),
    ("its root must be trusted", {**APART, "root": "other"}, [ENTRY, MUTUAL], APART_TWO, [PASSTHROUGH, VIRTUAL], "pay.shop.global", False),
    ("and can be", {**APART, "root": "other"}, [ENTRY, MUTUAL], {**APART_TWO, "trusts": ("other",)}, [PASSTHROUGH, VIRTUAL], "pay.shop.global", True),
    ("PASSTHROUGH needs a route", APART, [ENTRY, MUTUAL], APART_TWO, [PASSTHROUGH], "pay.shop.global", False),
    ("the SNI must match the gateway", APART, [ENTRY, MUTUAL], APART_TWO, [gateway(server("PASSTHROUGH", "x.global")), VIRTUAL], "pay.shop.global", False),
    ("the labels must match the gateway", APART, [ENTRY, MUTUAL], APART_TWO, [gateway(server("PASSTHROUGH", "*.global"), istio="else"), VIRTUAL], "pay.shop.global", False),
    ("without TLS nothing passes", APART, [ENTRY], APART_TWO, [PASSTHROUGH, VIRTUAL], "pay.shop.global", False),
    ("entries of other namespaces are theirs", APART, [{**ENTRY, "metadata": {"name": "e", "namespace": "team"}}, MUTUAL], APART_TWO, [PASSTHROUGH, VIRTUAL], "pay.shop.global", False),
    ("ISTIO_MUTUAL ends TLS, then HTTP routes count", APART, [ENTRY, MUTUAL], APART_TWO, [gateway(server("ISTIO_MUTUAL", "*.global")), VIRTUAL], "pay.shop.global", False),
    ("AUTO_PASSTHROUGH reads Istio's own SNI only", APART, [ENTRY, MUTUAL], APART_TWO, [gateway(server("AUTO_PASSTHROUGH", "*.global")), VIRTUAL], "pay.shop.global", False),
    ("a ClusterSet by the exported name", {"mesh": "none", "cluster_set": "s"}, [], {"mesh": "none", "cluster_set": "s"}, [item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {})], "pay.shop.svc.clusterset.local", True),
    ("only what is exported", {"mesh": "none", "cluster_set": "s"}, [], {"mesh": "none", "cluster_set": "s"}, [], "pay.shop.svc.clusterset.local", False),
    ("only in the set", {"mesh": "none", "cluster_set": "s"}, [], {"mesh": "none", "cluster_set": "t"}, [item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {})], "pay.shop.svc.clusterset.local", False),
    ("sources keep their addresses", {"mesh": "none", "cluster_set": "s", "sources": ("10.1.0.0/16",)}, [], {"mesh": "none", "cluster_set": "s"}, [item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {}), policy("shop/in", {"app": "pay"}, ingress=[{"from": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}])], "pay.shop.svc.clusterset.local", True),
    ("and are no pods of the server's cluster", {"mesh": "none", "cluster_set": "s", "sources": ("10.1.0.0/16",)}, [], {"mesh": "none", "cluster_set": "s"}, [item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {}), policy("shop/in", {"app": "pay"}, ingress=[{"from": [{"podSelector": {}}]}])], "pay.shop.svc.clusterset.local", False),
    ("STRICT refuses what comes by a ClusterSet", {"cluster_set": "s"}, [], {"cluster_set": "s"}, [item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {}), STRICT], "pay.shop.svc.clusterset.local", False),
]  # fmt: skip


@pytest.mark.parametrize("row", ACROSS_ROWS, ids=[row[0] for row in ACROSS_ROWS])
def test_across_clusters(row: tuple[Any, ...]) -> None:
    _, ours, mine, theirs, others, host, expected = row
    base = SIDECARS
    client = replace(base, **ours)
    target = replace(base, east_west=gateway_facts("203.0.113.2", EAST_WEST), **theirs)
    fleet = fleet_of(shop(*mine, facts=client), shop(*others, facts=target, name="two"))
    found = call(fleet, pod(fleet, "one/cart"), host, 80, GET)

    assert (pod(fleet, "two/pay") in found) is expected


SLICE = item("discovery.k8s.io/v1", "EndpointSlice", "shop/far-1", None, labels={"kubernetes.io/service-name": "far"})  # fmt: skip
SLICE |= {"addressType": "IPv4", "endpoints": [{"addresses": ["203.0.113.9"]}], "ports": [{"name": "http", "port": 8000}]}  # fmt: skip
FAR = item("v1", "Service", "shop/far", {"ports": [{"name": "http", "port": 80}]})


def kubernetes(kind: str, where: str, **spec: Any) -> Any:
    return item("gateway.networking.k8s.io/v1", kind, where, spec)


def listener(protocol: str, port: int, **more: Any) -> Any:
    return {"name": "it", "protocol": protocol, "port": port, **more}


def route(kind: str = "HTTPRoute", where: str = "shop/pay", **spec: Any) -> Any:
    refs = [{"name": "entry", "namespace": "shop"}]
    return kubernetes(kind, where, **{"parentRefs": refs, "hostnames": ["pay.example.com"], **spec})


TO_PAY = {"backendRefs": [{"name": "pay", "namespace": "shop", "port": 80}]}
ENTRY_HTTP = kubernetes("Gateway", "shop/entry", gatewayClassName="edge", listeners=[listener("HTTP", 80)])  # fmt: skip
ENTRY_TLS = kubernetes("Gateway", "shop/entry", gatewayClassName="edge", listeners=[listener("TLS", 443, tls={"mode": "Passthrough"})])  # fmt: skip
ENTRY_ALL = kubernetes("Gateway", "shop/entry", gatewayClassName="edge", listeners=[listener("HTTP", 80, allowedRoutes={"namespaces": {"from": "All"}})])  # fmt: skip
GRANT = kubernetes("ReferenceGrant", "shop/g", **{"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "team"}], "to": [{"group": "", "kind": "Service"}]})  # fmt: skip
GET_ONLY = {"matches": [{"method": "GET", "path": {"type": "PathPrefix", "value": "/p"}}], **TO_PAY}
PREFIX = {"matches": [{"path": {"type": "PathPrefix", "value": "/pay"}}], **TO_PAY}
OPEN = gateway({"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["shop/pay.example.com"]}, where="shop/entry", **INGRESS)  # fmt: skip
HTTP_ROUTE = istio("VirtualService", "shop/pay", hosts=["pay.example.com"], gateways=["entry"], http=[{"match": [{"uri": {"prefix": "/pay"}}], "route": [{"destination": {"host": "pay", "port": {"number": 80}}}]}])  # fmt: skip

OUTSIDE_ROWS = [
    ("no object, no way", [], 80, "plain", GET, False),
    ("an HTTPRoute leads in", [ENTRY_HTTP, route(rules=[TO_PAY])], 80, "plain", GET, True),
    ("for its host", [ENTRY_HTTP, route(hostnames=["x.example.com"], rules=[TO_PAY])], 80, "plain", GET, False),
    ("at its port", [ENTRY_HTTP, route(rules=[TO_PAY])], 81, "plain", GET, False),
    ("for its method", [ENTRY_HTTP, route(rules=[GET_ONLY])], 80, "plain", POST, False),
    ("prefixes end at a slash", [ENTRY_HTTP, route(rules=[GET_ONLY])], 80, "plain", GET, False),
    ("a prefix of whole elements", [ENTRY_HTTP, route(rules=[PREFIX])], 80, "plain", GET, True),
    ("the longest path counts", [ENTRY_HTTP, route(rules=[TO_PAY, {"matches": PREFIX["matches"]}])], 80, "plain", GET, False),
    ("routes of other namespaces are not taken", [ENTRY_HTTP, GRANT, route(where="team/pay", rules=[TO_PAY])], 80, "plain", GET, False),
    ("unless the listener allows them", [ENTRY_ALL, GRANT, route(where="team/pay", rules=[TO_PAY])], 80, "plain", GET, True),
    ("and the namespace of the backend grants it", [ENTRY_ALL, route(where="team/pay", rules=[TO_PAY])], 80, "plain", GET, False),
    ("TLS passes through by its name", [ENTRY_TLS, route("TLSRoute", rules=[TO_PAY])], 443, "tls", Request("TLS"), True),
    ("TLS does not come in plain", [ENTRY_TLS, route("TLSRoute", rules=[TO_PAY])], 443, "plain", GET, False),
    ("an Istio Gateway needs a VirtualService", [OPEN], 80, "plain", GET, False),
    ("which leads in", [OPEN, HTTP_ROUTE], 80, "plain", GET, True),
    ("for its paths", [OPEN, HTTP_ROUTE], 80, "plain", Request("HTTP", "GET", "/admin"), False),
    ("the pods admit the gateway or not", [OPEN, HTTP_ROUTE, policy("shop/in", {"app": "pay"}, ingress=[])], 80, "plain", GET, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("objects", "port", "tls", "request_", "expected"),
    [row[1:] for row in OUTSIDE_ROWS],
    ids=[row[0] for row in OUTSIDE_ROWS],
)
def test_from_outside(
    objects: list[Any], port: int, tls: str, request_: Request, expected: bool
) -> None:
    facts = Facts(ingress=gateway_facts("203.0.113.9", INGRESS, "edge"))
    fleet = fleet_of(shop(*objects, facts=facts))
    arrival = ("pay.example.com", tls, request_)

    assert bool(enters(fleet, fleet["one"], "198.51.100.1", port, arrival)) is expected


def test_a_service_without_selector_leads_to_the_addresses_of_its_slices() -> None:
    facts = Facts(ingress=gateway_facts("203.0.113.9", INGRESS, "edge"))
    entry = kubernetes("Gateway", "shop/entry", gatewayClassName="edge", listeners=[listener("HTTP", 8000)])  # fmt: skip
    there = shop(entry, route(hostnames=["far"], rules=[TO_PAY]), facts=facts, name="two")
    fleet = fleet_of(shop(FAR, SLICE), there)

    assert call(fleet, pod(fleet, "one/cart"), "far", 80, GET) == {pod(fleet, "two/pay")}


def test_policies_at_a_gateway_see_the_client() -> None:
    facts = replace(SIDECARS, ingress=gateway_facts("203.0.113.9", INGRESS))
    only = authorization("istio-system/a", selector={"matchLabels": INGRESS}, rules=[operation(paths=["/open"])])  # fmt: skip
    fleet = fleet_of(shop(OPEN, HTTP_ROUTE, only, facts=facts))

    assert not enters(fleet, fleet["one"], "198.51.100.1", 80, ("pay.example.com", "plain", GET))


def test_of_a_cluster_mesh_only_the_named_cluster_is_meant() -> None:
    facts = Facts(engines=frozenset({"cilium"}), cluster_mesh="m", cluster_set="s")
    export = item("multicluster.x-k8s.io/v1beta1", "ServiceExport", "shop/pay", {})
    for labels, expected in (({}, False), ({"io.cilium.k8s.policy.cluster": "one"}, True)):
        peer = {"matchLabels": {"app": "cart", **labels}}
        rule = item("cilium.io/v2", "CiliumNetworkPolicy", "shop/a", {"endpointSelector": PAY, "ingress": [{"fromEndpoints": [peer]}]})  # fmt: skip
        there = shop(export, rule, facts=facts, name="two")
        fleet = fleet_of(shop(facts=facts), there)
        asker, target = pod(fleet, "one/cart"), pod(fleet, "two/pay")

        assert reaches(fleet, asker, target, 8080, GET) is expected
