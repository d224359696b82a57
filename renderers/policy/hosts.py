"""Rejects hosts that a tenant does not own: who owns a host's routes gets its traffic.

A tenant owns the hosts that its document lists (`hosts`) and the cluster-local names of its own
namespaces; a tenant that lists none has only the latter. Sources: the API references of Kubernetes,
Gateway API, Istio, cert-manager, OpenShift, external-dns, Contour, Traefik, Emissary, APISIX, Gloo.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json, Tenant
from planners.model.hosts import covers
from renderers.kubernetes.fields import Field, fields, mapping, select, texts
from renderers.kubernetes.kinds import kind_of
from renderers.kubernetes.pod_templates import pod_templates

_LOCAL = re.compile(r"(?:[^./:]+\.)*?([^./:]+)\.svc(?:\.cluster\.local)?\.?")
_CLUSTER_LOCAL = re.compile(r"(?:.*\.)?(?:svc|local)\.?")
_ANY_LOCAL = re.compile(r"(?:^|[/@.])([^./:]+)\.svc(?:\.[a-z0-9.-]+)?(?::\d+)?(?:/.*)?$")
_HOST_KEY = re.compile(
    r"[a-z_-]*(domains?|dnsnames?|externalname|fqdn|hosts?|hostnames?|virtualhosts?)",
    re.IGNORECASE,
)
_TRAEFIK = re.compile(r"Host(?:SNI|Regexp)?\(([^)]*)\)")
_QUOTED = re.compile(r"[`'\"]([^`'\"]*)[`'\"]")
_ISTIO = "networking.istio.io"
_GATEWAY = "gateway.networking.k8s.io"
_SHORT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_SHORT_NAMES = frozenset(
    {
        (_ISTIO, "DestinationRule"),
        (_ISTIO, "VirtualService"),
        ("cert-manager.io", "Certificate"),
    }
)
"""Kinds where a name without dots is a Service of the object's own namespace."""

_DATA_KINDS = frozenset({("", "ConfigMap"), ("", "Secret"), ("bitnami.com", "SealedSecret")})
_ROUTES = frozenset({"GRPCRoute", "HTTPRoute", "TLSRoute"})


@dataclass(frozen=True, slots=True)
class HostFields:
    """Where objects of a kind take hosts. At the `required` paths, no value means every host."""

    paths: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


_FIELDS: Mapping[tuple[str, str], HostFields] = {
    ("networking.k8s.io", "Ingress"): HostFields(
        ("spec.tls[*].hosts[*]",), ("spec.rules[*].host",)
    ),
    (_GATEWAY, "HTTPRoute"): HostFields(("spec.hostnames[*]",)),
    (_GATEWAY, "GRPCRoute"): HostFields(("spec.hostnames[*]",)),
    (_GATEWAY, "TLSRoute"): HostFields(("spec.hostnames[*]",)),
    (_GATEWAY, "Gateway"): HostFields((), ("spec.listeners[*].hostname",)),
    (_ISTIO, "Gateway"): HostFields(("spec.servers[*].hosts[*]",)),
    (_ISTIO, "VirtualService"): HostFields(("spec.hosts[*]",)),
    (_ISTIO, "DestinationRule"): HostFields(("spec.host",)),
    (_ISTIO, "ServiceEntry"): HostFields(("spec.hosts[*]",)),
    ("cert-manager.io", "Certificate"): HostFields(("spec.dnsNames[*]", "spec.commonName")),
    ("route.openshift.io", "Route"): HostFields(("spec.host",)),
    ("projectcontour.io", "HTTPProxy"): HostFields(("spec.virtualhost.fqdn",)),
    ("getambassador.io", "Host"): HostFields(("spec.hostname",)),
    ("getambassador.io", "Mapping"): HostFields((), ("spec.hostname",)),
    ("getambassador.io", "TCPMapping"): HostFields(("spec.host",)),
    ("apisix.apache.org", "ApisixRoute"): HostFields((), ("spec.http[*].match.hosts",)),
    ("apisix.apache.org", "ApisixTls"): HostFields(("spec.hosts[*]",)),
    ("gateway.solo.io", "VirtualService"): HostFields((), ("spec.virtualHost.domains",)),
    (_GATEWAY, "ListenerSet"): HostFields((), ("spec.listeners[*].hostname",)),
    ("gateway.networking.x-k8s.io", "XListenerSet"): HostFields(
        (), ("spec.listeners[*].hostname",)
    ),
    ("k8s.nginx.org", "VirtualServer"): HostFields((), ("spec.host",)),
    ("k8s.nginx.org", "VirtualServerRoute"): HostFields((), ("spec.host",)),
    ("configuration.konghq.com", "TCPIngress"): HostFields((), ("spec.rules[*].host",)),
    ("networking.gke.io", "ManagedCertificate"): HostFields(("spec.domains[*]",)),
    ("serving.knative.dev", "DomainMapping"): HostFields(("metadata.name",)),
    ("externaldns.k8s.io", "DNSEndpoint"): HostFields(("spec.endpoints[*].dnsName",)),
}


