"""What the status of a RootSync or RepoSync and of its ResourceGroup means for a component.

Sources: kpt-config-sync 1.22 `pkg/parse/run.go` (order of fetch, render, parse and update),
`pkg/parse/{root,repo}_sync_client.go` (fields and conditions), `pkg/reconcilermanager/controllers`
(Stalled, Reconciling, observedGeneration), `pkg/applier/inventory` (each apply resets the statuses
of a ResourceGroup to Unknown), `pkg/resourcegroup/controllers` (half a minute later it writes the
words of kstatus, and with `sourceHash` which commit the object was applied from).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from planners.model import Json, Readiness
from plugins import commit_of, time_of
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.kstatus import READINESS, ObjectStatus, condition

TRANSIENT = "2016"
"""The code of errors that go by themselves, such as a commit that came while one was rendered."""
STATUS_MODE = "configsync.gke.io/status"
HASH_LENGTH = 7
_PARTS = ("source", "rendering", "sync")
_HINT = "For more information"
_SEVERITY = (Readiness.STALLED, Readiness.UNKNOWN, Readiness.PROGRESSING, Readiness.READY)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is known about a commit; the commit is empty where the source could not be read."""

    readiness: Readiness
    revision: str
    message: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """A managed object in a ResourceGroup, as the applier and the controller left it."""

    name: str
    status: str
    source_hash: str
    actuation: str
    overlap: str

    def statement(self, commit: str) -> Statement | None:
        """What it says about a commit; None while it is about another one, or about none."""
        if self.overlap:
            return Statement(Readiness.STALLED, commit, f"{self.name}: {self.overlap}")
        if self.status == ObjectStatus.UNKNOWN and self.actuation in ("Failed", "Skipped"):
            failed = self.actuation == "Failed"
            readiness = Readiness.STALLED if failed else Readiness.PROGRESSING
            return Statement(readiness, commit, f"{self.name}: apply {self.actuation.lower()}")
        is_missing = self.status == ObjectStatus.NOT_FOUND  # such an entry has no hash
        is_known = self.status in set(ObjectStatus) - {ObjectStatus.UNKNOWN}
        if not is_known or not (is_missing or self.source_hash == commit[:HASH_LENGTH]):
            return None
        readiness = READINESS[ObjectStatus(self.status)]
        return Statement(readiness, commit, f"{self.name}: {self.status}")


def sync_statement(sync: Mapping[str, Json]) -> Statement | None:
    """Whether a commit is applied, by a RootSync or RepoSync alone; READY means synced, no more.

    None where nothing can be said: the objects go, or another commit is on its way. What was said
    about the commit before stands until then, since every commit of the repository is applied
    again by every reconciler, whatever it touches.
    """
    status = mapping(sync.get("status"))
    if mapping(sync.get("metadata")).get("deletionTimestamp"):
        return _finalizer_failure(sync)
    if _generation(sync) != status.get("observedGeneration"):
        return _on_its_way(status, "Config Sync has not seen the newest settings")
    stalled = condition(sync, "Stalled")
    if stalled is not None and stalled.is_true:
        return Statement(Readiness.STALLED, "", stalled.text)
    for part in _PARTS:
        failure = _failure(mapping(status.get(part)))
        if failure is not None:
            return failure
    commit = commit_of(mapping(status.get("sync")).get("commit"))
    if commit and status.get("lastSyncedCommit") == commit and _is_complete(sync, commit):
        return Statement(Readiness.READY, commit, "synced")
    return _on_its_way(status, _activity(sync))


def group_statement(group: Mapping[str, Json] | None, commit: str) -> Statement | None:
    """Whether all objects of a synced commit are Current; None until that is known."""
    if group is None:
        return Statement(Readiness.PROGRESSING, commit, "synced, but there is no ResourceGroup")
    annotations = mapping(mapping(group.get("metadata")).get("annotations"))
    if annotations.get(STATUS_MODE) == "disabled":
        message = "synced, but its statusMode is disabled: nothing is known about its objects"
        return Statement(Readiness.PROGRESSING, commit, message)
    status = mapping(group.get("status"))
    stalled = condition(group, "Stalled")
    timed_out = stalled is not None and stalled.is_true and stalled.reason == "ExceedTimeout"
    if _generation(group) != status.get("observedGeneration") or timed_out:
        return None
    entries = tuple(_entries(status))
    listed = mapping(group.get("spec")).get("resources")
    if len(entries) != (len(listed) if isinstance(listed, list) else 0):
        return None
    if not entries:
        return Statement(Readiness.PROGRESSING, commit, "synced, but it lists no objects")
    return _worst(entries, commit)


