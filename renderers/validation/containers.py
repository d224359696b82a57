"""Rules for the containers of pods.

Source: k8s.io/kubernetes/pkg/apis/core/validation (validateContainers, validateInitContainers,
ValidateEnv, ValidateVolumeMounts, validateProbe, ValidateContainerResourceRequirements). That an
environment variable or a port is listed twice is what server-side apply refuses
(`x-kubernetes-list-map-keys` of the schema).
"""

import re

from planners.model import Json
from renderers.validation.checks import (
    NON_NEGATIVE,
    PORT_NUMBER,
    POSITIVE,
    Check,
    Object,
    Place,
    Violations,
    absent,
    amount,
    between,
    both,
    each,
    exactly_one,
    integer,
    mapping,
    nanos_of,
    one_of,
    shape,
    text,
    unique,
    values,
)
from renderers.validation.formats import (
    DNS_LABEL,
    LABEL_KEY,
    PORT_NAME,
    SUBDOMAIN,
    env_name,
    is_config_key,
    port,
)

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"
_NANO = 10**9
_MANY_GROUPS = 2**31 - 1


def config_key(value: Json, place: Place) -> Violations:
    """A key of a ConfigMap or Secret."""
    if isinstance(value, str) and not is_config_key(value):
        yield place.violation("must be a key of letters, digits, '-', '_' and '.', at most 253")


def descending_path(value: Json, place: Place) -> Violations:
    """A path that stays below its volume."""
    path = text(value)
    if path.startswith("/") or ".." in path.split("/"):
        yield place.violation("must be a relative path without '..'")


def quantities_match(value: Json, place: Place) -> Violations:
    """Requests do not exceed limits, and resources that cannot be overcommitted equal them."""
    resources = mapping(value)
    limits, requests = mapping(resources.get("limits")), mapping(resources.get("requests"))
    for name, stated in requests.items():
        request, limit = nanos_of(stated), nanos_of(limits.get(name))
        where = place.at("requests", name)
        fixed = not name.startswith("kubernetes.io/") and (
            "/" in name or name.startswith(_HUGE_PAGES)
        )
        if request is None:
            continue
        if limit is not None and request > limit:
            yield where.violation("must not exceed the limit")
        elif fixed and (limit is None or request != limit):
            yield where.violation(f"must equal the limit: {name} cannot be overcommitted")
    for field in ("limits", "requests"):
        for name, stated in mapping(resources.get(field)).items():
            yield from _resource(name, stated, place.at(field, name))


def _resource(name: str, stated: Json, place: Place) -> Violations:
    """A container resource: of Kubernetes itself or with a domain, whole if it is an extension."""
    known = name in _RESOURCES or name.startswith(_HUGE_PAGES)
    if not known and "/" not in name:
        yield place.violation(
            "is no resource of containers: cpu, memory, ephemeral-storage, hugepages-<size> or "
            "<domain>/<name>"
        )
    elif not known:
        yield from LABEL_KEY(name, place)
    nanos = nanos_of(stated)
    if (
        "/" in name
        and not name.startswith("kubernetes.io/")
        and nanos is not None
        and nanos % _NANO
    ):
        yield place.violation("must be an integer")


def _variable(item: Object, place: Place) -> Violations:
    """A value or a source, not both."""
    if not absent(item.get("value")) and item.get("valueFrom") is not None:
        yield place.at("valueFrom").violation("must not be set beside value; keep one")


def _mounts(item: Object, place: Place) -> Violations:
    """Either subPath or subPathExpr."""
    if not absent(item.get("subPath")) and not absent(item.get("subPathExpr")):
        yield place.at("subPathExpr").violation("must not be set beside subPath; keep one")


def _device_path(value: Json, place: Place) -> Violations:
    if ".." in text(value).split("/"):
        yield place.violation("must not contain '..'")


def _one_success(value: Json, place: Place) -> Violations:
    """Liveness and startup probes succeed with the first success."""
    threshold = integer(mapping(value).get("successThreshold"))
    if threshold not in {None, 0, 1}:
        yield place.at("successThreshold").violation("must be 1 for this kind of probe")


_NAMED_FIELDS = frozenset({"metadata.name", "metadata.namespace", "metadata.uid"})
_ENV_FIELDS = _NAMED_FIELDS | {
    "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
    "status.podIPs",
}  # fmt: skip
FILE_FIELDS = _NAMED_FIELDS | {"metadata.labels", "metadata.annotations"}
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")


def field_ref(known: frozenset[str]) -> Check:
    """A reference to one of the pod's fields, or to a label or annotation."""

    def check(value: Json, place: Place) -> Violations:
        path = text(value)
        if path not in known and not _SUBSCRIPT.fullmatch(path):
            names = ", ".join(sorted(known))
            yield place.violation(f"must be one of {names}, or metadata.labels['<key>']")

    return shape({"fieldPath": check}, required=("fieldPath",))


def _field_of_resources(value: Json, place: Place) -> Violations:
    """Which of a container's resources a variable can show."""
    field, _, name = text(value).partition(".")
    if field not in {"limits", "requests"} or not (
        name in _RESOURCES or name.startswith(_HUGE_PAGES)
    ):
        yield place.violation("must be limits.<name> or requests.<name>, such as limits.cpu")


