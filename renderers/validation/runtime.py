"""Rules for RuntimeClasses and Leases.

Sources: k8s.io/kubernetes/pkg/apis/node/validation, k8s.io/kubernetes/pkg/apis/coordination/
validation.
"""

from planners.model import Json
from renderers.validation.checks import (
    NON_NEGATIVE,
    POSITIVE,
    Check,
    Object,
    Place,
    Violations,
    absent,
    amount,
    one_of,
    shape,
    text,
    values,
)
from renderers.validation.formats import DNS_LABEL, LABEL_KEY
from renderers.validation.metadata import labels
from renderers.validation.pods import TOLERATIONS

_RUNTIME = shape(
    {
        "handler": DNS_LABEL,
        "overhead": shape({"podFixed": values(amount)}),
        "scheduling": shape({"nodeSelector": labels, "tolerations": TOLERATIONS}),
    },
    required=("handler",),
)
_STRATEGY = one_of("OldestEmulationVersion")


def _strategy(value: Json, place: Place) -> Violations:
    """One of Kubernetes, or a qualified name of somebody else."""
    yield from (LABEL_KEY if "/" in text(value) else _STRATEGY)(value, place)


def _holder(spec: Object, place: Place) -> Violations:
    if not absent(spec.get("preferredHolder")) and absent(spec.get("strategy")):
        yield place.at("preferredHolder").violation("is only allowed with a strategy")


_LEASE = shape(
    {
        "leaseDurationSeconds": POSITIVE,
        "leaseTransitions": NON_NEGATIVE,
        "strategy": _strategy,
    },
    _holder,
)

KINDS: dict[tuple[str, str], Check] = {
    ("node.k8s.io", "RuntimeClass"): _RUNTIME,
    ("coordination.k8s.io", "Lease"): shape({"spec": _LEASE}),
}
