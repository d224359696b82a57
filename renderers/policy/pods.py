"""Rejects pods of a tenant that exceed its Pod Security level or bypass the scheduler."""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.fields import Field, fields, mapping, path_text
from renderers.kubernetes.kinds import BUILT_IN, is_reserved_name, kind_of
from renderers.kubernetes.pod_templates import pod_templates
from renderers.policy.pod_security import pod_security_violations

_PRIVILEGED = "privileged"
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_ACCOUNT_KEYS = ("serviceaccount", "serviceaccountname", "serviceaccountref")
_HOST_KEYS = frozenset({"hostIPC", "hostNetwork", "hostPID", "hostProcess", _PRIVILEGED})


def pod_violations(item: Mapping[str, Json], level: str) -> Iterator[str]:
    """Which fields of an object's pods violate a Pod Security level, or any tenant's limits.

    `nodeName` bypasses the scheduler, with its taints and capacity; a system priority evicts the
    pods of others; pods on control plane nodes stand beside the cluster's own. In custom kinds,
    access to the node is found wherever it stands, because their controllers make pods from it.
    """
    places: set[str] = set()
    for place, template in pod_templates(item):
        places.add(place)
        spec = mapping(template.get("spec"))
        if spec.get("nodeName"):
            yield f"{place}.nodeName bypasses the scheduler; use nodeSelector or affinity"
        priority = spec.get("priorityClassName")
        if isinstance(priority, str) and priority.startswith("system-"):
            yield f"{place}.priorityClassName is {priority}, which evicts the pods of others"
        if level != _PRIVILEGED:
            yield from _control_plane(spec, place)
        yield from _level(template, place, level)
    kind = kind_of(item)
    if level != _PRIVILEGED and (kind.group, kind.name) not in BUILT_IN:
        yield from _node_access(item, places, level)


def account_violations(item: Mapping[str, Json]) -> Iterator[str]:
    """Where an object uses an agent's account, which may write to the namespace."""
    for field in fields(dict(item)):
        key, value = str(field.path[-1]).lower(), field.value
        if not key.endswith(_ACCOUNT_KEYS):
            continue
        name = value.get("name") if isinstance(value, dict) else value
        if isinstance(name, str) and is_reserved_name(name.rpartition(":")[2].rpartition("/")[2]):
            yield f"{field} is {name}, the agent's account; use an account of your own"


def _level(template: Mapping[str, Json], place: str, level: str) -> Iterator[str]:
    """The violations of the level; a spec at another key than `spec` is named by that key."""
    parent, _, key = place.rpartition(".")
    if key == "spec":
        yield from pod_security_violations(template, parent, level)
        return
    for reason in pod_security_violations(template, "", level):
        yield f"{place}{reason.removeprefix('spec')}"


def _control_plane(spec: Mapping[str, Json], place: str) -> Iterator[str]:
    tolerations = spec.get("tolerations")
    for index, each in enumerate(tolerations if isinstance(tolerations, list) else []):
        key = mapping(each).get("key")
        if not key or key in _CONTROL_PLANE:
            yield (
                f"{place}.tolerations[{index}] tolerates {key or 'every taint'}, so the pod may "
                f"run on control plane nodes; name the taints of the tenant's own nodes"
            )
    for key in _CONTROL_PLANE:
        if key in mapping(spec.get("nodeSelector")):
            yield f"{place}.nodeSelector selects {key}; select other nodes"


def _node_access(item: Mapping[str, Json], places: set[str], level: str) -> Iterator[str]:
    """Access to the node outside the pod templates that were found."""
    for field in fields(dict(item)):
        inside = any(path_text(field.path[:end]) in places for end in range(len(field.path)))
        if not inside and (_is_host_access(field) or _is_host_path(field)):
            yield (
                f"{field} gives access to the node; Pod Security level {level} does not allow it "
                f"in any pod"
            )


def _is_host_access(field: Field) -> bool:
    return field.path[-1] in _HOST_KEYS and field.value is True


def _is_host_path(field: Field) -> bool:
    key = field.path[-1]
    return (key == "hostPath" and bool(field.value)) or (key == "hostPort" and field.value != 0)
