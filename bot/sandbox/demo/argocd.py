"""Simulated clusters that behave like Argo CD: they compare, sync, lag behind, and notify.

Sources: argo-cd 3.6 `controller/appcontroller.go` (a comparison each 120 seconds and up to 60 of
jitter, and after each operation; times in whole seconds; `lastTransitionTime` only changes with the
health), argo-cd issue 29410 (after a sync the old health stands until the cache sees the new
objects), `notification_controller` (nothing is sent before the comparison that follows a sync, and
nothing while nothing changes). An Application whose folder does not exist has a ComparisonError and
keeps what it applied, also with `allowEmpty`; files that are not YAML keep a folder (measured with
Argo CD 3.2).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.demo.agents import Report
from planners.model import Json
from renderers import yaml

POLL, JITTER = timedelta(seconds=120), timedelta(seconds=60)
SYNC_TIME = timedelta(seconds=2)
SETTLED_AFTER = timedelta(seconds=60)
NO_FOLDER = "failed to generate manifest: app path does not exist"
MAX_NOTIFIED = 100
SYNC, ROOT = "sync/", "switchyard-fleet-deploy"
HALF = 5
"""Of ten minutes, in which the second condition of the trigger is true."""
_NOTHING = ("", "")
_ROLLS_OUT = (b"kind: Deployment", b"kind: StatefulSet", b"kind: DaemonSet")


@dataclass(frozen=True, slots=True)
class ArgoCDBehaviour:
    """How a cluster behaves; may be replaced while it runs.

    `failing` lists components whose Deployment misses its deadline. A `silent` cluster sends no
    notifications. With `stuck_at` it compares with that revision, whatever it pulled. With
    `fetch_error` it cannot compare.
    """

    apply_time: timedelta = timedelta(seconds=1)
    cache_lag: timedelta = timedelta(seconds=1)
    poll: timedelta = POLL
    jitter: timedelta = JITTER
    failing: frozenset[str] = frozenset()
    silent: bool = False
    stuck_at: str | None = None
    fetch_error: str = ""


@dataclass(slots=True)
class _Application:
    """An Application: its status, what is applied, and what happens next."""

    name: str
    compare_at: datetime
    comparisons: int = 0
    wanted: tuple[str, str] = ("", "")
    applied: tuple[str, str] = ("", "")
    status: dict[str, Any] = field(default_factory=lambda: {"sync": {}, "health": {}})
    sync_ends: datetime | None = None
    seen_at: datetime | None = None
    rolled_out_at: datetime | None = None
    notified: list[str] = field(default_factory=list)
    beat: bool = False
    good: bool = False

    @property
    def component(self) -> str:
        return self.name.rpartition(".")[2]

    def next_event(self) -> datetime:
        """When something happens next."""
        due = (self.sync_ends, self.seen_at, self.rolled_out_at)
        return min((each for each in due if each is not None), default=self.compare_at)


@dataclass(slots=True)
class SimulatedArgoCD:
    """The Applications of one cluster; `key` is the bearer token, `speaker` the hub or itself."""

    name: str
    key: bytes
    behaviour: ArgoCDBehaviour = ArgoCDBehaviour()
    speaker: str = ""
    applications: dict[str, _Application] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The name of the Application that applies the `sync` folder."""
        return f"{ROOT}.{self.name}" if self.speaker not in ("", self.name) else ROOT

    @property
    def address(self) -> str:
        """Where it reports to, below `/reports`."""
        return f"argocd/{self.speaker or self.name}"

    def step(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        """Do what is due until now, by the cluster's folder of the deploy repo at a revision."""
        if any(path.startswith(SYNC) for path in files):
            self.folders = {self.root: SYNC, **_folders(files)}
        wanted = {name: _content(files, path) for name, path in self.folders.items()}
        wanted.setdefault(self.root, _NOTHING)
        for name in self.applications.keys() - wanted.keys():
            del self.applications[name]
        reports: list[Report] = []
        for name, folder in sorted(wanted.items()):
            found = self.applications.setdefault(name, _Application(name, now))
            reports += self._run(found, now, self.behaviour.stuck_at or revision, folder)
        return reports

    def _run(
        self, each: _Application, now: datetime, revision: str, folder: tuple[str, str]
    ) -> Iterator[Report]:
        """Everything that is due; of the comparisons in a long pause only the last."""
        while (at := min(each.next_event(), each.compare_at)) <= now:
            if each.sync_ends is not None and each.sync_ends <= at:
                self._synced(each, at)
            elif each.seen_at is not None and each.seen_at <= at:
                self._seen(each, at)
            elif each.rolled_out_at is not None and each.rolled_out_at <= at:
                failing = each.component in self.behaviour.failing
                each.rolled_out_at = None
                _set_health(each, "Degraded" if failing else "Healthy", at)
            else:
                self._compare(each, max(at, now - self._pause(each)), revision, folder)
            if not self.behaviour.silent:
                yield from self._notifications(each)

    def _pause(self, each: _Application) -> timedelta:
        """The time between two comparisons; the jitter of each Application is another."""
        spread = int(hashlib.sha256(f"{each.name} {each.comparisons}".encode()).hexdigest(), 16)
        return self.behaviour.poll + self.behaviour.jitter * (spread % 1000) / 1000

    def _compare(
        self, each: _Application, at: datetime, revision: str, folder: tuple[str, str]
    ) -> None:
        each.comparisons += 1
        each.compare_at = at + self._pause(each)
        each.status["reconciledAt"] = _text(at)
        error = self.behaviour.fetch_error or ("" if folder[0] else NO_FOLDER)
        if error:
            _fail_to_compare(each, at, error)
            return
        each.wanted, each.status["conditions"] = folder, []
        same = folder == each.applied
        each.status["sync"] = {"status": "Synced" if same else "OutOfSync", "revision": revision}
        if not each.status["health"]:
            _set_health(each, "Missing", at)
        if not same and each.sync_ends is None:
            each.sync_ends = at + SYNC_TIME
            each.status["operationState"] = {
                "phase": "Running",
                "message": "waiting for the objects to be applied",
                "startedAt": _text(at),
            }

    def _synced(self, each: _Application, at: datetime) -> None:
        """The sync is over; a comparison follows, in which the health is still the old one."""
        rolls_out = each.wanted[1] != each.applied[1]
        each.applied, each.sync_ends = each.wanted, None
        each.seen_at = at + self.behaviour.cache_lag if rolls_out or not each.applied[1] else None
        revision = each.status["sync"].get("revision", "")
        each.status["operationState"] |= {
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "finishedAt": _text(at),
            "syncResult": {"revision": revision},
        }
        each.compare_at = at

    def _seen(self, each: _Application, at: datetime) -> None:
        """The cache has the new objects: they roll out, or are what they are."""
        each.seen_at = None
        if not each.applied[1]:
            _set_health(each, "Healthy", at)
            return
        _set_health(each, "Progressing", at)
        each.rolled_out_at = at + self.behaviour.apply_time

    def _notifications(self, each: _Application) -> Iterator[Report]:
        """What the trigger of `plugins.argocd` sends: each change, and a sign of life."""
        status = each.status
        state = status.get("operationState", {})
        compared = status["reconciledAt"]
        finished = state.get("finishedAt", "")
        if finished > compared:
            return
        settled = bool(finished) and (
            datetime.fromisoformat(finished) + SETTLED_AFTER < datetime.fromisoformat(compared)
        )
        health, sync = status["health"], status["sync"]["status"]
        conditions = [each["type"] for each in status["conditions"]]
        parts = [*health.values(), sync, state.get("phase"), state.get("startedAt"), settled]
        parts += conditions
        key, beat = " ".join(map(str, parts)), int(compared[14:16]) % 10 < HALF
        good = sync == "Synced" and not conditions
        if key not in each.notified or (beat and not each.beat) or (good and not each.good):
            each.notified = [*each.notified, key][-MAX_NOTIFIED:]
            yield self._report(each)
        each.beat, each.good = beat, good

    def _report(self, each: _Application) -> Report:
        body: dict[str, Any] = {
            "metadata": {"name": each.name},
            "operation": each.sync_ends is not None,
            "status": {"conditions": [], "operationState": {}, **each.status},
        }
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.key.decode()}",
        }
        return Report(each.component, headers, json.dumps(body).encode())


