"""Rules for the controllers of pods.

Source: k8s.io/kubernetes/pkg/apis/apps/validation, k8s.io/kubernetes/pkg/apis/core/validation
(ReplicationController).
"""

from renderers.validation.checks import (
    NON_NEGATIVE,
    Check,
    Object,
    Place,
    Violations,
    both,
    each,
    integer,
    mapping,
    one_of,
    only_with,
    shape,
)
from renderers.validation.formats import DNS_LABEL, at_most_all, count_or_percent
from renderers.validation.metadata import SELECTOR, matches, selector_selects_template
from renderers.validation.pods import (
    POD_SPEC_WITH_CLAIMS,
    TEMPLATE,
    restarts_always,
    template,
)
from renderers.validation.storage import CLAIM_SPEC
from renderers.validation.volumes import claim_template_names, mounts_have_volumes

_ZERO = (0, "0%")
_DEADLINE = 600
_ROLLING = ("maxSurge", "maxUnavailable")


def _surge(item: Object, place: Place) -> Violations:
    """A rolling update adds or removes at least one pod at a time."""
    if item.get("maxSurge") in _ZERO and item.get("maxUnavailable") in _ZERO:
        yield place.at("maxUnavailable").violation("must not be 0 while maxSurge is 0")


def _daemon_surge(item: Object, place: Place) -> Violations:
    """A DaemonSet either adds or removes pods first."""
    surge = item.get("maxSurge")
    if surge not in (None, *_ZERO) and item.get("maxUnavailable", 1) not in _ZERO:
        yield place.at("maxSurge").violation("must be 0 while maxUnavailable is not 0")
    elif surge in (None, *_ZERO) and item.get("maxUnavailable") in _ZERO:
        yield place.at("maxUnavailable").violation("must not be 0 while maxSurge is 0")


def _progress(spec: Object, place: Place) -> Violations:
    """The deadline of a Deployment is later than its pods can be ready."""
    deadline = integer(spec.get("progressDeadlineSeconds"))
    ready = integer(spec.get("minReadySeconds")) or 0
    if (_DEADLINE if deadline is None else deadline) <= ready:
        yield place.at("progressDeadlineSeconds").violation("must be more than minReadySeconds")


def _claims(spec: Object, place: Place) -> Violations:
    """The pods of a StatefulSet mount its claims too."""
    pod = mapping(mapping(spec.get("template")).get("spec"))
    where = place.at("template", "spec")
    yield from mounts_have_volumes(pod, where, claim_template_names(spec))


def _old_selector(spec: Object, place: Place) -> Violations:
    """A ReplicationController selects by labels; without them it takes those of its template."""
    wanted = mapping(spec.get("selector"))
    found = mapping(mapping(mapping(spec.get("template")).get("metadata")).get("labels"))
    if not wanted and not found:
        yield place.violation("requires the field selector, because its template has no labels")
    elif not matches({"matchLabels": dict(wanted)}, found):
        where = place.at("template", "metadata", "labels")
        yield where.violation("does not match the labels in spec.selector")


def _strategy(rule: Check) -> Check:
    """An update strategy that may have settings for rolling updates only if it is one."""
    return shape(
        {"rollingUpdate": rule},
        only_with("rollingUpdate", "type", "RollingUpdate", default="RollingUpdate"),
    )


_COUNTS: dict[str, Check] = {
    "replicas": NON_NEGATIVE,
    "minReadySeconds": NON_NEGATIVE,
    "revisionHistoryLimit": NON_NEGATIVE,
    "selector": SELECTOR,
}
_DEPLOYMENT = shape(
    {
        **_COUNTS,
        "progressDeadlineSeconds": NON_NEGATIVE,
        "strategy": both(
            shape({"type": one_of("RollingUpdate", "Recreate")}),
            _strategy(
                shape(
                    {"maxSurge": count_or_percent, "maxUnavailable": at_most_all},
                    _surge,
                    filled=_ROLLING,
                )
            ),
        ),
        "template": TEMPLATE,
    },
    selector_selects_template,
    _progress,
    restarts_always,
    required=("selector", "template"),
)
_REPLICA_SET = shape(
    {**_COUNTS, "template": TEMPLATE},
    selector_selects_template,
    restarts_always,
    required=("selector", "template"),
)
_DAEMON_SET = shape(
    {
        **_COUNTS,
        "updateStrategy": both(
            shape({"type": one_of("RollingUpdate", "OnDelete")}),
            _strategy(
                shape(
                    {"maxSurge": at_most_all, "maxUnavailable": at_most_all},
                    _daemon_surge,
                    filled=_ROLLING,
                )
            ),
        ),
        "template": TEMPLATE,
    },
    selector_selects_template,
    restarts_always,
    required=("selector", "template"),
)
_RETAIN = one_of("Retain", "Delete")
_STATEFUL_SET = shape(
    {
        **_COUNTS,
        "serviceName": DNS_LABEL,
        "podManagementPolicy": one_of("OrderedReady", "Parallel"),
        "persistentVolumeClaimRetentionPolicy": shape(
            {"whenDeleted": _RETAIN, "whenScaled": _RETAIN}
        ),
        "ordinals": shape({"start": NON_NEGATIVE}),
        "updateStrategy": both(
            shape({"type": one_of("RollingUpdate", "OnDelete")}),
            _strategy(shape({"partition": NON_NEGATIVE, "maxUnavailable": at_most_all})),
        ),
        "template": template(POD_SPEC_WITH_CLAIMS),
        "volumeClaimTemplates": each(shape({"spec": CLAIM_SPEC}, required=("spec",))),
    },
    selector_selects_template,
    restarts_always,
    _claims,
    required=("selector", "template"),
)
_CONTROLLER = shape(
    {"replicas": NON_NEGATIVE, "template": TEMPLATE}, _old_selector, restarts_always
)


def _of(spec: Check) -> Check:
    return shape({"spec": spec}, required=("spec",))


KINDS: dict[tuple[str, str], Check] = {
    ("apps", "Deployment"): _of(_DEPLOYMENT),
    ("apps", "ReplicaSet"): _of(_REPLICA_SET),
    ("apps", "DaemonSet"): _of(_DAEMON_SET),
    ("apps", "StatefulSet"): _of(_STATEFUL_SET),
    ("", "ReplicationController"): _of(_CONTROLLER),
}
