"""Rejects pods of a tenant that exceed its Pod Security level or bypass the scheduler."""

from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes.kinds import AGENT_ACCOUNT
from renderers.kubernetes.pod_templates import pod_templates
from renderers.policy.pod_security import pod_security_violations

_ACCOUNTS = ("serviceAccountName", "serviceAccount")


def pod_violations(item: Mapping[str, Json], level: str) -> Iterator[str]:
    """Which fields of an object's pods violate a Pod Security level, or any tenant's limits.

    The agent's service account would allow a pod to write to the namespace; `nodeName` bypasses the
    scheduler, with its taints and capacity; a system priority evicts the pods of others.
    """
    for place, template in pod_templates(item):
        spec = template["spec"] if isinstance(template.get("spec"), dict) else {}
        assert isinstance(spec, dict)
        start = f"{place}.spec" if place else "spec"
        for field in _ACCOUNTS:
            if spec.get(field) == AGENT_ACCOUNT:
                yield (
                    f"{start}.{field} is {AGENT_ACCOUNT}, the agent's account; create one for the "
                    f"pod"
                )
        if spec.get("nodeName"):
            yield f"{start}.nodeName bypasses the scheduler; use nodeSelector or affinity"
        priority = spec.get("priorityClassName")
        if isinstance(priority, str) and priority.startswith("system-"):
            yield f"{start}.priorityClassName is {priority}, which evicts the pods of others"
        yield from pod_security_violations(template, place, level)
