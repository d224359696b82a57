"""Rules for Jobs and CronJobs.

Source: k8s.io/kubernetes/pkg/apis/batch/validation.
"""

from renderers.validation.checks import (
    NON_NEGATIVE,
    Check,
    Object,
    Place,
    Violations,
    absent,
    both,
    integer,
    mapping,
    one_of,
    shape,
    text,
)
from renderers.validation.formats import SCHEDULE
from renderers.validation.metadata import SELECTOR
from renderers.validation.pods import TEMPLATE

_MOST_INDEXED = 100_000
_NUMBERS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
    "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip


def _restarts(spec: Object, place: Place) -> Violations:
    """The pods of a Job end; the API server's default, Always, is refused too."""
    pod = mapping(mapping(spec.get("template")).get("spec"))
    policy = text(pod.get("restartPolicy"))
    where = place.at("template", "spec", "restartPolicy")
    if policy in {"", "Always"}:
        yield where.violation("must be set to OnFailure or Never")
    elif policy == "OnFailure" and spec.get("podFailurePolicy") is not None:
        yield where.violation("must be Never, because podFailurePolicy is set")


def _indexed(spec: Object, place: Place) -> Violations:
    """Indexed Jobs state their completions; others have no settings per index."""
    if spec.get("completionMode") == "Indexed":
        if spec.get("completions") is None:
            yield place.violation("requires the field completions, because it is Indexed")
        if (integer(spec.get("parallelism")) or 0) > _MOST_INDEXED:
            yield place.at("parallelism").violation(f"must be at most {_MOST_INDEXED}")
        return
    for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
        if spec.get(field) is not None:
            yield place.at(field).violation("is only allowed if completionMode is Indexed")


def _own_selector(spec: Object, place: Place) -> Violations:
    """Kubernetes makes the selector of a Job, unless manualSelector is true."""
    if not absent(spec.get("selector")) and spec.get("manualSelector") is not True:
        yield place.at("selector").violation("is only allowed if manualSelector is true")


def _no_selector(spec: Object, place: Place) -> Violations:
    """The Jobs of a CronJob never have a selector of their own."""
    if spec.get("manualSelector") is True:
        yield place.at("manualSelector").violation("must not be true in a CronJob")


def _zone(spec: Object, place: Place) -> Violations:
    """The time zone stands in its own field and is an IANA name."""
    if "TZ" in text(spec.get("schedule")):
        yield place.at("schedule").violation("must not contain a time zone; set timeZone")
    if text(spec.get("timeZone")).lower() == "local":
        yield place.at("timeZone").violation("must be an IANA time zone, such as Europe/Berlin")


_JOB = shape(
    {
        **dict.fromkeys(_NUMBERS, NON_NEGATIVE),
        "completionMode": one_of("NonIndexed", "Indexed"),
        "podReplacementPolicy": one_of("TerminatingOrFailed", "Failed"),
        "selector": SELECTOR,
        "template": TEMPLATE,
    },
    _restarts,
    _indexed,
    _own_selector,
    required=("template",),
)
_CRON_JOB = shape(
    {
        "schedule": SCHEDULE,
        "startingDeadlineSeconds": NON_NEGATIVE,
        "successfulJobsHistoryLimit": NON_NEGATIVE,
        "failedJobsHistoryLimit": NON_NEGATIVE,
        "concurrencyPolicy": one_of("Allow", "Forbid", "Replace"),
        "jobTemplate": shape({"spec": both(_JOB, shape({}, _no_selector))}, required=("spec",)),
    },
    _zone,
    required=("schedule", "jobTemplate"),
)

KINDS: dict[tuple[str, str], Check] = {
    ("batch", "Job"): shape({"spec": _JOB}, required=("spec",)),
    ("batch", "CronJob"): shape({"spec": _CRON_JOB}, required=("spec",)),
}
