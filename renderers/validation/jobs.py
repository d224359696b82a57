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
from renderers.validation.metadata import SELECTOR, selector_matches_template
from renderers.validation.pods import TEMPLATE

_MOST_INDEXED = 100_000
_REGIONS = frozenset(
    {
        "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil",
        "CET", "CST6CDT", "Canada", "Chile", "Cuba", "EET", "EST", "EST5EDT", "Egypt", "Eire",
        "Etc", "Europe", "Factory", "GB", "GB-Eire", "GMT", "GMT+0", "GMT-0", "GMT0", "Greenwich",
        "HST", "Hongkong", "Iceland", "Indian", "Iran", "Israel", "Jamaica", "Japan", "Kwajalein",
        "Libya", "MET", "MST", "MST7MDT", "Mexico", "NZ", "NZ-CHAT", "Navajo", "PRC", "PST8PDT",
        "Pacific", "Poland", "Portugal", "ROC", "ROK", "Singapore", "Turkey", "UCT", "US", "UTC",
        "Universal", "W-SU", "WET", "Zulu",
    }
)  # fmt: skip
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
    if spec.get("manualSelector") is True:
        if spec.get("selector") is None:
            yield place.violation("requires the field selector, because manualSelector is true")
        yield from selector_matches_template(spec, place)
    elif not absent(spec.get("selector")):
        yield place.at("selector").violation("is only allowed if manualSelector is true")


def _no_selector(spec: Object, place: Place) -> Violations:
    """The Jobs of a CronJob never have a selector of their own."""
    if spec.get("manualSelector") is True:
        yield place.at("manualSelector").violation("must not be true in a CronJob")


def _zone(spec: Object, place: Place) -> Violations:
    """The time zone stands in its own field and is an IANA name."""
    if "TZ" in text(spec.get("schedule")):
        yield place.at("schedule").violation("must not contain a time zone; set timeZone")
    zone = text(spec.get("timeZone"))
    if zone and zone.partition("/")[0] not in _REGIONS:
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
    filled=("completionMode", "podReplacementPolicy"),
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
    filled=("timeZone",),
)

KINDS: dict[tuple[str, str], Check] = {
    ("batch", "Job"): shape({"spec": _JOB}, required=("spec",)),
    ("batch", "CronJob"): shape({"spec": _CRON_JOB}, required=("spec",)),
}
