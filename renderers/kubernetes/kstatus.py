"""Whether an object has reached the state that its manifest asks for, read from the object alone.

The words and rules are those of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus/status: `status.go`,
`generic.go`, `core.go`), which Flux and Config Sync use too. Two rules are stricter, because others
wait for the answer: a Job that runs is IN_PROGRESS until it completes (Flux decides likewise), and
a Pod that failed is FAILED. An object whose status has another shape than its API says is UNKNOWN.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from planners.model import Json, Readiness
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.metadata import group_of

SCHEDULE_WINDOW = timedelta(seconds=15)
MAX_MESSAGE_LENGTH = 500
_NO_DEADLINE = 2**31 - 1


class ObjectStatus(StrEnum):
    """The words of kstatus, as Config Sync's ResourceGroups write them."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


READINESS: Mapping[ObjectStatus, Readiness] = {
    ObjectStatus.CURRENT: Readiness.READY,
    ObjectStatus.IN_PROGRESS: Readiness.PROGRESSING,
    ObjectStatus.TERMINATING: Readiness.PROGRESSING,
    ObjectStatus.NOT_FOUND: Readiness.PROGRESSING,
    ObjectStatus.FAILED: Readiness.STALLED,
    ObjectStatus.UNKNOWN: Readiness.UNKNOWN,
}
"""The readiness that an object's status contributes to its unit."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of one object, and why."""

    status: ObjectStatus
    message: str

    @property
    def readiness(self) -> Readiness:
        """The readiness that it contributes to its unit."""
        return READINESS[self.status]


@dataclass(frozen=True, slots=True)
class Condition:
    """An entry of `status.conditions`."""

    type: str
    status: str
    reason: str
    message: str

    @property
    def is_true(self) -> bool:
        """Whether it is met."""
        return self.status == "True"

    @property
    def text(self) -> str:
        """Its reason and message."""
        return ": ".join(each for each in (self.reason, self.message) if each) or self.type


class _ShapeError(ValueError):
    """A field of the object has another type than its API says."""


def judge(item: Mapping[str, Json], now: datetime) -> Verdict:
    """The status of an object as the API server returned it; `now` is for pods without a node."""
    try:
        verdict = _generic(item) or _specific(item, now)
    except _ShapeError as error:
        verdict = Verdict(ObjectStatus.UNKNOWN, str(error))
    return Verdict(verdict.status, verdict.message[:MAX_MESSAGE_LENGTH])


def conditions(item: Mapping[str, Json]) -> tuple[Condition, ...]:
    """The conditions of an object, in their order; entries that are no conditions are left out."""
    found = mapping(item.get("status")).get("conditions")
    return tuple(
        Condition(*(str(each.get(name) or "") for name in ("type", "status", "reason", "message")))
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict)
    )


def condition(item: Mapping[str, Json], kind: str) -> Condition | None:
    """The first condition of that type."""
    return next((each for each in conditions(item) if each.type == kind), None)


def _generic(item: Mapping[str, Json]) -> Verdict | None:
    """What deletion, generation and the standard conditions decide, whatever the kind."""
    if mapping(item.get("metadata")).get("deletionTimestamp"):
        return Verdict(ObjectStatus.TERMINATING, "scheduled for deletion")
    generation = _integer(item, "metadata.generation")
    observed = _integer(item, "status.observedGeneration")
    if None not in (generation, observed) and observed != generation:
        return _in_progress(f"generation {generation} not observed yet; the last was {observed}")
    for each in conditions(item):
        if each.type == "Reconciling" and each.is_true:
            return _in_progress(each.text)
        if each.type == "Stalled" and each.is_true:
            return _failed(each.text)
    return None


def _specific(item: Mapping[str, Json], now: datetime) -> Verdict:
    group, kind = group_of(item), str(item.get("kind", ""))
    if (group, kind) == ("", "Pod"):
        return _pod(item, now)
    rule = _RULES.get((group, kind))
    if rule is not None:
        return rule(item)
    ready = condition(item, "Ready")
    if ready is None or ready.status not in ("True", "False", "Unknown"):
        return _current("no condition Ready")
    return _current("Ready") if ready.is_true else _in_progress(ready.text)


