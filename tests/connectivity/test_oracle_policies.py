"""The oracle on policies of the network: answers derived by hand from the sources that it names.

Everywhere: may `client` open `port` of the pods of pay (8080 http, 9090 metrics, 7000/UDP dgram)?
"""

from typing import Any

import pytest

from tests.connectivity.fleet import Facts
from tests.connectivity.objects import fleet_of, item, pod, policy, ports, shop
from tests.connectivity.oracle import call, leaves, reaches
from tests.connectivity.traffic import Request

PAY, CART = {"app": "pay"}, {"app": "cart"}
DENY = policy("shop/deny", {}, policyTypes=["Ingress", "Egress"])
DENY_IN = policy("shop/deny-in", {}, policyTypes=["Ingress"])
DNS = policy("shop/dns", {}, policyTypes=["Egress"], egress=[{"ports": ports(53, protocol="UDP")}])
FROM_CART = {"podSelector": {"matchLabels": CART}}
FROM_TEAM = {"namespaceSelector": {"matchLabels": {"owner": "us"}}}
TO_PAY = {"podSelector": {"matchLabels": PAY}}
ANY = {"ipBlock": {"cidr": "0.0.0.0/0"}}


def inwards(*rules: Any, **more: Any) -> Any:
    return policy("shop/in", PAY, ingress=list(rules), **more)


def outwards(*rules: Any, **more: Any) -> Any:
    return policy("shop/out", CART, egress=list(rules), policyTypes=["Egress"], **more)


def expression(operator: str, *values: str) -> Any:
    given = {"values": list(values)} if values else {}
    selector = {"matchExpressions": [{"key": "tier", "operator": operator, **given}]}
    return inwards({"from": [{"podSelector": selector}]})


NETWORK_POLICIES = [
    ("no policy opens everything", [], "other", 8080, True),
    ("a policy with no rules denies", [DENY_IN], "cart", 8080, False),
    ("types default to ingress alone", [policy("shop/p", CART)], "cart", 8080, True),
    ("egress section adds the type", [policy("shop/p", CART, egress=[])], "cart", 8080, False),
    ("an empty rule opens everything", [inwards({})], "other", 8080, True),
    ("podSelector is the own namespace", [inwards({"from": [FROM_CART]})], "cart", 8080, True),
    ("and selects by labels", [inwards({"from": [FROM_CART]})], "web", 8080, False),
    ("namespaceSelector alone", [inwards({"from": [FROM_TEAM]})], "other", 8080, True),
    ("does not hold the own one", [inwards({"from": [FROM_TEAM]})], "cart", 8080, False),
    ("both are ANDed", [inwards({"from": [{**FROM_TEAM, **FROM_CART}]})], "other", 8080, False),
    ("two peers are ORed", [inwards({"from": [FROM_TEAM, FROM_CART]})], "other", 8080, True),
    ("policies add up", [DENY_IN, inwards({"from": [FROM_CART]})], "cart", 8080, True),
    ("ports restrict", [inwards({"ports": ports(9090)})], "cart", 8080, False),
    ("ports open", [inwards({"ports": ports(9090)})], "cart", 9090, True),
    ("named ports are the pod's", [inwards({"ports": ports("http")})], "cart", 8080, True),
    ("another name does not", [inwards({"ports": ports("metrics")})], "cart", 8080, False),
    (
        "endPort ends a range",
        [inwards({"ports": [{"port": 8000, "endPort": 8080}]})],
        "cart",
        8080,
        True,
    ),
    (
        "and nothing beyond",
        [inwards({"ports": [{"port": 8000, "endPort": 8079}]})],
        "cart",
        8080,
        False,
    ),
    ("protocol without port", [inwards({"ports": [{"protocol": "UDP"}]})], "cart", 8080, False),
    ("egress must allow too", [DENY, DNS, inwards({"from": [FROM_CART]})], "cart", 8080, False),
    (
        "both ends allow",
        [DENY, DNS, inwards({"from": [FROM_CART]}), outwards({"to": [TO_PAY]})],
        "cart",
        8080,
        True,
    ),
    ("ingress must allow too", [DENY, DNS, outwards({"to": [TO_PAY]})], "cart", 8080, False),
    ("egress by named port", [outwards({"ports": ports("http")})], "cart", 8080, True),
    ("a range holds pods", [inwards({"from": [ANY]})], "cart", 8080, True),
    (
        "except takes out",
        [inwards({"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16"]}}]})],
        "cart",
        8080,
        False,
    ),
    ("In", [expression("In", "front", "back")], "web", 8080, True),
    ("In needs the key", [expression("In", "front")], "cart", 8080, False),
    ("NotIn takes what has no key", [expression("NotIn", "front")], "cart", 8080, True),
    ("Exists", [expression("Exists")], "cart", 8080, False),
    ("DoesNotExist", [expression("DoesNotExist")], "cart", 8080, True),
    (
        "other namespaces' policies do not select",
        [policy("team/deny", {}, policyTypes=["Ingress"])],
        "cart",
        8080,
        True,
    ),
]


