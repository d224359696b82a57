"""Simulated clusters that behave like Config Sync: they poll, apply, lag behind, and are read.

Sources: kpt-config-sync 1.22.

- Every RootSync and RepoSync polls by itself, and applies every new commit whatever it touches:
  all objects get its hash (`pkg/parse/run.go`, `pkg/parse/annotations.go`). Times have whole
  seconds (`metav1.Time`).
- A folder that is not there is an error without a commit (`pkg/hydrate/controller.go`), as is an
  object of another namespace (`pkg/parse/repository_scope.go`), which has one.
- An apply waits for what it applied, up to `reconcileTimeout`; a failure that shows later is no
  error of the sync (`pkg/applier/applier.go` processWaitEvent). Meanwhile no other commit is taken.
- It resets the statuses in the ResourceGroup when it begins and when it ends
  (`pkg/applier/inventory`). The controller writes the words of kstatus half a minute after an
  event, with the commit that the object has then (`pkg/resourcegroup/controllers`: `handler`,
  `status`). What is not applied yet is Unknown.
- Without rights of its account in the namespace an apply ends in KNV2013 (`pkg/status`).

`step` sends what the CronJob of the guide sends. `objects` is what an API server returns.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.demo.agents import ROOT, Report
from renderers import yaml

SYSTEM = "config-management-system"
APPLY_TIME = timedelta(seconds=2)
WAIT = timedelta(minutes=1)
_ROLLS_OUT = ("DaemonSet", "Deployment", "StatefulSet")
_API, _GROUPS = "configsync.gke.io/v1beta1", "kpt.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class ConfigSyncBehaviour:
    """How a cluster behaves; may be replaced while it runs.

    `failing` lists components whose workloads miss their deadline. A `silent` cluster sends
    nothing. With `stuck_at` it fetches that revision, whatever is pushed.
    """

    apply_time: timedelta = timedelta(seconds=1)
    poll: timedelta = timedelta(seconds=60)
    group_lag: timedelta = timedelta(seconds=30)
    report_every: timedelta = timedelta(seconds=60)
    failing: frozenset[str] = frozenset()
    silent: bool = False
    stuck_at: str | None = None


@dataclass(frozen=True, slots=True)
class _Declared:
    """A RootSync or RepoSync as it is in Git; `folder` is relative to that of the cluster."""

    kind: str
    namespace: str
    name: str
    folder: str
    has_rights: bool = True

    @property
    def component(self) -> str:
        return self.name.rpartition(".")[2]


@dataclass(slots=True)
class _Object:
    """A managed object: what is applied, and when it will have rolled out."""

    kind: str
    group: str
    namespace: str
    name: str
    digest: str
    rolled_out_at: datetime
    entry: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Sync:
    """A running reconciler with its ResourceGroup."""

    declared: _Declared
    poll_at: datetime
    fetched: str = ""
    applying: str = ""
    applied: str = ""
    apply_ends: datetime | None = None
    observe_at: datetime | None = None
    managed: dict[tuple[str, str, str], _Object] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    group_generation: int = 1

    def next_event(self) -> datetime:
        """When something happens next."""
        due = (self.apply_ends, self.observe_at)
        return min((each for each in due if each is not None), default=self.poll_at)


@dataclass(slots=True)
class SimulatedConfigSync:
    """The RootSyncs and RepoSyncs of one cluster; `key` is the bearer token of its reports."""

    name: str
    key: bytes
    behaviour: ConfigSyncBehaviour = ConfigSyncBehaviour()
    syncs: dict[tuple[str, str], _Sync] = field(default_factory=dict)
    report_at: datetime | None = None

    @property
    def address(self) -> str:
        """Where it reports to, below `/reports`."""
        return f"anthos/{self.name}"

    def step(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        """Do what is due until now, by the cluster's folder of the deploy repo at a revision."""
        root = _Declared("RootSync", SYSTEM, ROOT, "sync")
        self.syncs.setdefault((SYSTEM, root.name), _Sync(root, now))
        revision = self.behaviour.stuck_at or revision
        for address in list(self.syncs):
            if address in self.syncs:
                self._run(self.syncs[address], now, revision, files)
        if self.behaviour.silent or (self.report_at is not None and now < self.report_at):
            return []
        self.report_at = now + self.behaviour.report_every
        return [self._report(now, each) for each in sorted({place for place, _ in self.syncs})]

    def objects(self) -> list[dict[str, Any]]:
        """All RootSyncs and RepoSyncs, each with its ResourceGroup if there is one."""
        return [item for each in self.syncs.values() for item in _objects_of(each)]

    def is_running(self, component: str, now: datetime, revision: str = "") -> bool:
        """Whether all objects of a component are rolled out, as a revision has them if given."""
        return any(
            sync.declared.component == component
            and sync.applied == (revision or sync.applied)
            and bool(sync.managed)
            and all(each.rolled_out_at <= now for each in sync.managed.values())
            and component not in self.behaviour.failing
            for sync in self.syncs.values()
        )

    def _run(self, sync: _Sync, now: datetime, revision: str, files: Mapping[str, bytes]) -> None:
        """Everything that is due; of the polls in a long pause only the last."""
        while (at := min(sync.next_event(), sync.poll_at)) <= now:
            if sync.apply_ends is not None and sync.apply_ends <= at:
                self._applied(sync, at, files)
            elif sync.observe_at is not None and sync.observe_at <= at:
                self._observe(sync, at)
            else:
                sync.poll_at = max(at, now - self.behaviour.poll) + self.behaviour.poll
                self._poll(sync, at, revision, files)

    def _poll(self, sync: _Sync, at: datetime, revision: str, files: Mapping[str, bytes]) -> None:
        """Fetch; a new commit is applied unless another one still is."""
        if sync.applying or revision == sync.fetched:
            return
        found = list(_below(files, sync.declared.folder))
        is_fetched = any(path.startswith(f"{sync.declared.folder}/") for path in files)
        errors = _source_errors(sync.declared, found, is_there=is_fetched)
        _fetched(sync, revision if is_fetched else "", at, errors)
        if errors:
            sync.fetched = revision if is_fetched else ""
            return
        sync.fetched = sync.applying = revision
        self._apply(sync, at, found)

    def _apply(self, sync: _Sync, at: datetime, found: list[dict[str, Any]]) -> None:
        if not sync.declared.has_rights:
            sync.apply_ends = at + APPLY_TIME
            return
        before, sync.managed = sync.managed, {}
        for item in found:
            new = _managed(item, sync.declared.namespace, at + self.behaviour.apply_time)
            old = before.get((new.kind, new.namespace, new.name))
            if new.kind not in _ROLLS_OUT:
                new.rolled_out_at = at
            elif old is not None and old.digest == new.digest:
                new.rolled_out_at = old.rolled_out_at
            sync.managed[new.kind, new.namespace, new.name] = new
        if before.keys() != sync.managed.keys():
            sync.group_generation += 1
        _reset(sync, "Pending")
        rolled_out = max((each.rolled_out_at for each in sync.managed.values()), default=at)
        sync.apply_ends = max(at + APPLY_TIME, min(rolled_out, at + APPLY_TIME + WAIT))
        sync.observe_at = at + self.behaviour.group_lag

    def _applied(self, sync: _Sync, at: datetime, files: Mapping[str, bytes]) -> None:
        commit, sync.applying, sync.apply_ends = sync.applying, "", None
        errors = []
        if not sync.declared.has_rights:
            message = "KNV2013: Insufficient permission. To fix, make sure the reconciler has it."
            errors = [{"code": "2013", "errorMessage": message}]
        else:
            sync.applied = commit
            _reset(sync, "Succeeded")
            sync.observe_at = at + self.behaviour.group_lag
        _synced(sync, commit, at, errors)
        if sync.declared.folder == "sync":
            self._declare(at, files)

    def _declare(self, at: datetime, files: Mapping[str, bytes]) -> None:
        """The root has applied the sync folder: reconcilers start, and others are removed."""
        wanted = {(each.namespace, each.name): each for each in _declared(files)}
        for address in self.syncs.keys() - wanted.keys() - {(SYSTEM, ROOT)}:
            del self.syncs[address]
        for address, declared in wanted.items():
            self.syncs.setdefault(address, _Sync(declared, at)).declared = declared

    def _observe(self, sync: _Sync, at: datetime) -> None:
        """The ResourceGroup's controller looks at every object."""
        sync.observe_at = None
        if sync.applying:
            return  # it looks, and says Unknown: nothing is applied yet
        failing = sync.declared.component in self.behaviour.failing
        for each in sync.managed.values():
            done = at >= each.rolled_out_at
            failed = failing and each.kind in _ROLLS_OUT
            word = ("Failed" if failed else "Current") if done else "InProgress"
            each.entry |= {"status": word, "sourceHash": sync.applied[:7]}
        pending = [each.rolled_out_at for each in sync.managed.values() if at < each.rolled_out_at]
        if pending:
            sync.observe_at = max(pending) + self.behaviour.group_lag

    def _report(self, now: datetime, namespace: str) -> Report:
        items = [each for each in self.objects() if each["metadata"]["namespace"] == namespace]
        body = {"at": _text(now), "list": {"apiVersion": "v1", "kind": "List", "items": items}}
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.key.decode()}",
        }
        return Report("", headers, json.dumps(body).encode())


