"""Rules for pods and pod templates.

Source: k8s.io/kubernetes/pkg/apis/core/validation (ValidatePodSpec and what it calls).
"""

from renderers.validation.checks import (
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
    integer,
    mapping,
    mappings,
    one_of,
    shape,
    text,
    unique,
    values,
)
from renderers.validation.containers import (
    CONTAINER,
    RESOURCES,
    SECCOMP,
)
from renderers.validation.formats import (
    DNS_LABEL,
    IP_ADDRESS,
    LABEL_KEY,
    LABEL_VALUE,
    SEARCH_DOMAIN,
    SUBDOMAIN,
)
from renderers.validation.metadata import SELECTOR, labels, labels_and_annotations
from renderers.validation.volumes import VOLUMES, mounts_have_volumes

_MOST = 2**31 - 1
_MOST_NAMESERVERS, _MOST_SEARCHES = 3, 32
_WEIGHT = between(1, 100)
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def _container_names(spec: Object, place: Place) -> Violations:
    """Containers and init containers have different names."""
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, item in mappings(spec.get(field)):
            name = text(item.get("name"))
            if name and name in seen:
                where = place.at(field, index, "name")
                yield where.violation("is the name of an earlier container too")
            seen.add(name)


def _init_containers(spec: Object, place: Place) -> Violations:
    """Only init containers that keep running (sidecars) have probes and hooks."""
    for index, item in mappings(spec.get("initContainers")):
        where = place.at("initContainers", index)
        yield from one_of("Always", "OnFailure", "Never")(
            item.get("restartPolicy"), where.at("restartPolicy")
        )
        for field in _PROBES if item.get("restartPolicy") != "Always" else ():
            if item.get(field) is not None:
                yield where.at(field).violation(
                    "is only allowed for an init container with restartPolicy Always"
                )


def _host_ports(spec: Object, place: Place) -> Violations:
    """No host port is used twice; on the host's network both ports are the same."""
    seen: set[tuple[str, str, int]] = set()
    for index, container in mappings(spec.get("containers")):
        for number, item in mappings(container.get("ports")):
            host = integer(item.get("hostPort")) or 0
            where = place.at("containers", index, "ports", number, "hostPort")
            key = (text(item.get("protocol")) or "TCP", text(item.get("hostIP")), host)
            if host and key in seen:
                yield where.violation("is the host port of an earlier port too")
            seen.add(key)
            if host and spec.get("hostNetwork") is True and host != item.get("containerPort"):
                yield where.violation("must equal containerPort, because hostNetwork is true")


def _dns(spec: Object, place: Place) -> Violations:
    """The policy None needs a nameserver; lists are short."""
    config, where = mapping(spec.get("dnsConfig")), place.at("dnsConfig")
    servers, searches = config.get("nameservers"), config.get("searches")
    if spec.get("dnsPolicy") == "None" and not servers:
        yield where.at("nameservers").violation("requires an address, because dnsPolicy is None")
    if isinstance(servers, list) and len(servers) > _MOST_NAMESERVERS:
        yield where.at("nameservers").violation("must be at most 3 addresses")
    if isinstance(searches, list) and len(searches) > _MOST_SEARCHES:
        yield where.at("searches").violation("must be at most 32 domains")


def _volumes(spec: Object, place: Place) -> Violations:
    yield from mounts_have_volumes(spec, place)


def _toleration(item: Object, place: Place) -> Violations:
    """Without a key the operator is Exists; Exists takes no value; seconds need NoExecute."""
    operator = text(item.get("operator")) or "Equal"
    if absent(item.get("key")) and operator != "Exists":
        yield place.at("operator").violation("must be Exists, because key is empty")
    if operator == "Exists" and not absent(item.get("value")):
        yield place.at("value").violation("must be empty, because operator is Exists")
    if item.get("tolerationSeconds") is not None and item.get("effect") != "NoExecute":
        yield place.at("effect").violation("must be NoExecute, because tolerationSeconds is set")


def _spread(item: Object, place: Place) -> Violations:
    """MinDomains needs a constraint that must hold."""
    if item.get("minDomains") is not None and item.get("whenUnsatisfiable") != "DoNotSchedule":
        yield place.at("minDomains").violation(
            "is only allowed if whenUnsatisfiable is DoNotSchedule"
        )


def _requirement(item: Object, place: Place) -> Violations:
    """How many values an operator takes (node selectors)."""
    operator, found = text(item.get("operator")), item.get("values")
    number = len(found) if isinstance(found, list) else 0
    if operator in {"In", "NotIn"} and not number:
        yield place.violation("requires values, because its operator is In or NotIn")
    if operator in {"Exists", "DoesNotExist"} and number:
        yield place.at("values").violation("must be empty, because the operator takes no values")
    if operator in {"Gt", "Lt"} and number != 1:
        yield place.at("values").violation("must be exactly one value for Gt and Lt")