def rows(table: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("objects", "client", "port", "expected"),
        [row[1:] for row in table],
        ids=[row[0] for row in table],
    )


def reached(objects: list[Any], client: str, port: int, *engines: str) -> bool:
    fleet = fleet_of(shop(*objects, facts=Facts(engines=frozenset(engines))))
    protocol = "UDP" if port == 7000 else "TCP"
    target = pod(fleet, "one/pay")
    return reaches(fleet, pod(fleet, f"one/{client}"), target, port, Request(protocol))


@rows(NETWORK_POLICIES)
def test_network_policies(objects: list[Any], client: str, port: int, expected: bool) -> None:
    assert reached(objects, client, port) is expected


def tiers(name: str, tier: str, priority: int, **sections: Any) -> Any:
    spec = {"tier": tier, "priority": priority, "subject": {"namespaces": {}}, **sections}
    return item("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", name, spec)


def ruled(action: str, peer: Any = None, **more: Any) -> list[Any]:
    return [{"action": action, "from": [peer or {"namespaces": {}}], **more}]


CART_PEER = {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": CART}}}
ADMIN_DENY = tiers("a", "Admin", 10, ingress=ruled("Deny"))
ADMIN_PASS = tiers("b", "Admin", 5, ingress=ruled("Pass", CART_PEER))
BASE_DENY = tiers("c", "Baseline", 10, ingress=ruled("Deny"))
TCP_8080 = [{"tcp": {"destinationPort": {"number": 8080}}}]
RANGE = [{"tcp": {"destinationPort": {"range": {"start": 8000, "end": 8079}}}}]

CLUSTER_NETWORK_POLICIES = [
    ("Admin Deny is final", [ADMIN_DENY, inwards({})], "cart", 8080, False),
    ("Admin Accept is final", [tiers("a", "Admin", 1, ingress=ruled("Accept")), DENY_IN], "cart", 8080, True),
    ("lower priority first", [ADMIN_DENY, ADMIN_PASS], "cart", 8080, True),
    ("Pass is for its peers", [ADMIN_DENY, ADMIN_PASS], "web", 8080, False),
    ("Pass leads to NetworkPolicies", [ADMIN_DENY, ADMIN_PASS, DENY_IN], "cart", 8080, False),
    ("Baseline denies what nobody selects", [BASE_DENY], "cart", 8080, False),
    ("a NetworkPolicy overrides Baseline", [BASE_DENY, inwards({"from": [FROM_CART]})], "cart", 8080, True),
    ("the first rule of a policy counts", [tiers("a", "Admin", 1, ingress=[*ruled("Accept", CART_PEER), *ruled("Deny")])], "cart", 8080, True),
    ("protocols match ports", [tiers("a", "Admin", 1, ingress=ruled("Deny", protocols=TCP_8080))], "cart", 8080, False),
    ("and no others", [tiers("a", "Admin", 1, ingress=ruled("Deny", protocols=TCP_8080))], "cart", 9090, True),
    ("ranges end where they say", [tiers("a", "Admin", 1, ingress=ruled("Deny", protocols=RANGE))], "cart", 8080, True),
    ("named ports", [tiers("a", "Admin", 1, ingress=ruled("Deny", protocols=[{"destinationNamedPort": "http"}]))], "cart", 8080, False),
    ("networks hold pods", [tiers("a", "Admin", 1, egress=[{"action": "Deny", "to": [{"networks": ["0.0.0.0/0"]}]}])], "cart", 8080, False),
    ("an unknown peer denies all", [tiers("a", "Admin", 1, ingress=ruled("Deny", {"new": 1}))], "cart", 8080, False),
]  # fmt: skip


@rows(CLUSTER_NETWORK_POLICIES)
def test_cluster_network_policies(
    objects: list[Any], client: str, port: int, expected: bool
) -> None:
    assert reached(objects, client, port, "cluster-network-policy") is expected


def cilium(where: str, chosen: Any, **sections: Any) -> Any:
    spec = {"endpointSelector": {"matchLabels": chosen}, **sections}
    return item("cilium.io/v2", "CiliumNetworkPolicy", where, spec)


def http(*rules: Any) -> Any:
    return [{"ports": [{"port": "8080", "protocol": "TCP"}], "rules": {"http": list(rules)}}]


CART_IN = [{"fromEndpoints": [{"matchLabels": CART}]}]
TEAM_IN = [{"fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "team"}}]}]

CILIUM = [
    ("selected endpoints deny by default", [cilium("shop/a", PAY, ingress=[{}])], "cart", 8080, False),
    ("not in the other direction", [cilium("shop/a", CART, ingress=[{}])], "cart", 8080, True),
    ("enableDefaultDeny turns it off", [cilium("shop/a", PAY, ingress=[{}], enableDefaultDeny={"ingress": False})], "cart", 8080, True),
    ("endpoints of the own namespace", [cilium("shop/a", PAY, ingress=CART_IN)], "cart", 8080, True),
    ("and no others", [cilium("shop/a", PAY, ingress=[{"fromEndpoints": [{}]}])], "other", 8080, False),
    ("a namespace by its label", [cilium("shop/a", PAY, ingress=TEAM_IN)], "other", 8080, True),
    ("deny wins", [cilium("shop/a", PAY, ingress=CART_IN, ingressDeny=CART_IN)], "cart", 8080, False),
    ("kinds of policies add up", [DENY_IN, cilium("shop/a", PAY, ingress=CART_IN)], "cart", 8080, True),
    ("ports without peers are for all", [cilium("shop/a", PAY, ingress=[{"toPorts": [{"ports": [{"port": "8080"}]}]}])], "other", 8080, True),
    ("named ports", [cilium("shop/a", PAY, ingress=[{"toPorts": [{"ports": [{"port": "http"}]}]}])], "cart", 8080, True),
    ("CIDRs do not hold endpoints", [cilium("shop/a", PAY, ingress=[{"fromCIDR": ["0.0.0.0/0"]}])], "cart", 8080, False),
    ("nor do ipBlocks", [inwards({"from": [ANY]})], "cart", 8080, False),
    ("entity cluster", [cilium("shop/a", PAY, ingress=[{"fromEntities": ["cluster"]}])], "other", 8080, True),
    ("entity world", [cilium("shop/a", PAY, ingress=[{"fromEntities": ["world"]}])], "other", 8080, False),
    ("accounts", [cilium("shop/a", PAY, ingress=[{"fromEndpoints": [{"matchLabels": {"io.cilium.k8s.policy.serviceaccount": "web"}}]}])], "web", 8080, True),
    ("protocol UDP", [cilium("shop/a", PAY, ingress=[{"toPorts": [{"ports": [{"port": "7000", "protocol": "TCP"}]}]}])], "cart", 7000, False),
    ("L7 rules refuse what is not HTTP", [cilium("shop/a", PAY, ingress=[{"toPorts": http({"method": "GET"})}])], "cart", 8080, False),
]  # fmt: skip


@rows(CILIUM)
def test_cilium_policies(objects: list[Any], client: str, port: int, expected: bool) -> None:
    assert reached(objects, client, port, "cilium") is expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/pay", True),
        ("POST", "/pay", False),
        ("GET", "/pay/1", False),
        ("PUT", "/admin", True),
    ],
)
def test_cilium_reads_methods_and_paths_as_whole_expressions(
    method: str, path: str, expected: bool
) -> None:
    rule = [{"toPorts": http({"method": "GET", "path": "/pay"}, {"path": "/admin.*"})}]
    fleet = fleet_of(
        shop(cilium("shop/a", PAY, ingress=rule), facts=Facts(engines=frozenset({"cilium"})))
    )
    request = Request("HTTP", method, path)

    assert reaches(fleet, pod(fleet, "one/cart"), pod(fleet, "one/pay"), 8080, request) is expected


def dns(pattern: str) -> Any:
    space = {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns"}
    lookups = [{"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": pattern}]}}]  # fmt: skip
    return {"toEndpoints": [{"matchLabels": space}], "toPorts": lookups}


