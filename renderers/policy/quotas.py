"""Computes what objects use of a tenant's quota, counted as Kubernetes counts it.

Sources: Kubernetes documentation, "Resource Quotas" (the names in `hard`, what a quota requires of
pods), "Limit Ranges" (defaults: a limit from `max`, a request from the limit), "Pod Overhead" and
"Assign Pod-level CPU and memory resources". Amounts are integers in nano-units.
"""

from collections.abc import Iterable, Iterator, Mapping

from planners.model import ContainerLimits, Json, Tenant
from planners.model.quantities import NANO, parse, write
from renderers.kubernetes import workloads
from renderers.kubernetes.kinds import kind_of
from renderers.kubernetes.metadata import label_of
from renderers.kubernetes.workloads import effective_resources

Usage = dict[str, int]

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_REQUIRED_WITH_QUOTA = ("cpu", "memory")
_CONTAINERS = ("initContainers", "containers")
_BYTES = ("memory", "storage", "ephemeral-storage")
_COUNTED = frozenset({"ConfigMap", "ReplicationController", "ResourceQuota", "Secret", "Service"})
_MILLI = NANO // 1000


def quota_problems(tenant: Tenant, usage: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """Where the tenant would exceed its quota, sorted by place and resource.

    `usage` maps a place to what all applications of the tenant use there, by ResourceQuota name. A
    place is a cluster, or a cluster and a namespace if the tenant has several: the quota applies to
    each namespace. Raises ValueError if the quota is not a valid quantity.
    """
    hard = {name: parse(text) for name, text in sorted(tenant.quota.items())}
    return tuple(
        f"tenant {tenant.name} would use {_amount(name, used)} of {name} on {place}, "
        f"{_amount(name, used - most)} more than its quota of {_amount(name, most)}: request less, "
        f"or raise the tenant's quota"
        for place in sorted(usage)
        for name, most in hard.items()
        if (used := usage[place].get(name, 0)) > most
    )


def total(usages: Iterable[Mapping[str, int]]) -> Usage:
    """The sum of several usages, by name."""
    found: Usage = {}
    for usage in usages:
        for name, amount in usage.items():
            found[name] = found.get(name, 0) + amount
    return found


def usage_of(
    item: Mapping[str, Json], limits: ContainerLimits | None = None, count: int | None = None
) -> Usage:
    """What one object uses, in nano-units by every ResourceQuota name that counts it.

    `limits` are the tenant's defaults for containers; `count` overrides the number of pods. The
    surge of a rolling update is not counted. Raises ValueError for an invalid quantity.
    """
    kind, spec = kind_of(item), _mapping(item.get("spec"))
    if (kind.group, kind.name) == ("", "PersistentVolumeClaim"):
        return _claim(spec, 1)
    key = f"count/{kind.plural}.{kind.group}" if kind.group else f"count/{kind.plural}"
    found = {} if key == "count/pods" else {key: NANO}
    if not kind.group and kind.name in _COUNTED:
        found[kind.plural] = NANO
    if kind.name == "CronJob":
        found["count/jobs.batch"] = NANO
    if not kind.group and kind.name == "Service":
        found |= _ports(spec)
    return total((found, *_pods(item, spec, limits, count)))


def assumptions(item: Mapping[str, Json]) -> Iterator[str]:
    """What `usage_of` had to assume about an object, as warnings of the plan."""
    name = label_of(item)
    if item.get("kind") == "DaemonSet":
        yield f"{name} runs on every eligible node but counts once against the quota"
    if item.get("kind") == "CronJob":
        yield f"{name} counts as one running job against the quota"


def missing_amounts(item: Mapping[str, Json], tenant: Tenant) -> Iterator[str]:
    """Containers that Kubernetes would reject: they omit a resource that the quota counts."""
    pod = workloads.pod_spec(item)
    if pod is None:
        return
    required = {
        (field, name)
        for name in _REQUIRED_WITH_QUOTA
        for field in ("requests", "limits")
        if f"{field}.{name}" in tenant.quota or (field == "requests" and name in tenant.quota)
    }
    whole = _resources(pod)
    for container in _containers(pod):
        stated = effective_resources(container, tenant.limits)
        for field, name in sorted(required):
            if name not in stated[field] and name not in whole[field]:
                yield (
                    f"{label_of(item)} sets no {field}.{name} for container "
                    f"{container.get('name')}; the quota of tenant {tenant.name} counts it, so "
                    f"Kubernetes would reject the pod: set it, or set the tenant's limits"
                )


def _pods(
    item: Mapping[str, Json],
    spec: Mapping[str, Json],
    limits: ContainerLimits | None,
    count: int | None,
) -> Iterator[Usage]:
    pod = workloads.pod_spec(item)
    if pod is None:
        return
    number = workloads.replicas(item) if count is None else count
    yield {"pods": NANO * number, "count/pods": NANO * number}
    for name, amount in _pod_amounts(pod, limits, "requests").items():
        yield {f"requests.{name}": amount * number}
        if name in _COMPUTE or name.startswith("hugepages-"):
            yield {name: amount * number}
    for name, amount in _pod_amounts(pod, limits, "limits").items():
        if name in _COMPUTE:
            yield {f"limits.{name}": amount * number}
    for template in _mappings(spec.get("volumeClaimTemplates")):
        yield _claim(_mapping(template.get("spec")), number)
    for volume in _mappings(pod.get("volumes")):
        made = _mapping(_mapping(volume.get("ephemeral")).get("volumeClaimTemplate"))
        if made:
            yield _claim(_mapping(made.get("spec")), number)


def _pod_amounts(pod: Mapping[str, Json], limits: ContainerLimits | None, field: str) -> Usage:
    """The requests or limits of one pod; pod-level amounts override those of its containers."""
    spec: dict[str, Json] = {key: value for key, value in pod.items() if key != "overhead"}
    for containers in _CONTAINERS:
        spec[containers] = [
            {
                **each,
                "resources": {"requests": dict(effective_resources(each, limits)[field])},
            }
            for each in _mappings(pod.get(containers))
        ]
    whole = _resources(pod)
    found = workloads.pod_requests(spec)
    if field == "requests":
        found = {**_parsed(whole["limits"]), **found}
    found |= _parsed(whole[field])
    overhead = _parsed(_mapping(pod.get("overhead")))
    return {
        **({} if field == "limits" else overhead),
        **{name: amount + overhead.get(name, 0) for name, amount in found.items()},
    }


def _resources(part: Mapping[str, Json]) -> Mapping[str, Mapping[str, Json]]:
    resources = _mapping(part.get("resources"))
    return {field: _mapping(resources.get(field)) for field in ("requests", "limits")}


def _claim(spec: Mapping[str, Json], number: int) -> Usage:
    size = _resources(spec)["requests"].get("storage")
    amount = 0 if size is None else parse(size) * number
    found = {"persistentvolumeclaims": NANO * number, "requests.storage": amount}
    class_ = spec.get("storageClassName")
    prefix = f"{class_}.storageclass.storage.k8s.io/"
    own = {prefix + name: found[name] for name in found} if class_ else {}
    return {"count/persistentvolumeclaims": NANO * number, **found, **own}


def _ports(spec: Mapping[str, Json]) -> Usage:
    """Load balancers and node ports of a Service."""
    ports = _mappings(spec.get("ports"))
    number = len(ports)
    if spec.get("type") == "LoadBalancer":
        if spec.get("allocateLoadBalancerNodePorts") is False:
            number = sum(1 for port in ports if port.get("nodePort"))
        return {"services.loadbalancers": NANO, "services.nodeports": NANO * number}
    return {"services.nodeports": NANO * number} if spec.get("type") == "NodePort" else {}


def _amount(name: str, nanos: int) -> str:
    """Bytes in binary units; anything else as a number, in thousandths if it is not an integer."""
    if name.endswith(_BYTES) or nanos % _MILLI:
        return write(nanos)
    return f"{nanos // _MILLI}m" if nanos % NANO else str(nanos // NANO)


def _containers(pod: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    return tuple(each for field in _CONTAINERS for each in _mappings(pod.get(field)))


def _parsed(amounts: Mapping[str, Json]) -> Usage:
    return {name: parse(value) for name, value in amounts.items()}


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Json) -> tuple[dict[str, Json], ...]:
    items = value if isinstance(value, list) else []
    return tuple(each for each in items if isinstance(each, dict))
