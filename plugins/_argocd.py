"""What the status of an Argo CD Application means: readiness, commit, message and time.

Sources: argo-cd 3.6 `pkg/apis/application/v1alpha1/types.go` and `controller/*.go` (`state.go`: an
object of an excluded kind is left out of the comparison, with a warning); argo-cd issue 29410
(health that is older than the sync).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from planners.model import Json, Readiness
from plugins import commit_of, time_of

CACHE_LAG = timedelta(seconds=5)
"""So long after a sync, health may still be that of objects that were there before."""
SETTLED_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ApplicationStatus:
    """What an Application's status says."""

    pending: bool
    sync: str
    revision: str
    health: str
    health_message: str
    health_since: datetime | None
    phase: str
    operation_message: str
    operation_revision: str
    started: datetime | None
    finished: datetime | None
    reconciled: datetime | None
    conditions: tuple[Mapping[str, Json], ...]

    @property
    def at(self) -> datetime | None:
        """The time of the newest thing in it."""
        times = [self.health_since, self.started, self.finished, self.reconciled]
        times += (_time(each.get("lastTransitionTime")) for each in self.conditions)
        return max((each for each in times if each is not None), default=None)

    @property
    def is_settled(self) -> bool:
        """Whether it was compared so long after the sync that no cache is older than that."""
        finished, compared = self.finished, self.reconciled
        return finished is None or (compared is not None and compared - finished >= SETTLED_AFTER)

    @property
    def is_fresh(self) -> bool:
        """Whether the health is that of what was synced, not of what ran before."""
        finished, since = self.finished, self.health_since
        if self.is_settled or finished is None:
            return True
        compared = self.reconciled is not None and self.reconciled >= finished
        return compared and since is not None and since - finished > CACHE_LAG

    def messages(self, suffix: str) -> str:
        """The messages of conditions of a type that ends so."""
        found = (each for each in self.conditions if text(each.get("type")).endswith(suffix))
        return "; ".join(text(each.get("message")) or suffix for each in found)


def status_of(item: Mapping[str, Json]) -> ApplicationStatus:
    """The status of an Application.

    Raises:
        ReportError: a time in it is none.
    """
    status = mapping(item.get("status"))
    sync, health = mapping(status.get("sync")), mapping(status.get("health"))
    state = mapping(status.get("operationState"))
    conditions = status.get("conditions")
    listed = conditions if isinstance(conditions, list) else []
    return ApplicationStatus(
        pending=bool(item.get("operation")),
        sync=text(sync.get("status")),
        revision=commit_of(sync.get("revision")),
        health=text(health.get("status")),
        health_message=text(health.get("message")),
        health_since=_time(health.get("lastTransitionTime")),
        phase=text(state.get("phase")),
        operation_message=text(state.get("message")),
        operation_revision=commit_of(mapping(state.get("syncResult")).get("revision")),
        started=_time(state.get("startedAt")),
        finished=_time(state.get("finishedAt")),
        reconciled=_time(status.get("reconciledAt")),
        conditions=tuple(each for each in listed if isinstance(each, dict)),
    )


def revision_of(status: ApplicationStatus, readiness: Readiness) -> str:
    """The commit that was compared; none where an error, except of a sync, hides the newest."""
    hidden = status.messages("Error") != status.messages("SyncError")
    return "" if readiness is Readiness.STALLED and hidden else status.revision


def readiness_of(status: ApplicationStatus) -> tuple[Readiness, str]:
    """Whether what the revision says is ready, and why not."""
    if status.pending or status.phase in ("Running", "Terminating"):
        return Readiness.PROGRESSING, status.operation_message or "a sync is in progress"
    if errors := status.messages("Error"):
        return Readiness.STALLED, errors
    failed = status.phase in ("Failed", "Error")
    if failed and status.operation_revision in ("", status.revision):
        return Readiness.STALLED, status.operation_message or f"the sync ended as {status.phase}"
    if status.sync == "Synced":
        return _synced(status)
    if status.sync == "OutOfSync":
        return _out_of_sync(status)
    return Readiness.UNKNOWN, "Argo CD has not compared the component with the deploy repo"


def _synced(status: ApplicationStatus) -> tuple[Readiness, str]:
    if status.health not in ("Healthy", "Degraded"):
        readiness = Readiness.UNKNOWN if status.health == "Unknown" else Readiness.PROGRESSING
        return readiness, _health(status)
    if not status.is_fresh:
        return Readiness.PROGRESSING, f"{status.health}, perhaps from before the sync"
    if status.health == "Degraded":
        return Readiness.STALLED, _health(status)
    if excluded := status.messages("ExcludedResourceWarning"):
        return Readiness.STALLED, f"not applied: {excluded} (resource.exclusions in argocd-cm)"
    if shared := status.messages("SharedResourceWarning"):
        return Readiness.PROGRESSING, shared
    return Readiness.READY, "Synced and Healthy"


def _out_of_sync(status: ApplicationStatus) -> tuple[Readiness, str]:
    """Before a sync, or because something else changes what it applied."""
    applied = status.phase == "Succeeded" and status.operation_revision == status.revision
    if not (applied and status.is_settled):
        return Readiness.PROGRESSING, "OutOfSync: a sync follows, unless a sync window is closed"
    if status.health == "Degraded":
        return Readiness.STALLED, _health(status)
    changed = "OutOfSync although the sync succeeded: something else changes its objects"
    return Readiness.PROGRESSING, changed


def _health(status: ApplicationStatus) -> str:
    return f"{status.health}: {status.health_message}".strip(": ") or "no health"


def mapping(value: Json) -> Mapping[str, Json]:
    """A mapping; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def text(value: Json) -> str:
    """A text; an empty one where there is none."""
    return value if isinstance(value, str) else ""


def _time(value: Json) -> datetime | None:
    """A time; None where there is none yet."""
    return time_of(value) if value else None