_KEY_REF = shape({"name": SUBDOMAIN, "key": config_key}, required=("name", "key"))
_HTTP = shape({"port": port, "scheme": one_of("HTTP", "HTTPS")}, required=("port",))
_EXEC = shape({}, required=("command",))
_TCP = shape({"port": port}, required=("port",))
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HANDLER = shape(
    {"exec": _EXEC, "httpGet": _HTTP, "tcpSocket": _TCP, "sleep": shape({"seconds": POSITIVE})},
    exactly_one("exec", "httpGet", "tcpSocket", "sleep", word="handler"),
)
PROBE = shape(
    {
        "exec": _EXEC,
        "httpGet": _HTTP,
        "tcpSocket": _TCP,
        "grpc": shape({"port": PORT_NUMBER}, required=("port",)),
        "initialDelaySeconds": NON_NEGATIVE,
        "timeoutSeconds": NON_NEGATIVE,
        "periodSeconds": NON_NEGATIVE,
        "successThreshold": NON_NEGATIVE,
        "failureThreshold": NON_NEGATIVE,
        "terminationGracePeriodSeconds": POSITIVE,
    },
    exactly_one(*_PROBE_HANDLERS, word="handler"),
)
ENV = both(
    unique("name", word="name"),
    each(
        shape(
            {
                "name": env_name,
                "valueFrom": shape(
                    {
                        "configMapKeyRef": _KEY_REF,
                        "secretKeyRef": _KEY_REF,
                        "fieldRef": field_ref(_ENV_FIELDS),
                        "resourceFieldRef": shape(
                            {"resource": _field_of_resources}, required=("resource",)
                        ),
                    },
                    exactly_one(
                        "fieldRef",
                        "resourceFieldRef",
                        "configMapKeyRef",
                        "secretKeyRef",
                        "fileKeyRef",
                        word="source",
                    ),
                ),
            },
            _variable,
            required=("name",),
        )
    ),
)
_ENV_FROM = each(
    shape(
        {
            "prefix": env_name,
            "configMapRef": shape({"name": SUBDOMAIN}, required=("name",)),
            "secretRef": shape({"name": SUBDOMAIN}, required=("name",)),
        },
        exactly_one("configMapRef", "secretRef", word="source"),
    )
)
_PORTS = both(
    unique("name", word="name"),
    unique("containerPort", "protocol", word="port", defaults={"protocol": "TCP"}),
    each(
        shape(
            {
                "name": PORT_NAME,
                "containerPort": PORT_NUMBER,
                "hostPort": between(0, 65535),
                "protocol": one_of("TCP", "UDP", "SCTP"),
            },
            required=("containerPort",),
        )
    ),
)
RESOURCES = both(
    shape({"limits": values(amount), "requests": values(amount)}),
    quantities_match,
)
SECCOMP = shape({"type": one_of("RuntimeDefault", "Localhost", "Unconfined")}, required=("type",))
_SECURITY = shape(
    {
        "runAsUser": between(0, _MANY_GROUPS),
        "runAsGroup": between(0, _MANY_GROUPS),
        "procMount": one_of("Default", "Unmasked"),
        "seccompProfile": SECCOMP,
    }
)


def _privilege(item: Object, place: Place) -> Violations:
    """A privileged container cannot forbid the escalation of privileges."""
    context, where = mapping(item.get("securityContext")), place.at("securityContext")
    if context.get("allowPrivilegeEscalation") is False:
        added = mapping(context.get("capabilities")).get("add")
        if context.get("privileged") is True or "CAP_SYS_ADMIN" in (
            added if isinstance(added, list) else []
        ):
            yield where.at("allowPrivilegeEscalation").violation(
                "must not be false for a container that is privileged"
            )


CONTAINER = shape(
    {
        "name": DNS_LABEL,
        "imagePullPolicy": one_of("Always", "IfNotPresent", "Never"),
        "terminationMessagePolicy": one_of("File", "FallbackToLogsOnError"),
        "ports": _PORTS,
        "env": ENV,
        "envFrom": _ENV_FROM,
        "resources": RESOURCES,
        "securityContext": _SECURITY,
        "livenessProbe": both(PROBE, _one_success),
        "readinessProbe": PROBE,
        "startupProbe": both(PROBE, _one_success),
        "lifecycle": shape({"postStart": _HANDLER, "preStop": _HANDLER}),
        "volumeMounts": both(
            unique("mountPath", word="path"),
            each(
                shape(
                    {
                        "subPath": descending_path,
                        "subPathExpr": descending_path,
                        "mountPropagation": one_of("None", "HostToContainer", "Bidirectional"),
                    },
                    _mounts,
                    required=("name", "mountPath"),
                    filled=("mountPropagation",),
                )
            ),
        ),
        "volumeDevices": both(
            unique("devicePath", word="path"),
            unique("name", word="volume"),
            each(shape({"devicePath": _device_path}, required=("name", "devicePath"))),
        ),
    },
    _privilege,
    required=("name", "image"),
)