def firewall(*rules: Any) -> Any:
    return item("k8s.ovn.org/v1", "EgressFirewall", "shop/default", {"egress": list(rules)})


ALLOW_STRIPE = {"type": "Allow", "to": {"dnsName": "api.stripe.com"}}
DENY_ALL = {"type": "Deny", "to": {"cidrSelector": "0.0.0.0/0"}}
TO_STRIPE = {"toFQDNs": [{"matchName": "api.stripe.com"}]}
DOMAINS = tiers(
    "a",
    "Admin",
    1,
    egress=[
        {"action": "Accept", "to": [{"domainNames": ["*.stripe.com"]}]},
        {"action": "Deny", "to": [{"networks": ["198.18.0.0/15"]}]},
    ],
)

OUTSIDE = [
    ("nothing forbids it", "", [], "api.stripe.com", 443, True),
    ("names need DNS", "", [outwards({"to": [ANY], "ports": ports(443)})], "api.stripe.com", 443, False),
    ("an address needs none", "", [outwards({"to": [ANY], "ports": ports(443)})], "198.51.100.7", 443, True),
    ("only the range", "", [outwards({"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]})], "203.0.113.1", 443, False),
    ("Cilium by name", "cilium", [cilium("shop/a", CART, egress=[dns("*"), TO_STRIPE])], "api.stripe.com", 443, True),
    ("and by no other", "cilium", [cilium("shop/a", CART, egress=[dns("*"), TO_STRIPE])], "api.evil.com", 443, False),
    ("toFQDNs need a DNS rule", "cilium", [cilium("shop/a", CART, egress=[TO_STRIPE]), DNS], "api.stripe.com", 443, False),
    ("that lets the name be looked up", "cilium", [cilium("shop/a", CART, egress=[dns("*.example.com"), TO_STRIPE])], "api.stripe.com", 443, False),
    ("OVN allows by name", "ovn", [firewall(ALLOW_STRIPE, DENY_ALL)], "api.stripe.com", 443, True),
    ("OVN in order", "ovn", [firewall(DENY_ALL, ALLOW_STRIPE)], "api.stripe.com", 443, False),
    ("OVN allows what no rule matches", "ovn", [firewall(ALLOW_STRIPE)], "api.evil.com", 443, True),
    ("OVN ports", "ovn", [firewall({**DENY_ALL, "ports": [{"port": 80, "protocol": "TCP"}]})], "198.51.100.7", 443, True),
    ("tiers by domain", "cluster-network-policy", [DOMAINS], "api.stripe.com", 443, True),
    ("and what they deny", "cluster-network-policy", [DOMAINS], "api.evil.com", 443, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "objects", "host", "port", "expected"),
    [row[1:] for row in OUTSIDE],
    ids=[row[0] for row in OUTSIDE],
)
def test_leaving_the_cluster(
    engine: str, objects: list[Any], host: str, port: int, expected: bool
) -> None:
    fleet = fleet_of(shop(*objects, facts=Facts(engines=frozenset({engine}))))

    assert leaves(fleet, pod(fleet, "one/cart"), host, port) is expected


def test_a_firewall_of_ovn_leaves_the_cluster_alone() -> None:
    assert reached([firewall(DENY_ALL)], "cart", 8080, "ovn")


@pytest.mark.parametrize(("port", "expected"), [(80, False), (8080, True)])
def test_a_headless_service_translates_no_port(port: int, expected: bool) -> None:
    spec = {"clusterIP": "None", "selector": PAY, "ports": [{"port": 80, "targetPort": 8080}]}
    fleet = fleet_of(shop(item("v1", "Service", "shop/bare", spec)))

    assert bool(call(fleet, pod(fleet, "one/cart"), "bare", port, Request())) is expected
