"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, cilium.io/v2, beside NetworkPolicies.

Sources, all of Cilium's documentation:

- "Policy Enforcement Modes": an endpoint that some rule selects denies by default in the
  directions for which that rule has a section; `enableDefaultDeny` turns it off; all rules of all
  kinds add up, and deny rules win ("Deny Policies").
- "Layer 3 Policies": selectors without a namespace mean the policy's own, and (since 1.19) without
  a cluster the local one ("Cluster Mesh", "Network Policy"); CIDRs are for what is no endpoint;
  `toFQDNs` needs DNS rules; entities; a rule without peers but with ports is for every peer, one
  with neither allows nothing ("Ingress Default Deny" shows `ingress: [{}]`).
- "Layer 4 Policies": protocol ANY; `endPort`. "Layer 7 Policies": regular expressions on whole
  method and path; on other ports than listed nothing is allowed.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from tests.connectivity import network_policy
from tests.connectivity.fleet import Pod
from tests.connectivity.selectors import Json, in_block, in_range, selects
from tests.connectivity.traffic import Direction, Request, Side

NAMESPACE = "io.kubernetes.pod.namespace"
NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
CLUSTER = "io.cilium.k8s.policy.cluster"
ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
PREFIX = re.compile(r"^(k8s|any)[:.]")
PEERS = ("Endpoints", "CIDR", "CIDRSet", "Entities", "FQDNs", "Services")
Resolves = Callable[[Side, str], bool]


def decide(side: Side, request: Request, *, resolves: Resolves) -> bool | None:
    """Accepted or not by all policies that select the pod; None if no policy does."""
    rules = list(_rules(side))
    section = side.direction.lower()
    if any(
        _matches(each, side, spaces, request, resolves)
        for spaces, rule in rules
        for each in rule.get(f"{section}Deny") or []
    ):
        return False
    isolated = [rule for _, rule in rules if _denies_by_default(rule, section)]
    plain = network_policy.decide(side)
    if not isolated and plain is None:
        return None
    return bool(plain) or any(
        _matches(each, side, spaces, request, resolves)
        for spaces, rule in rules
        for each in rule.get(section) or []
    )


def observes_dns(side: Side, name: str) -> bool:
    """Whether a DNS rule of some policy lets the pod look the name up."""
    for spaces, rule in _rules(side):
        for each in rule.get("egress") or []:
            for ports in each.get("toPorts") or []:
                patterns = (ports.get("rules") or {}).get("dns") or []
                bare = {key: value for key, value in each.items() if key != "toPorts"}
                at_port = any(_is_port(port, side) for port in ports.get("ports") or [])
                named = any(_is_name(pattern, name) for pattern in patterns)
                if at_port and named and _is_peer(bare, side, spaces, lambda *_: False):
                    return True
    return False


def _rules(side: Side) -> Iterator[tuple[str, Json]]:
    """Each rule that selects the pod, with the namespace that its peers default to."""
    labels = _labels(side, side.pod)
    for kind in ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"):
        for each in side.cluster.of(f"{kind}.cilium.io"):
            namespace = each["metadata"].get("namespace", "")
            if namespace not in {"", side.pod.namespace}:
                continue
            for rule in [*([each["spec"]] if "spec" in each else []), *(each.get("specs") or [])]:
                if selects(_plain(rule.get("endpointSelector", {})), labels):
                    yield namespace, rule


def _denies_by_default(rule: Json, section: str) -> bool:
    stated = (rule.get("enableDefaultDeny") or {}).get(section)
    return (
        bool(rule.get(section) is not None or rule.get(f"{section}Deny"))
        if stated is None
        else stated
    )


def _labels(side: Side, pod: Pod) -> dict[str, str]:
    """The labels of an endpoint's identity, its namespace's and its cluster's among them."""
    own = {NAMESPACE: pod.namespace, CLUSTER: pod.cluster, ACCOUNT: pod.account}
    spaces = side.cluster.labels_of(pod.namespace) if pod.cluster == side.cluster.name else {}
    return {**pod.labels, **own, **{NAMESPACE_LABELS + key: value for key, value in spaces.items()}}


def _plain(selector: Mapping[str, Json]) -> dict[str, Json]:
    """The selector without the prefixes of label sources."""
    return {
        "matchLabels": {
            PREFIX.sub("", key): value for key, value in (selector.get("matchLabels") or {}).items()
        },
        "matchExpressions": [
            {**each, "key": PREFIX.sub("", each["key"])}
            for each in selector.get("matchExpressions") or []
        ],
    }