def newest_time(*items: Mapping[str, Json] | None) -> datetime | None:
    """The time of the newest thing in the statuses of objects; None if there is none.

    Raises:
        ReportError: a time is none.
    """
    times = [time_of(each) for item in items if item for each in _times(item) if each]
    return max(times, default=None)


def _worst(entries: tuple[_Entry, ...], commit: str) -> Statement | None:
    """The worst object; a failed one counts at once, the others when all are known."""
    said = [each.statement(commit) for each in entries]
    known = [each for each in said if each is not None]
    worst = min(known, key=lambda each: _SEVERITY.index(each.readiness), default=None)
    if worst is None or (len(known) < len(said) and worst.readiness is not Readiness.STALLED):
        return None
    if worst.readiness is Readiness.READY:
        return Statement(Readiness.READY, commit, f"{len(entries)} objects are Current")
    return worst


def _entries(status: Mapping[str, Json]) -> Iterator[_Entry]:
    listed = status.get("resourceStatuses")
    for each in listed if isinstance(listed, list) else ():
        item = mapping(each)
        overlap = condition({"status": item}, "OwnershipOverlap")
        yield _Entry(
            name=f"{_text(item.get('kind'))} {_text(item.get('name'))}",
            status=_text(item.get("status")),
            source_hash=_text(item.get("sourceHash")),
            actuation=_text(item.get("actuation")),
            overlap=overlap.text if overlap is not None and overlap.is_true else "",
        )


def _failure(part: Mapping[str, Json]) -> Statement | None:
    """The errors of a stage, unless they go by themselves."""
    listed = part.get("errors")
    errors = [mapping(each) for each in (listed if isinstance(listed, list) else ())]
    total = mapping(part.get("errorSummary")).get("totalCount")
    count = total if isinstance(total, int) else len(errors)
    if not count or (errors and all(each.get("code") == TRANSIENT for each in errors)):
        return None
    first = _message(errors[0]) if errors else "errors, but none is listed"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return Statement(Readiness.STALLED, commit_of(part.get("commit")), f"{first}{more}")


def _message(error: Mapping[str, Json]) -> str:
    """An error in one line, with its code and without the address of its documentation."""
    text = " ".join(_text(error.get("errorMessage")).partition(_HINT)[0].split())
    code = f"KNV{_text(error.get('code'))}"
    return text if text.startswith(code) else f"{code}: {text}".strip(": ")


def _is_complete(sync: Mapping[str, Json], commit: str) -> bool:
    """Whether the newest commit is the synced one: no other was fetched since."""
    status = mapping(sync.get("status"))
    syncing = _raw_condition(sync, "Syncing")
    reconciling = condition(sync, "Reconciling")
    return (
        (syncing.get("status"), syncing.get("commit")) == ("False", commit)
        and mapping(status.get("source")).get("commit") == commit
        and not (reconciling is not None and reconciling.is_true)
    )


def _on_its_way(status: Mapping[str, Json], message: str) -> Statement | None:
    """That the first commit is being synced; nothing about later ones."""
    commit = commit_of(mapping(status.get("source")).get("commit"))
    if not commit or status.get("lastSyncedCommit"):
        return None
    return Statement(Readiness.PROGRESSING, commit, message)


def _activity(sync: Mapping[str, Json]) -> str:
    reconciling, syncing = condition(sync, "Reconciling"), condition(sync, "Syncing")
    if reconciling is not None and reconciling.is_true:
        return reconciling.text
    if syncing is not None and syncing.is_true:
        return f"being synced: {syncing.message or syncing.reason}"
    return "not synced yet"


def _finalizer_failure(sync: Mapping[str, Json]) -> Statement | None:
    found = _raw_condition(sync, "ReconcilerFinalizerFailure")
    if found.get("status") != "True":
        return None
    errors = _failure({"errors": found.get("errors")})
    text = errors.message if errors else _text(found.get("message"))
    return Statement(Readiness.STALLED, "", f"its objects cannot be deleted: {text}")


def _raw_condition(item: Mapping[str, Json], kind: str) -> Mapping[str, Json]:
    """A condition with the fields that only Config Sync has."""
    listed = mapping(item.get("status")).get("conditions")
    found = (mapping(each) for each in (listed if isinstance(listed, list) else ()))
    return next((each for each in found if each.get("type") == kind), {})


def _times(item: Mapping[str, Json]) -> Iterator[Json]:
    status = mapping(item.get("status"))
    for part in _PARTS:
        yield mapping(status.get(part)).get("lastUpdate")
    listed = status.get("conditions")
    for each in listed if isinstance(listed, list) else ():
        yield mapping(each).get("lastUpdateTime")
        yield mapping(each).get("lastTransitionTime")


def _generation(item: Mapping[str, Json]) -> Json:
    return mapping(item.get("metadata")).get("generation")


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