def _fetched(sync: _Sync, commit: str, at: datetime, errors: list[dict[str, str]]) -> None:
    stage = _stage(commit, at, errors)
    sync.status["source"] = stage
    if not errors:
        sync.status["rendering"] = {**_stage(commit, at, []), "message": "Rendering skipped"}
    status = "False" if errors else "True"
    _set_syncing(sync, commit, at, status=status, reason="Source", message="Source")


def _synced(sync: _Sync, commit: str, at: datetime, errors: list[dict[str, str]]) -> None:
    sync.status["sync"] = _stage(commit, at, errors)
    if not errors:
        sync.status["lastSyncedCommit"] = commit
    _set_syncing(sync, commit, at, status="False", reason="Sync", message="Sync Completed")


def _stage(commit: str, at: datetime, errors: list[dict[str, str]]) -> dict[str, Any]:
    count = len(errors)
    summary = {"totalCount": count, "errorCountAfterTruncation": count} if count else {}
    found: dict[str, Any] = {"lastUpdate": _text(at), "errorSummary": summary}
    return found | ({"commit": commit} if commit else {}) | ({"errors": errors} if errors else {})


def _set_syncing(sync: _Sync, commit: str, at: datetime, **fields: str) -> None:
    condition = {"type": "Syncing", **fields, "commit": commit, "lastUpdateTime": _text(at)}
    sync.status["conditions"] = [condition]