def _keys(selector: Json) -> set[str]:
    return {*selector["matchLabels"], *(each["key"] for each in selector["matchExpressions"])}


def _matches(rule: Json, side: Side, spaces: str, request: Request, resolves: Resolves) -> bool:
    ports = rule.get("toPorts")
    towards = "from" if side.direction is Direction.INGRESS else "to"
    if not ports and not any(rule.get(towards + each) is not None for each in PEERS):
        return False
    return _is_peer(rule, side, spaces, resolves) and (
        not ports or any(_is_open(each, side, request) for each in ports)
    )


def _is_peer(rule: Json, side: Side, spaces: str, resolves: Resolves) -> bool:
    towards = "from" if side.direction is Direction.INGRESS else "to"
    given = {each: rule.get(towards + each) for each in PEERS}
    if all(value is None for value in given.values()):
        return True
    return (
        any(_is_endpoint(each, side, spaces) for each in given["Endpoints"] or [])
        or any(_is_entity(each, side) for each in given["Entities"] or [])
        or any(_is_service(each, side) for each in given["Services"] or [])
        or (_endpoint(side) is None and _is_outside(given, side, resolves))
    )


def _is_outside(given: Json, side: Side, resolves: Resolves) -> bool:
    address = side.other.ip
    return (
        any(in_range(each, address) for each in given["CIDR"] or [])
        or any(in_block(each, address) for each in given["CIDRSet"] or [] if "cidr" in each)
        or any(
            _is_name(each, name) and resolves(side, name)
            for each in given["FQDNs"] or []
            for name in side.other.names
        )
    )


def _endpoint(side: Side) -> Pod | None:
    """The peer, if it has an identity here: it is of this cluster or of its Cluster Mesh."""
    if side.peer is not None or side.other.pod is None:
        return side.peer
    mesh = side.cluster.facts.cluster_mesh
    return side.other.pod if mesh and side.other.cluster_mesh == mesh else None


def _is_endpoint(selector: Mapping[str, Json], side: Side, spaces: str) -> bool:
    pod, plain = _endpoint(side), _plain(selector)
    if pod is None:
        return False
    keys = _keys(plain)
    names_space = any(key == NAMESPACE or key.startswith(NAMESPACE_LABELS) for key in keys)
    if spaces and not names_space and pod.namespace != spaces:
        return False
    if CLUSTER not in keys and pod.cluster != side.cluster.name:
        return False
    return selects(plain, _labels(side, pod))


def _is_entity(entity: str, side: Side) -> bool:
    if entity == "all":
        return True
    inside = _endpoint(side) is not None
    return {"cluster": inside, "world": not inside}.get(entity, False)


def _is_service(service: Json, side: Side) -> bool:
    named = service.get("k8sService") or {}
    found = side.cluster.service(
        named.get("namespace") or side.pod.namespace, named.get("serviceName", "")
    )
    return found is not None and side.peer in side.cluster.selected(found)


def _is_open(ports: Json, side: Side, request: Request) -> bool:
    listed = ports.get("ports")
    if listed and not any(_is_port(each, side) for each in listed):
        return False
    rules = (ports.get("rules") or {}).get("http")
    if not rules:
        return True
    return request.is_http and any(
        re.fullmatch(each.get("method", ".*"), request.method)
        and re.fullmatch(each.get("path", ".*"), request.path)
        for each in rules
    )


def _is_port(port: Json, side: Side) -> bool:
    if port.get("protocol", "ANY") not in {"ANY", side.transport}:
        return False
    number = port.get("port", "0")
    return number == "0" or side.is_port(number, port.get("endPort"))


def _is_name(rule: Json, name: str) -> bool:
    """`matchName` is exact; in `matchPattern`, `*` is any run within a label, alone any name."""
    if "matchName" in rule:
        return bool(rule["matchName"].rstrip(".").lower() == name)
    pattern = rule["matchPattern"].rstrip(".").lower()
    if pattern == "*":
        return True
    expression = re.escape(pattern).replace(r"\*\*\.", r"([-a-z0-9_]+\.)+")
    return re.fullmatch(expression.replace(r"\*", r"[-a-z0-9_]*"), name) is not None
