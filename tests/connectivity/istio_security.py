"""Istio's PeerAuthentication and AuthorizationPolicy, at sidecars, gateways, ztunnel and waypoints.

Sources: istio/api, `security/v1beta1/authorization_policy.proto` and `peer_authentication.proto`;
"Authorization Policy" (evaluation: DENY first; without ALLOW policies everything is allowed; else
one must match); istio/istio, `pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go`
(ztunnel ignores policies with targetRefs; an ALLOW rule with HTTP attributes never matches, a DENY
rule is enforced without them) and `pilot/pkg/security/authz/builder/builder.go` (the same on TCP
ports of sidecars; a policy without rules never matches); istio/ztunnel, `src/rbac.rs`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.connectivity.fleet import ROOT_NAMESPACE, Cluster, Pod
from tests.connectivity.selectors import Json, in_range, selects
from tests.connectivity.traffic import Request

HTTP_OPERATIONS = ("hosts", "methods", "paths")
HTTP_SOURCES = ("requestPrincipals", "remoteIpBlocks")
L4_CONDITIONS = {
    "source.ip",
    "source.namespace",
    "source.principal",
    "destination.ip",
    "destination.port",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a workload's certificate says: `<trust domain>/ns/<namespace>/sa/<account>`."""

    trust_domain: str
    namespace: str
    account: str
    root: str = "root"

    def __str__(self) -> str:
        return f"{self.trust_domain}/ns/{self.namespace}/sa/{self.account}"


@dataclass(frozen=True, slots=True)
class Connection:
    """What an enforcement point knows; no identity without mTLS, no request without HTTP.

    `remote`: the client's address as the last gateway wrote it down for HTTP, if there was one
    (Istio, "Ingress Access Control": `remoteIpBlocks`, by X-Forwarded-For).
    """

    identity: Identity | None
    ip: str
    port: int
    request: Request = field(default_factory=Request)
    reads_http: bool = True
    remote: str = ""


def identity_of(cluster: Cluster, pod: Pod) -> Identity:
    """The identity of a pod in its mesh."""
    facts = cluster.facts
    return Identity(facts.trust_domain, pod.namespace, pod.account, facts.root)


def accepts_certificate(cluster: Cluster, identity: Identity) -> bool:
    """Whether workloads of the cluster accept the certificate of a client.

    istio/istio, `pilot/pkg/security/authn/policy_applier.go`: inbound mTLS checks the chain, and
    that the trust domain is the mesh's own or an alias.
    """
    facts = cluster.facts
    known = (facts.trust_domain, *facts.aliases)
    return identity.root in {facts.root, *facts.trusts} and identity.trust_domain in known


def mtls_mode(cluster: Cluster, pod: Pod, port: int) -> str:
    """STRICT, PERMISSIVE or DISABLE at a port of a pod.

    The narrowest policy counts, UNSET inherits, and PERMISSIVE is the default;
    `portLevelMtls` needs a selector.
    """
    mode = "PERMISSIVE"
    for rank in range(3):
        for spec in _peer_authentications(cluster, pod, rank):
            stated = (spec.get("mtls") or {}).get("mode", "UNSET")
            mode = mode if stated == "UNSET" else stated
            if rank == 2:
                ports = {
                    int(key): value for key, value in (spec.get("portLevelMtls") or {}).items()
                }
                own = ports.get(port, {}).get("mode", "UNSET")
                mode = mode if own == "UNSET" else own
    return mode


def _peer_authentications(cluster: Cluster, pod: Pod, rank: int) -> Iterator[Json]:
    """The specs that apply: of the mesh (0), the namespace (1), the workload (2)."""
    for each in cluster.of("PeerAuthentication.security.istio.io"):
        spec, namespace = each.get("spec") or {}, each["metadata"]["namespace"]
        chosen = (spec.get("selector") or {}).get("matchLabels")
        if namespace not in {pod.namespace, ROOT_NAMESPACE}:
            continue
        if chosen:
            if rank == 2 and selects({"matchLabels": chosen}, pod.labels):
                yield spec
        elif rank == (0 if namespace == ROOT_NAMESPACE else 1):
            yield spec


def workload_policies(cluster: Cluster, pod: Pod) -> list[Json]:
    """AuthorizationPolicies at a sidecar, a gateway or ztunnel: by selector, without targetRefs."""
    return [
        each
        for each in cluster.of("AuthorizationPolicy.security.istio.io")
        if each["metadata"]["namespace"] in {pod.namespace, ROOT_NAMESPACE}
        and not _targets(each)
        and selects(
            {"matchLabels": (each["spec"].get("selector") or {}).get("matchLabels") or {}},
            pod.labels,
        )
    ]


def attached_policies(
    cluster: Cluster, namespace: str, targets: Sequence[tuple[str, str]]
) -> list[Json]:
    """AuthorizationPolicies of a namespace whose targetRefs name one of these (kind, name)."""
    return [
        each
        for each in cluster.of("AuthorizationPolicy.security.istio.io")
        if each["metadata"]["namespace"] == namespace
        and any((ref["kind"], ref["name"]) in targets for ref in _targets(each))
    ]


def class_policies(cluster: Cluster, gateway_class: str) -> list[Json]:
    """AuthorizationPolicies of the root namespace attached to a GatewayClass."""
    return attached_policies(cluster, ROOT_NAMESPACE, [("GatewayClass", gateway_class)])


def _targets(policy: Json) -> list[Json]:
    spec = policy["spec"]
    return [*(spec.get("targetRefs") or []), *([spec["targetRef"]] if "targetRef" in spec else [])]