def _reset(sync: _Sync, actuation: str) -> None:
    for each in sync.managed.values():
        each.entry = {"status": "Unknown", "strategy": "Apply", "actuation": actuation}


def _objects_of(sync: _Sync) -> Iterator[dict[str, Any]]:
    where = {"namespace": sync.declared.namespace, "name": sync.declared.name}
    yield {
        "apiVersion": _API,
        "kind": sync.declared.kind,
        "metadata": {**where, "generation": 1},
        "status": {"observedGeneration": 1, **sync.status},
    }
    if not sync.managed:
        return
    listed = [
        {"group": each.group, "kind": each.kind, "namespace": each.namespace, "name": each.name}
        for each in sync.managed.values()
    ]
    generation = sync.group_generation
    entries = zip(listed, sync.managed.values(), strict=True)
    yield {
        "apiVersion": _GROUPS,
        "kind": "ResourceGroup",
        "metadata": {**where, "generation": generation},
        "spec": {"resources": listed},
        "status": {
            "observedGeneration": generation,
            "resourceStatuses": [{**name, **each.entry} for name, each in entries],
        },
    }


def _managed(item: dict[str, Any], namespace: str, rolled_out_at: datetime) -> _Object:
    metadata = item["metadata"]
    return _Object(
        kind=item["kind"],
        group=item["apiVersion"].rpartition("/")[0],
        namespace=metadata.get("namespace", "" if namespace == SYSTEM else namespace),
        name=metadata["name"],
        digest=hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest(),
        rolled_out_at=rolled_out_at,
    )


def _source_errors(
    declared: _Declared, found: list[dict[str, Any]], *, is_there: bool
) -> list[dict[str, str]]:
    if not is_there:
        message = f'KNV2004: failed to evaluate the config directory "{declared.folder}"'
        return [{"code": "2004", "errorMessage": message}]
    if declared.kind == "RootSync":
        return []
    return [
        {
            "code": "1058",
            "errorMessage": f'KNV1058: Resources in the "{declared.namespace}" repo must either '
            f'omit metadata.namespace or declare metadata.namespace="{declared.namespace}"',
        }
        for item in found
        if item["metadata"].get("namespace", declared.namespace) != declared.namespace
    ]


def _declared(files: Mapping[str, bytes]) -> Iterator[_Declared]:
    """The RootSyncs and RepoSyncs of the sync folder, with the rights of their accounts."""
    items = list(_below(files, "sync"))
    bound = {
        (each["metadata"]["namespace"], subject["name"])
        for each in items
        if each["kind"] == "RoleBinding"
        for subject in each["subjects"]
    }
    for each in items:
        if each["kind"] in ("RepoSync", "RootSync"):
            namespace, name = each["metadata"]["namespace"], each["metadata"]["name"]
            account = f"ns-reconciler-{namespace}-{name}-{len(name)}"
            folder = "apps/" + each["spec"]["git"]["dir"].partition("/apps/")[2]
            rights = each["kind"] == "RootSync" or (namespace, account) in bound
            yield _Declared(each["kind"], namespace, name, folder, rights)


def _below(files: Mapping[str, bytes], folder: str) -> Iterator[dict[str, Any]]:
    """The objects in the files of a folder; files that are not YAML are passed over."""
    for path in sorted(files):
        if path.startswith(f"{folder}/") and path.endswith(".yaml"):
            for document in yaml.load_documents(files[path]):
                assert isinstance(document.value, dict)
                yield document.value


def _text(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