def _deployment(item: Mapping[str, Json]) -> Verdict:
    """Source: the Deployment controller sets Progressing only if there is a deadline."""
    progressing, available = condition(item, "Progressing"), condition(item, "Available")
    if progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        return _failed(progressing.text)
    wanted = _number(item, "spec.replicas", 1)
    there, updated = _number(item, "status.replicas"), _number(item, "status.updatedReplicas")
    ready, usable = (
        _number(item, "status.readyReplicas"),
        _number(item, "status.availableReplicas"),
    )
    waits = _first(
        _fewer("replicas", there, wanted),
        _fewer("updated", updated, wanted),
        _extra(there, wanted),
        _fewer("available", usable, updated),
        _fewer("ready", ready, wanted),
    )
    if waits:
        return waits
    if _number(item, "spec.progressDeadlineSeconds", _NO_DEADLINE) != _NO_DEADLINE and not (
        progressing and progressing.is_true and progressing.reason == "NewReplicaSetAvailable"
    ):
        return _in_progress("the new ReplicaSet is not available")
    if available is None or not available.is_true:
        return _in_progress("not available")
    return _current(f"{there} replicas are available")


def _stateful_set(item: Mapping[str, Json]) -> Verdict:
    """Source: the StatefulSet controller sets no conditions, so that it never fails."""
    strategy = mapping(mapping(item.get("spec")).get("updateStrategy"))
    if strategy.get("type") == "OnDelete":
        return _current("its strategy OnDelete leaves updates to people")
    wanted, there = _number(item, "spec.replicas", 1), _number(item, "status.replicas")
    partition = _number(item, "spec.updateStrategy.rollingUpdate.partition", -1)
    waits = _first(
        _fewer("replicas", there, wanted),
        _fewer("ready", _number(item, "status.readyReplicas"), wanted),
        _extra(there, wanted),
    )
    if waits:
        return waits
    updated = _number(item, "status.updatedReplicas")
    if partition != -1:
        return _fewer("updated", updated, wanted - partition) or _current(
            f"{updated} replicas beyond the partition are updated"
        )
    status = mapping(item.get("status"))
    fewer = _fewer("current", _number(item, "status.currentReplicas"), wanted)
    if fewer:
        return fewer
    if status.get("currentRevision") != status.get("updateRevision"):
        return _in_progress("the updated revision is not the current one yet")
    return _current(f"{there} replicas are ready")


def _daemon_set(item: Mapping[str, Json]) -> Verdict:
    names = ("metadata.generation", "status.observedGeneration", "status.desiredNumberScheduled")
    absent = next((name for name in names if _integer(item, name) is None), None)
    if absent:
        return _in_progress(f"{absent} is not set yet")
    wanted = _number(item, "status.desiredNumberScheduled")
    waits = _first(
        _fewer("scheduled", _number(item, "status.currentNumberScheduled"), wanted),
        _fewer("updated", _number(item, "status.updatedNumberScheduled"), wanted),
        _fewer("available", _number(item, "status.numberAvailable"), wanted),
        _fewer("ready", _number(item, "status.numberReady"), wanted),
    )
    return waits or _current(f"{wanted} pods are ready")


def _replica_set(item: Mapping[str, Json]) -> Verdict:
    failure = condition(item, "ReplicaFailure")
    if failure is not None and failure.is_true:
        return _in_progress(failure.text)
    wanted, there = _number(item, "spec.replicas", 1), _number(item, "status.replicas")
    waits = _first(
        _fewer("labelled", _number(item, "status.fullyLabeledReplicas"), wanted),
        _fewer("available", _number(item, "status.availableReplicas"), wanted),
        _fewer("ready", _number(item, "status.readyReplicas"), wanted),
        _extra(there, wanted),
    )
    return waits or _current(f"{there} replicas are ready")