def authorized(cluster: Cluster, policies: Sequence[Json], connection: Connection) -> bool:
    """Whether these policies let the request through."""
    actions = [(each["spec"].get("action", "ALLOW"), each) for each in policies]
    if any(action == "DENY" and _matches(cluster, it, connection) for action, it in actions):
        return False
    allowing = [each for action, each in actions if action == "ALLOW"]
    return not allowing or any(_matches(cluster, each, connection) for each in allowing)


def _matches(cluster: Cluster, policy: Json, connection: Connection) -> bool:
    spec, namespace = policy["spec"], policy["metadata"]["namespace"]
    denies = spec.get("action", "ALLOW") == "DENY"
    return any(
        _rule(cluster, each, namespace, connection, denies) for each in spec.get("rules") or []
    )


def _rule(
    cluster: Cluster, rule: Json, namespace: str, connection: Connection, denies: bool
) -> bool:
    sources = [each.get("source") or {} for each in rule.get("from") or []]
    operations = [each.get("operation") or {} for each in rule.get("to") or []]
    conditions = rule.get("when") or []
    if not connection.reads_http and _needs_http(sources, operations, conditions) and not denies:
        return False
    return (
        (not sources or any(_source(cluster, each, namespace, connection) for each in sources))
        and (not operations or any(_operation(each, connection) for each in operations))
        and all(_condition(cluster, each, connection) for each in conditions)
    )


def _needs_http(
    sources: Sequence[Json], operations: Sequence[Json], conditions: Sequence[Json]
) -> bool:
    return (
        any(_stated(each, field_) for each in operations for field_ in HTTP_OPERATIONS)
        or any(_stated(each, field_) for each in sources for field_ in HTTP_SOURCES)
        or any(each["key"] not in L4_CONDITIONS for each in conditions)
    )


def _stated(part: Json, name: str) -> bool:
    return bool(part.get(name) or part.get(_negated(name)))


def _negated(name: str) -> str:
    return f"not{name[0].upper()}{name[1:]}"


def _source(cluster: Cluster, source: Json, namespace: str, connection: Connection) -> bool:
    """All fields of a source are ANDed, the values of one are ORed; identities need mTLS."""
    identity = connection.identity
    checks = {
        "principals": lambda it: identity is not None and _is_principal(cluster, it, identity),
        "namespaces": lambda it: identity is not None and text_matches(it, identity.namespace),
        "serviceAccounts": lambda it: identity is not None and _is_account(it, namespace, identity),
        "trustDomains": lambda it: identity is not None and text_matches(it, identity.trust_domain),
        "ipBlocks": lambda it: in_range(it, connection.ip),
        "requestPrincipals": lambda _: False,
        "remoteIpBlocks": lambda it: in_range(it, connection.remote or connection.ip),
    }
    return _all_fields(source, checks)


def _operation(operation: Json, connection: Connection) -> bool:
    request = connection.request
    checks = {"ports": lambda it: int(it) == connection.port}
    if connection.reads_http:
        checks["methods"] = lambda it: text_matches(it, request.method)
        checks["paths"] = lambda it: text_matches(it, request.path)
        checks["hosts"] = lambda it: text_matches(it.lower(), request.host.lower())
    return _all_fields(operation, checks)


def _all_fields(part: Json, checks: Json) -> bool:
    return all(
        (not part.get(name) or any(check(each) for each in part[name]))
        and not any(check(each) for each in part.get(_negated(name)) or [])
        for name, check in checks.items()
    )


def _condition(cluster: Cluster, condition: Json, connection: Connection) -> bool:
    identity = connection.identity
    check = {
        "source.ip": lambda it: in_range(it, connection.ip),
        "source.namespace": lambda it: (
            identity is not None and text_matches(it, identity.namespace)
        ),
        "source.principal": lambda it: (
            identity is not None and _is_principal(cluster, it, identity)
        ),
        "destination.port": lambda it: int(it) == connection.port,
    }.get(condition["key"])
    if check is None:
        return False
    values, nots = condition.get("values") or [], condition.get("notValues") or []
    return (not values or any(map(check, values))) and not any(map(check, nots))


def _is_principal(cluster: Cluster, pattern: str, identity: Identity) -> bool:
    """Istio, "Trust Domain Migration": the mesh's trust domain in a policy stands for its aliases.

    Also `cluster.local`, at sidecars and waypoints; ztunnel takes it literally.
    """
    if text_matches(pattern, str(identity)):
        return True
    facts = cluster.facts
    domain, slash, rest = pattern.partition("/")
    own = (facts.trust_domain, *facts.aliases)
    if facts.mesh == "istio-ambient" or not slash or domain not in {*own, "cluster.local"}:
        return False
    return identity.trust_domain in own and text_matches(rest, str(identity).partition("/")[2])


def _is_account(value: str, namespace: str, identity: Identity) -> bool:
    space, slash, account = value.rpartition("/")
    return (identity.namespace, identity.account) == (space if slash else namespace, account)


def text_matches(pattern: str, text: str) -> bool:
    """Exact, `prefix*`, `*suffix`, `*` (not empty), or a path template with `{*}` and `{**}`."""
    if "{*}" in pattern or "{**}" in pattern:
        return _template(pattern.split("/"), text.split("/"))
    if pattern == "*":
        return bool(text)
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return text.endswith(pattern[1:])
    return text == pattern


def _template(pattern: Sequence[str], path: Sequence[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "{**}":
        return any(_template(pattern[1:], path[count:]) for count in range(len(path) + 1))
    if not path:
        return False
    return pattern[0] in {"{*}", path[0]} and _template(pattern[1:], path[1:])