def host_violations(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Which fields take hosts that the tenant does not own, and who can give them to it."""
    kind = kind_of(item)
    key = (kind.group, kind.name)
    if key == (_ISTIO, "Sidecar") or _is_private(item, tenant):
        return
    taken: set[str] = set()
    for field in _host_fields(item, key):
        taken.add(str(field))
        host = _host_of(field.value)
        if not (key in _SHORT_NAMES and _SHORT.fullmatch(host)):
            yield from _unowned(field, host, tenant)
    yield from _catch_all(item, key, tenant)
    if kind.group in {"traefik.io", "traefik.containo.us"}:
        yield from _traefik(item, tenant)
    for field in _foreign_services(item, tenant):
        if str(field) not in taken:
            yield (
                f"refers to a Service of another namespace at {field} ({field.value}); tenant "
                f"{tenant.name} may use only Services of {', '.join(tenant.all_namespaces)}"
            )


def _host_fields(item: Mapping[str, Json], key: tuple[str, str]) -> Iterator[Field]:
    """The fields that take hosts; absent ones only where that means every host."""
    known = _FIELDS.get(key, HostFields())
    for path in known.paths:
        yield from (field for field in select(item, path) if field.value is not None)
    for path in known.required:
        for field in select(item, path):
            if isinstance(field.value, list) and field.value:
                yield from (Field((*field.path, n), each) for n, each in enumerate(field.value))
            elif not _has_no_host(item, field):
                yield field


def owns(host: str, tenant: Tenant) -> bool:
    """Whether a host is the tenant's: listed, or a cluster-local name of its namespaces.

    No pattern covers cluster-local names: they belong to the owner of their namespace.
    """
    if is_cluster_local(host):
        local = _LOCAL.fullmatch(host.lower())
        return local is not None and local[1] in tenant.all_namespaces
    return any(covers(pattern, host) for pattern in tenant.hosts)


def is_cluster_local(host: str) -> bool:
    """Whether a host, or a pattern, names Services of the cluster and nothing else."""
    return _CLUSTER_LOCAL.fullmatch(host.lower()) is not None


def unowned_host(where: str, host: str, tenant: Tenant) -> str:
    """The refusal of one host."""
    if is_cluster_local(host):
        return (
            f"takes host {host} at {where}, which belongs to the owner of its namespace; tenant "
            f"{tenant.name} may use names of {', '.join(tenant.all_namespaces)}"
        )
    owned = f"hosts {', '.join(tenant.hosts)} and" if tenant.hosts else "no hosts but"
    return (
        f"takes {f'host {host}' if host != '*' else 'every host'} at {where}; tenant {tenant.name} "
        f"owns {owned} the cluster-local names of its namespaces: the platform team can add it to "
        f"spec.hosts of the tenant in the fleet repo"
    )


def _unowned(field: Field, host: str, tenant: Tenant) -> Iterator[str]:
    if not owns(host, tenant):
        yield unowned_host(str(field), host, tenant)


def _host_of(value: Json) -> str:
    """A host without the namespace of Istio's Gateways (`ns/host`); no value means every host."""
    return str(value).rpartition("/")[2] if value else "*"


def _is_private(item: Mapping[str, Json], tenant: Tenant) -> bool:
    """Whether only the tenant's own namespaces see a mesh object (Istio: `exportTo`)."""
    kind, exported = kind_of(item), texts(mapping(item.get("spec")).get("exportTo"))
    names = {"DestinationRule", "ServiceEntry", "VirtualService"}
    if kind.group != _ISTIO or kind.name not in names or not exported:
        return False
    return set(exported) <= {".", *tenant.all_namespaces}


def _has_no_host(item: Mapping[str, Json], field: Field) -> bool:
    """Whether a listener has a protocol without hosts."""
    if field.path[-1] != "hostname" or "listeners" not in field.path:
        return False
    listeners = mapping(item.get("spec")).get("listeners")
    index = field.path[2]
    listener = listeners[index] if isinstance(listeners, list) and isinstance(index, int) else None
    protocol, spec = str(mapping(listener).get("protocol")), mapping(item.get("spec"))
    is_waypoint = protocol == "HBONE" and spec.get("gatewayClassName") == "istio-waypoint"
    return is_waypoint or protocol in {"TCP", "UDP"}


def _catch_all(item: Mapping[str, Json], key: tuple[str, str], tenant: Tenant) -> Iterator[str]:
    """Fields that take every host, or names beside those listed."""
    spec = mapping(item.get("spec"))
    places: list[str] = []
    if key == ("networking.k8s.io", "Ingress") and spec.get("defaultBackend") is not None:
        places.append("spec.defaultBackend")
    if key[0] == _GATEWAY and key[1] in _ROUTES and not spec.get("hostnames"):
        parents = spec.get("parentRefs")
        other = [
            mapping(each).get("namespace")
            for each in (parents if isinstance(parents, list) else [])
        ]
        if any(each is not None and each not in tenant.all_namespaces for each in other):
            places.append("spec.hostnames (absent)")
    if key == ("route.openshift.io", "Route"):
        if spec.get("wildcardPolicy") == "Subdomain":
            _, _, parent = str(spec.get("host")).partition(".")
            yield from _unowned(Field(("spec", "wildcardPolicy"), ""), f"*.{parent}", tenant)
        if spec.get("subdomain"):
            places.append("spec.subdomain")
    for place in places:
        if not owns("*", tenant):
            yield unowned_host(place, "*", tenant)


def _traefik(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """The hosts in Traefik's rules; a rule without a host matches every one."""
    for field in select(item, "spec.routes[*].match"):
        hosts = [
            host
            for arguments in _TRAEFIK.findall(str(field.value))
            for host in _QUOTED.findall(arguments)
        ]
        for host in hosts or ["*"]:
            yield from _unowned(field, host if re.fullmatch(r"[\w.*-]+", host) else "*", tenant)


def _foreign_services(item: Mapping[str, Json], tenant: Tenant) -> Iterator[Field]:
    """Fields for hosts that name a Service of another namespace, outside pods and data."""
    kind = kind_of(item)
    if (kind.group, kind.name) in _DATA_KINDS:
        return
    found = [field for field in fields(dict(item)) if _names_service(field, tenant)]
    if found:
        pods = tuple(f"{place}." for place, _ in pod_templates(item))
        yield from (field for field in found if not str(field).startswith(pods))


def _names_service(field: Field, tenant: Tenant) -> bool:
    """Whether a field for hosts names a Service of another namespace."""
    if not isinstance(field.value, str) or ".svc" not in field.value.lower():
        return False
    key = next((part for part in reversed(field.path) if isinstance(part, str)), "")
    found = _ANY_LOCAL.search(field.value.lower())
    return (
        _HOST_KEY.fullmatch(key) is not None
        and found is not None
        and found[1] not in tenant.all_namespaces
    )
