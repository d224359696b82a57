"""The resource requests of workloads, as the scheduler counts them."""

from collections.abc import Iterator, Mapping

from planners.model import ContainerLimits, Json, quantities

NANO = 10**9
_TEMPLATES = {
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Pod": ("spec",),
}
FILE_PREFIXES = tuple(f"{kind.lower()}-" for kind in _TEMPLATES)
_REPLICAS = {
    "Deployment": ("spec", "replicas"),
    "StatefulSet": ("spec", "replicas"),
    "ReplicaSet": ("spec", "replicas"),
    "ReplicationController": ("spec", "replicas"),
    "Job": ("spec", "parallelism"),
    "CronJob": ("spec", "jobTemplate", "spec", "parallelism"),
}


def pod_spec(item: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The pod spec of a workload; None for other objects."""
    found = _at(item, _TEMPLATES.get(str(item.get("kind")), ("\0",)))
    return found if isinstance(found, dict) else None


def replicas(item: Mapping[str, Json]) -> int:
    """How many pods an object runs; a DaemonSet counts as one, without its nodes."""
    found = _at(item, _REPLICAS.get(str(item.get("kind")), ("\0",)))
    return found if isinstance(found, int) and not isinstance(found, bool) else 1


def requests(
    item: Mapping[str, Json], count: int | None = None, limits: ContainerLimits | None = None
) -> dict[str, int]:
    """The requests of all pods of an object, in nano-units by resource, including `pods`.

    `count` overrides the number of pods; `limits` are the tenant's defaults for containers. Raises
    ValueError for an invalid quantity.
    """
    spec = pod_spec(item)
    if spec is None:
        return {}
    number = replicas(item) if count is None else count
    found = {name: amount * number for name, amount in pod_requests(spec, limits).items()}
    found["pods"] = NANO * number
    return found


def pod_requests(spec: Mapping[str, Json], limits: ContainerLimits | None = None) -> dict[str, int]:
    """The requests of one pod: the sum of its containers, or its peak during start if higher.

    Source: Kubernetes documentation, "Sidecar Containers", "Resource sharing within containers":
    an init container that always restarts counts in addition to all that follow it. "Assign
    Pod-level CPU and memory resources": requests of the pod count instead of those of containers.
    """
    running: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in _containers(spec, "initContainers"):
        amounts = _requests(container, limits)
        if container.get("restartPolicy") == "Always":
            _add(running, amounts)
        else:
            together = dict(running)
            _add(together, amounts)
            _raise_to(peak, together)
    for container in _containers(spec, "containers"):
        _add(running, _requests(container, limits))
    _raise_to(peak, running)
    peak |= _pod_level(spec, peak)
    overhead = spec.get("overhead")
    if isinstance(overhead, dict):
        _add(peak, {name: quantities.parse(value) for name, value in overhead.items()})
    return peak


def _pod_level(spec: Mapping[str, Json], containers: Mapping[str, int]) -> dict[str, int]:
    """The requests that the pod states as a whole; its limits where nothing requests any."""
    stated = spec.get("resources")
    found: dict[str, int] = {}
    for field in ("limits", "requests") if isinstance(stated, dict) else ():
        amounts = stated.get(field) if isinstance(stated, dict) else None
        for name, value in amounts.items() if isinstance(amounts, dict) else ():
            whole = name in ("cpu", "memory") or name.startswith("hugepages-")
            if whole and (field == "requests" or name not in containers):
                found[name] = quantities.parse(value)
    return found


def _containers(spec: Mapping[str, Json], field: str) -> Iterator[Mapping[str, Json]]:
    found = spec.get(field)
    yield from (
        each for each in (found if isinstance(found, list) else []) if isinstance(each, dict)
    )


def _requests(container: Mapping[str, Json], limits: ContainerLimits | None) -> dict[str, int]:
    """The requests of a container; a limit without a request counts as the request."""
    stated = effective_resources(container, limits)["requests"]
    return {name: quantities.parse(value) for name, value in stated.items()}


def effective_resources(
    container: Mapping[str, Json], limits: ContainerLimits | None
) -> Mapping[str, Mapping[str, Json]]:
    """A container's requests and limits, completed with the defaults of the LimitRange.

    Source: Kubernetes documentation, "Limit Ranges": a default limit comes from `max` if there is
    none, and a default request from the limit.
    """
    resources = container.get("resources")
    stated = {
        field: _mapping(resources.get(field) if isinstance(resources, dict) else None)
        for field in ("limits", "requests")
    }
    default: dict[str, Json] = {}
    request: dict[str, Json] = {}
    if limits is not None:
        default = {**limits.max, **limits.default}
        request = {**default, **limits.default_request}
    return {
        "requests": {**request, **stated["limits"], **stated["requests"]},
        "limits": {**default, **stated["limits"]},
    }


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _raise_to(peak: dict[str, int], other: Mapping[str, int]) -> None:
    for name, amount in other.items():
        peak[name] = max(peak.get(name, 0), amount)


def _at(item: Mapping[str, Json], path: tuple[str, ...]) -> Json:
    value: Json = dict(item)
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