_NODE_TERM = shape(
    {
        "matchExpressions": each(
            shape(
                {
                    "key": LABEL_KEY,
                    "operator": one_of("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
                    "values": each(LABEL_VALUE),
                },
                _requirement,
                required=("key", "operator"),
            )
        )
    }
)
_POD_TERM = shape(
    {"labelSelector": SELECTOR, "namespaceSelector": SELECTOR, "topologyKey": LABEL_KEY},
    required=("topologyKey",),
)
_POD_AFFINITY = shape(
    {
        "requiredDuringSchedulingIgnoredDuringExecution": each(_POD_TERM),
        "preferredDuringSchedulingIgnoredDuringExecution": each(
            shape({"weight": _WEIGHT, "podAffinityTerm": _POD_TERM}, required=("weight",))
        ),
    }
)
_AFFINITY = shape(
    {
        "nodeAffinity": shape(
            {
                "requiredDuringSchedulingIgnoredDuringExecution": shape(
                    {"nodeSelectorTerms": each(_NODE_TERM)}, required=("nodeSelectorTerms",)
                ),
                "preferredDuringSchedulingIgnoredDuringExecution": each(
                    shape({"weight": _WEIGHT, "preference": _NODE_TERM}, required=("weight",))
                ),
            }
        ),
        "podAffinity": _POD_AFFINITY,
        "podAntiAffinity": _POD_AFFINITY,
    }
)
TOLERATIONS = each(
    shape(
        {
            "key": LABEL_KEY,
            "operator": one_of("Exists", "Equal", "Lt", "Gt"),
            "value": LABEL_VALUE,
            "effect": one_of("NoSchedule", "PreferNoSchedule", "NoExecute"),
        },
        _toleration,
    )
)
_SPREADS = both(
    unique("topologyKey", "whenUnsatisfiable", word="topology"),
    each(
        shape(
            {
                "maxSkew": POSITIVE,
                "minDomains": POSITIVE,
                "whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
                "nodeAffinityPolicy": one_of("Honor", "Ignore"),
                "nodeTaintsPolicy": one_of("Honor", "Ignore"),
                "labelSelector": SELECTOR,
            },
            _spread,
            required=("maxSkew", "topologyKey", "whenUnsatisfiable"),
        )
    ),
)
_FIELDS: dict[str, Check] = {
    "containers": each(CONTAINER),
    "initContainers": each(CONTAINER),
    "volumes": VOLUMES,
    "restartPolicy": one_of("Always", "OnFailure", "Never"),
    "dnsPolicy": one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "dnsConfig": shape({"nameservers": each(IP_ADDRESS), "searches": each(SEARCH_DOMAIN)}),
    "preemptionPolicy": one_of("Never", "PreemptLowerPriority"),
    "activeDeadlineSeconds": between(1, _MOST),
    "nodeSelector": labels,
    "serviceAccountName": SUBDOMAIN,
    "nodeName": SUBDOMAIN,
    "priorityClassName": SUBDOMAIN,
    "runtimeClassName": SUBDOMAIN,
    "hostname": DNS_LABEL,
    "subdomain": DNS_LABEL,
    "hostAliases": both(
        unique("ip", word="address"),
        each(shape({"ip": IP_ADDRESS, "hostnames": each(SUBDOMAIN)}, required=("ip",))),
    ),
    "imagePullSecrets": unique("name", word="name"),
    "tolerations": TOLERATIONS,
    "affinity": _AFFINITY,
    "topologySpreadConstraints": _SPREADS,
    "overhead": values(amount),
    "resources": RESOURCES,
    "securityContext": shape(
        {
            "runAsUser": between(0, _MOST),
            "runAsGroup": between(0, _MOST),
            "fsGroup": between(0, _MOST),
            "supplementalGroups": each(between(0, _MOST)),
            "fsGroupChangePolicy": one_of("Always", "OnRootMismatch"),
            "seccompProfile": SECCOMP,
            "sysctls": each(shape({}, required=("name",))),
        },
        filled=("fsGroupChangePolicy",),
    ),
}
_RULES = (_container_names, _init_containers, _host_ports, _dns)

_FILLED = ("runtimeClassName", "preemptionPolicy")
POD_SPEC = shape(_FIELDS, *_RULES, _volumes, required=("containers",), filled=_FILLED)
"""A pod that has all its volumes."""

POD_SPEC_WITH_CLAIMS = shape(
    {name: check for name, check in _FIELDS.items() if name not in {"hostname", "subdomain"}},
    *_RULES,
    required=("containers",),
    filled=_FILLED,
)
"""The pod of a StatefulSet, whose claims add volumes and which sets the host's names."""


def template(spec: Check) -> Check:
    """A pod template with such a pod spec."""
    return shape({"metadata": labels_and_annotations, "spec": spec}, required=("spec",))


TEMPLATE = template(POD_SPEC)


def restarts_always(spec: Object, place: Place) -> Violations:
    """The pods of a controller that keeps them running restart."""
    pod = mapping(mapping(spec.get("template")).get("spec"))
    where = place.at("template", "spec")
    if text(pod.get("restartPolicy")) not in {"", "Always"}:
        yield where.at("restartPolicy").violation("must be Always")
    if pod.get("activeDeadlineSeconds") is not None:
        yield where.at("activeDeadlineSeconds").violation("is not allowed for this kind")


KINDS: dict[tuple[str, str], Check] = {
    ("", "Pod"): shape({"spec": POD_SPEC}, required=("spec",)),
    ("", "PodTemplate"): shape({"template": TEMPLATE}, required=("template",)),
}