def _pod(item: Mapping[str, Json], now: datetime) -> Verdict:
    phase = mapping(item.get("status")).get("phase") or ""
    ready, scheduled = condition(item, "Ready"), condition(item, "PodScheduled")
    if phase == "Running" and ready is not None and ready.is_true:
        return _current("ready")
    match phase:
        case "Succeeded":
            return _current("completed")
        case "Failed":
            return _failed("completed, but not successfully")
        case "Running":
            crashing = ", ".join(_crashing_containers(item))
            if crashing:
                return _failed(f"containers that crash again and again: {crashing}")
            return _in_progress("running, but not ready")
        case "Pending":
            if scheduled and scheduled.status == "False" and scheduled.reason == "Unschedulable":
                late = _created(item) + SCHEDULE_WINDOW <= now
                return _failed(scheduled.text) if late else _in_progress(scheduled.text)
            return _in_progress("pending")
        case "":
            return _in_progress("no phase yet")
        case _:
            raise _ShapeError(f"unknown phase {str(phase)[:50]!r}")


def _crashing_containers(item: Mapping[str, Json]) -> Iterator[str]:
    found = mapping(item.get("status")).get("containerStatuses")
    for each in found if isinstance(found, list) else ():
        waiting = mapping(mapping(mapping(each).get("state")).get("waiting"))
        if waiting.get("reason") == "CrashLoopBackOff":
            yield str(mapping(each).get("name", ""))


def _created(item: Mapping[str, Json]) -> datetime:
    text = mapping(item.get("metadata")).get("creationTimestamp")
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _ShapeError("metadata.creationTimestamp is no time") from error
    if found.tzinfo is None:
        raise _ShapeError("metadata.creationTimestamp has no time zone")
    return found


def _job(item: Mapping[str, Json]) -> Verdict:
    suspended = mapping(item.get("spec")).get("suspend") is True
    for each in conditions(item):
        if each.type == "Complete" and each.is_true:
            return _current("completed")
        if each.type == "Failed" and each.is_true:
            return _failed(each.text)
        if each.type == "Suspended" and each.is_true and suspended:
            return _current("suspended")
    done, active = _number(item, "status.succeeded"), _number(item, "status.active")
    return _in_progress(f"{done} pods succeeded, {active} active")


def _claim(item: Mapping[str, Json]) -> Verdict:
    phase = mapping(item.get("status")).get("phase")
    return _current("bound") if phase == "Bound" else _in_progress(f"phase {phase or 'unknown'}")


def _service(item: Mapping[str, Json]) -> Verdict:
    """The address of a load balancer is not waited for, as in kstatus."""
    spec = mapping(item.get("spec"))
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return _in_progress("no cluster IP yet")
    return _current("has its address")


def _definition(item: Mapping[str, Json]) -> Verdict:
    for each in conditions(item):
        if each.type == "NamesAccepted" and each.status == "False":
            return _failed(each.text)
        if each.type == "Established" and each.is_true:
            return _current("established")
        if each.type == "Established" and each.status == "False" and each.reason != "Installing":
            return _failed(each.text)
    return _in_progress("not established yet")


def _at_once(_: Mapping[str, Json]) -> Verdict:
    return _current("needs no controller")


_RULES: Mapping[tuple[str, str], Callable[[Mapping[str, Json]], Verdict]] = {
    ("", "ConfigMap"): _at_once,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Secret"): _at_once,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "CronJob"): _at_once,
    ("batch", "Job"): _job,
    ("policy", "PodDisruptionBudget"): _at_once,
}


def _number(item: Mapping[str, Json], path: str, default: int = 0) -> int:
    """The integer at a path such as `spec.replicas`; the default if there is none."""
    found = _integer(item, path)
    return default if found is None else found


def _integer(item: Mapping[str, Json], path: str) -> int | None:
    value: Json = dict(item)
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise _ShapeError(f"{path} is no integer")
    return value


def _first(*verdicts: Verdict | None) -> Verdict | None:
    return next((each for each in verdicts if each is not None), None)


def _fewer(what: str, there: int, wanted: int) -> Verdict | None:
    return _in_progress(f"{there} of {wanted} {what}") if there < wanted else None


def _extra(there: int, wanted: int) -> Verdict | None:
    return _in_progress(f"{there - wanted} replicas must terminate") if there > wanted else None


def _current(message: str) -> Verdict:
    return Verdict(ObjectStatus.CURRENT, message)


def _in_progress(message: str) -> Verdict:
    return Verdict(ObjectStatus.IN_PROGRESS, message)


def _failed(message: str) -> Verdict:
    return Verdict(ObjectStatus.FAILED, message)
