"""What a tenant's pods may not ask for."""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.kinds import AGENT
from renderers.kubernetes.pod_templates import pod_templates
from renderers.policy.pod_security import pod_violations

_ACCOUNTS = ("serviceAccountName", "serviceAccount")


def asks_too_much(item: Mapping[str, Json], level: str) -> Iterator[str]:
    """What an object's pods may not have: beyond a Pod Security level, or at any level.

    The agent's service account would lend a pod the right to write the namespace; a node's name
    goes past the scheduler, with taints and capacity; a system priority evicts others' pods.
    """
    for place, template in pod_templates(item):
        spec = template["spec"] if isinstance(template.get("spec"), dict) else {}
        assert isinstance(spec, dict)
        start = f"{place}.spec" if place else "spec"
        for field in _ACCOUNTS:
            if spec.get(field) == AGENT:
                yield f"{start}.{field} is {AGENT}, the agent's account; make one for the pod"
        if spec.get("nodeName"):
            yield f"{start}.nodeName goes past the scheduler; use nodeSelector or affinity"
        priority = spec.get("priorityClassName")
        if isinstance(priority, str) and priority.startswith("system-"):
            yield f"{start}.priorityClassName is {priority}, which evicts pods of others"
        yield from pod_violations(template, place, level)