def _text(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _set_health(each: _Application, health: str, at: datetime) -> None:
    if each.status["health"].get("status") != health:
        each.status["health"] = {"status": health, "lastTransitionTime": _text(at)}


def _fail_to_compare(each: _Application, at: datetime, error: str) -> None:
    """What is applied stays, with its health."""
    message = f"Failed to load target state: {error}"
    each.status["sync"] = {"status": "Unknown"}
    known = each.status.get("conditions") or [
        {"type": "ComparisonError", "message": message, "lastTransitionTime": _text(at)}
    ]
    each.status["conditions"] = known


def _folders(files: Mapping[str, bytes]) -> dict[str, str]:
    """The folder of each Application of the `sync` folder."""
    found = {}
    for path, content in files.items():
        if not (path.startswith(SYNC) and path.endswith(".yaml")):
            continue
        for document in yaml.load_documents(content):
            item = document.value
            assert isinstance(item, dict)
            if item["kind"] == "Application":
                found[_name(item)] = _path(item)
    return found


def _content(files: Mapping[str, bytes], folder: str) -> tuple[str, str]:
    """Digests of the objects in a folder and of its workloads; without a folder `_NOTHING`."""
    below = {name: each for name, each in files.items() if name.startswith(folder)}
    workloads = {
        name: each for name, each in below.items() if any(kind in each for kind in _ROLLS_OUT)
    }
    return _digest(below), _digest(workloads)


def _digest(files: Mapping[str, bytes]) -> str:
    """A digest of the files; empty if there are none."""
    if not files:
        return ""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return digest.hexdigest()


def _name(item: dict[str, Json]) -> str:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["name"])


def _path(item: dict[str, Json]) -> str:
    """The folder of an Application, relative to that of the cluster."""
    spec = item["spec"]
    assert isinstance(spec, dict)
    source = spec["source"]
    assert isinstance(source, dict)
    return "apps/" + str(source["path"]).partition("/apps/")[2] + "/"
