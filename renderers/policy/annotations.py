"""Rejects annotations that make a controller reach beyond the tenant, wherever they stand.

Sources: the annotation references of ingress-nginx, NGINX Ingress Controller, HAProxy, Traefik, AWS
Load Balancer Controller, MetalLB, kube-vip, Cilium, the cloud providers, external-dns,
cert-manager, Multus, Calico, Istio, CRI-O, Kata Containers, kube2iam, Reflector and Replicator;
CVE-2021-25742, CVE-2025-1097, CVE-2025-1098 and CVE-2025-24514 (annotations as configuration).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json, Tenant
from renderers.kubernetes.fields import Field, fields
from renderers.policy.allowed_kinds import permission
from renderers.policy.exposure import LOAD_BALANCER_ADDRESS, SNIPPETS
from renderers.policy.hosts import owns, unowned_host


@dataclass(frozen=True, slots=True)
class _Refused:
    """Annotations whose key matches; `entry` in `kinds.allowed` permits them, if there is one."""

    key: re.Pattern[str]
    reason: str
    entry: str = ""


def _keys(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_SNIPPET = _Refused(
    _keys(
        r"nginx\.ingress\.kubernetes\.io/.*snippet",
        r"nginx\.(org|com)/.*snippets?",
        r"haproxy(-ingress)?\.(org|github\.io)/.*(snippet|config-).*",
        r"ingress\.kubernetes\.io/config-.*",
        r"alb\.ingress\.kubernetes\.io/conditions\..*",
    ),
    "adds configuration to a shared ingress controller",
    SNIPPETS,
)
_REFUSED = (
    _SNIPPET,
    _Refused(
        _keys(
            r"metallb\.(universe\.tf|io)/.*",
            r"kube-vip\.io/.*",
            r"(io\.cilium|lbipam\.cilium\.io)/.*",
            r"service\.(beta\.)?kubernetes\.io/azure-(load-balancer-(ipv[46]|resource-group)"
            r"|pip-(name|prefix-id).*)",
            r"service\.beta\.kubernetes\.io/aws-load-balancer-(eip-allocations"
            r"|private-ipv4-addresses|ipv6-addresses)",
            r"service\.beta\.kubernetes\.io/oci-load-balancer-.*ip.*",
            r"networking\.gke\.io/load-balancer-ip-addresses",
            r"kubernetes\.io/ingress\.(global|regional)-static-ip-name",
            r"loadbalancer\.openstack\.org/(load-balancer-(id|address)|floating-.*)",
            r"service\.beta\.kubernetes\.io/openstack-.*floating.*",
            r"load-balancer\.hetzner\.cloud/(id|name|ipv4.*|private-ipv4)",
            r"kubernetes\.digitalocean\.com/load-balancer-id",
        ),
        "takes a given load balancer or a fixed address",
        LOAD_BALANCER_ADDRESS,
    ),
    _Refused(
        _keys(
            r"reflector\.v1\.k8s\.emberstack\.com/.*",
            r"replicator\.v1\.mittwald\.de/.*",
            r"kubed\.appscode\.com/sync.*",
            r"config-syncer\.appscode\.com/.*",
            r"kyverno\.io/clone.*",
        ),
        "copies data between namespaces",
    ),
    _Refused(
        _keys(
            r"cni\.projectcalico\.org/.*",
            r"(k8s\.)?ovn\.(kubernetes\.io|org)/.*",
            r"k8s\.ovn\.org/.*",
            r"network\.harvesterhci\.io/.*",
        ),
        "takes addresses or routes of the cluster's network",
    ),
    _Refused(
        _keys(
            r"io\.kubernetes\.cri-o\..*",
            r"io\.katacontainers\.config\..*",
            r"cdi\.k8s\.io/.*",
            r"sidecar\.istio\.io/(userVolume|userVolumeMount|bootstrapOverride|.*Image)",
            r"inject\.istio\.io/templates",
            r"seccomp\.security\.alpha\.kubernetes\.io/.*",
        ),
        "changes what the pod may do on its node",
    ),
    _Refused(_keys(r"iam\.amazonaws\.com/.*"), "takes a role of the cloud that nodes may assume"),
    _Refused(
        _keys(
            r"field\.cattle\.io/.*",
            r"openshift\.io/(node-selector|sa\.scc\..*)",
            r"scheduler\.alpha\.kubernetes\.io/.*",
            r"capsule\.clastix\.io/.*",
            r"hnc\.x-k8s\.io/.*",
        ),
        "changes the rights of a namespace",
    ),
    _Refused(_keys(r".*/is-default-class"), "makes it the default of all namespaces"),
    _Refused(
        _keys(r"cert-manager\.io/(ip-sans|uri-sans|email-sans|subject-.*|is-ca)"),
        "requests an identity that cannot be checked; use a Certificate",
    ),
)
_NGINX = re.compile(r"nginx\.ingress\.kubernetes\.io/.*")
_SYNTAX = re.compile(r"[;{}\n\r]")
_HOSTS = _keys(
    r"external-dns\.alpha\.kubernetes\.io/(internal-)?hostname",
    r"nginx\.ingress\.kubernetes\.io/(server-alias|from-to-www-redirect-host)",
    r"cert-manager\.io/(common-name|alt-names)",
    r"traefik\.ingress\.kubernetes\.io/router\.tls\.domains\..*",
    r"networking\.gke\.io/.*hostname",
    r"konghq\.com/host-aliases",
)
_OBJECTS = _keys(
    r"nginx\.ingress\.kubernetes\.io/(auth(-tls)?-secret|proxy-ssl-secret|auth-proxy-set-headers"
    r"|custom-headers|fastcgi-params-configmap|proxy-set-headers)",
    r"haproxy(-ingress)?\.(org|github\.io)/.*(secret|tls|ca).*",
    r"k8s\.v1\.cni\.cncf\.io/.*",
    r"v1\.multus-cni\.io/.*",
    r"traefik\.ingress\.kubernetes\.io/.*(middlewares|tls\.options|serverstransport)",
    r"ingress\.kubernetes\.io/auth-secret",
)
_QUALIFIED = re.compile(r"(?:^|[\s,:\"@])([a-z0-9]([a-z0-9-]*[a-z0-9])?)/[a-z0-9]")
_JSON_NAMESPACE = re.compile(r"\"namespace\"\s*:\s*\"([^\"]*)\"")
_TRAEFIK = re.compile(r"([a-z0-9.-]+)@kubernetescrd")
_SEPARATORS = re.compile(r"[\s,]+")


def annotation_violations(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Which annotations reach beyond the tenant, and what permits them."""
    for field in fields(dict(item)):
        if field.path[-2:-1] != ("annotations",):
            continue
        key, value = str(field.path[-1]), str(field.value)
        yield from _refused(field, key, value, tenant)
        if _HOSTS.fullmatch(key):
            for host in filter(None, _SEPARATORS.split(value)):
                if not owns(host, tenant):
                    yield unowned_host(str(field), host, tenant)
        if _OBJECTS.fullmatch(key):
            yield from _objects(field, value, tenant)


def _refused(field: Field, key: str, value: str, tenant: Tenant) -> Iterator[str]:
    """Annotations that are refused whatever they say, and those with syntax of NGINX."""
    rules = [rule for rule in _REFUSED if rule.key.fullmatch(key)]
    if not rules and _NGINX.fullmatch(key) and _SYNTAX.search(value):
        rules = [_SNIPPET]
    for rule in rules:
        if rule.entry not in tenant.allowed_kinds:
            how = permission(rule.entry, tenant) if rule.entry else "remove it"
            yield f"has {field}, which {rule.reason}; {how}"


def _objects(field: Field, value: str, tenant: Tenant) -> Iterator[str]:
    """Objects of other namespaces that an annotation names."""
    namespaces = [match[1] for match in _QUALIFIED.finditer(value)]
    namespaces += _JSON_NAMESPACE.findall(value)
    for each in namespaces:
        if each not in tenant.all_namespaces:
            yield f"refers to an object of namespace {each} at {field}; use one of your own"
    for name in _TRAEFIK.findall(value):
        if not name.startswith(tuple(f"{each}-" for each in tenant.all_namespaces)):
            yield f"refers to an object of another namespace at {field} ({name}); use your own"
