"""Simulated clusters that behave like Flux: they pull, apply after a delay, and report.

What the real controllers do, and where it is written:

- Events have whole seconds (`metav1.Time`). When a change was applied and is healthy, three follow:
  objects "created" or "configured" and "Health check passed" with the reason Progressing, then
  "Reconciliation finished" with ReconciliationSucceeded. The last two arrive in any order
  (kustomize-controller `internal/controller/kustomization_controller.go`; recordings of Flux 2.9).
- Keys of metadata have no prefix (notification-controller removes the group's).
- Every new revision of the repository is reported by every Kustomization, changed or not.
- An account is looked up in the Kustomization's own namespace; without one, an object is applied as
  `default`, which may do nothing ("Multi-tenancy lockdown" of Flux's documentation).
- A failure before the source is known names no revision.
- A GitRepository that cannot be fetched leaves what is applied as it is. So does a Kustomization
  whose folder does not exist: nothing is pruned, and it is tried again each minute (measured with
  Flux 2.9). Files that are not YAML keep a folder and are passed over.

Reports are signed as Provider `generic-hmac` does. `step` depends only on its arguments, so that
tests can drive it with their own clock.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.demo.rights import Rights
from renderers import yaml

SYNC, APPS = "sync/", "apps/"
ROOT = "switchyard-fleet-deploy"
RATE_LIMIT = timedelta(minutes=5)
"""Within it notification-controller sends no copy of an event."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a cluster behaves; may be replaced while it runs.

    `failing` lists components whose health check fails, `denied` those that Flux may not reconcile.
    A `silent` cluster applies, and reports when it no longer is silent. With `stuck_at` it reports
    that revision, whatever it pulled. With `fetch_error` it cannot pull. `accounts` are those that
    an administrator made, with the namespaces that they may write to.
    """

    apply_time: timedelta = timedelta(seconds=1)
    interval: timedelta = timedelta(minutes=10)
    failing: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    silent: bool = False
    stuck_at: str | None = None
    fetch_error: str = ""
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """A signed event, ready to be sent."""

    component: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A Kustomization of the cluster's `sync` folder; `digest` is of what it applies."""

    name: str
    folder: str
    account: str
    digest: str

    @property
    def component(self) -> str:
        """The component that it applies."""
        return self.name.partition(".")[2]


@dataclass(slots=True)
class Applied:
    """A Kustomization as applied, and its last report: revision and reason."""

    digest: str
    ready_at: datetime
    refusal: str = ""
    is_healthy: bool = False
    last_report: tuple[str, str] = ("", "")
    reported_at: datetime | None = None


@dataclass(slots=True)
class SimulatedCluster:
    """One cluster; `key` signs its reports.

    `fetched` is what it pulled last; its `kustomizations` are those of the files `read`.
    """

    name: str
    key: bytes
    behaviour: Behaviour = field(default_factory=Behaviour)
    applied: dict[str, Applied] = field(default_factory=dict)
    fetched: tuple[str, Mapping[str, bytes]] | None = None
    kustomizations: "dict[str, Kustomization]" = field(default_factory=dict)
    read: Mapping[str, bytes] = field(default_factory=dict)
    complaints: dict[str, datetime] = field(default_factory=dict)
    fails_at_root: bool = False

    @property
    def address(self) -> str:
        """Where it reports to, below `/reports`."""
        return f"flux/{self.name}"

    def step(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        """Apply the cluster's folder of the deploy repo at a revision, and return its reports."""
        reports: list[Report] = []
        if self.behaviour.fetch_error:
            message = f"failed to checkout and determine revision: {self.behaviour.fetch_error}"
            kind = "GitRepository"
            reports += self._complain(now, ROOT, "GitOperationFailed", message, kind=kind)
        else:
            self.fetched = revision, files
        if self.fetched is not None:
            reports += self._reconcile(now, *self.fetched)
        return reports

    def _complain(
        self, now: datetime, name: str, reason: str, message: str, **facts: str
    ) -> Iterator[Report]:
        """An error, unless it was said a short time ago."""
        said = self.complaints.get(f"{name} {message}")
        if self.behaviour.silent or (said is not None and now - said < RATE_LIMIT):
            return
        self.complaints[f"{name} {message}"] = now
        yield self._event(now, name, reason, message, **facts)

    def _without_folder(
        self, now: datetime, revision: str, name: str, folder: str
    ) -> Iterator[Report]:
        """What a Kustomization says whose folder is not in the repository."""
        path = f"/tmp/kustomization-2089549901/clusters/{self.name}/{folder}"  # noqa: S108
        message = f"kustomization path not found: stat {path}: no such file or directory"
        yield from self._complain(now, name, "ArtifactFailed", message, revision=revision)

    def _reconcile(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        reports = list(self._reconcile_root(now, revision, files))
        rights = Rights(self.behaviour.accounts)
        for name in self.applied:
            rights.learn(_below(files, self.kustomizations[name].folder))
        for name, kustomization in sorted(self.kustomizations.items()):
            known, changed = self.applied.get(name), False
            if not any(_below(files, kustomization.folder)):
                folder = kustomization.folder
                reports += self._without_folder(now, revision, name, folder)
                continue
            if known is None or known.digest != kustomization.digest:
                refusal = rights.refusal(kustomization.account, _below(files, kustomization.folder))
                known = Applied(kustomization.digest, now + self.behaviour.apply_time, refusal)
                self.applied[name], changed = known, True
            elif known.refusal:
                known.refusal = rights.refusal(
                    kustomization.account, _below(files, kustomization.folder)
                )
            if not self.behaviour.silent:
                reports += self._report(now, revision, kustomization, known, changed=changed)
        return reports

    def _reconcile_root(
        self, now: datetime, revision: str, files: Mapping[str, bytes]
    ) -> Iterator[Report]:
        """Apply the `sync` folder: its Kustomizations, and none that it lacks."""
        if not any(path.startswith(SYNC) for path in files):
            self.fails_at_root = True
            yield from self._without_folder(now, revision, ROOT, SYNC.rstrip("/"))
            return
        if self.fails_at_root and not self.behaviour.silent:
            self.fails_at_root = False
            message = "Reconciliation finished in 1.2s, next run in 10m0s"
            yield self._event(now, ROOT, "ReconciliationSucceeded", message, revision=revision)
        if files != self.read:
            self.read = dict(files)
            self.kustomizations = {each.name: each for each in _kustomizations(files)}
        for name in self.applied.keys() - self.kustomizations.keys():
            del self.applied[name]

    def _report(
        self,
        now: datetime,
        revision: str,
        kustomization: Kustomization,
        known: Applied,
        *,
        changed: bool,
    ) -> Iterator[Report]:
        """The events of a Kustomization, if anything changed or the interval has passed."""
        component, reported = kustomization.component, self.behaviour.stuck_at or revision
        reason, message = self._outcome(now, component, known)
        recent = known.reported_at is not None and now - known.reported_at < self.behaviour.interval
        if known.last_report == (reported, reason) and recent:
            return
        known.last_report, known.reported_at = (reported, reason), now
        if changed and not known.refusal and reason != "Progressing":
            yield self._event(
                now, kustomization.name, "Progressing", _applied(component), revision=reported
            )
        named = "" if reason == "AccessDenied" else reported
        yield self._event(now, kustomization.name, reason, message, revision=named)
        if reason == "ReconciliationSucceeded" and not known.is_healthy:
            known.is_healthy = True
            passed = "Health check passed in 1.021s"
            yield self._event(now, kustomization.name, "Progressing", passed, revision=reported)

    def _outcome(self, now: datetime, component: str, known: Applied) -> tuple[str, str]:
        """The reason and the message of what a reconciliation has come to."""
        if component in self.behaviour.denied:
            return (
                "AccessDenied",
                "can't access 'GitRepository/flux-system/switchyard-fleet-deploy'",
            )
        if known.refusal:
            return "ReconciliationFailed", known.refusal
        if now < known.ready_at:
            return "Progressing", _applied(component)
        if component in self.behaviour.failing:
            return "HealthCheckFailed", (
                f"health check failed after 5m0s: timeout waiting for: [Deployment/shop/"
                f"{component} status: 'InProgress': container {component} is in CrashLoopBackOff]"
            )
        return "ReconciliationSucceeded", "Reconciliation finished in 1.2s, next run in 10m0s"

    def _event(
        self,
        now: datetime,
        name: str,
        reason: str,
        message: str,
        *,
        revision: str = "",
        kind: str = "Kustomization",
    ) -> Report:
        metadata = {"revision": f"main@sha1:{revision}"} if revision else {}
        if reason == "ReconciliationSucceeded":
            metadata["commit_status"] = "update"
        group = "source" if kind == "GitRepository" else "kustomize"
        event: dict[str, Any] = {
            "involvedObject": {
                "apiVersion": f"{group}.toolkit.fluxcd.io/v1",
                "kind": kind,
                "name": name,
                "namespace": "flux-system",
            },
            "severity": "info" if reason in {"Progressing", "ReconciliationSucceeded"} else "error",
            "timestamp": now.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
            "message": message,
            "reason": reason,
            "metadata": metadata,
            "reportingController": f"{group}-controller",
            "reportingInstance": f"{group}-controller-{self.name}",
        }
        body = json.dumps(event).encode()
        signature = hmac.new(self.key, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": f"sha256={signature}"}
        return Report(name.partition(".")[2], headers, body)


def _applied(component: str) -> str:
    return f"Deployment/shop/{component} configured"


def _below(files: Mapping[str, bytes], folder: str) -> Iterator[bytes]:
    return (files[name] for name in sorted(files) if name.startswith(f"{folder}/"))


def _kustomizations(files: Mapping[str, bytes]) -> Iterator[Kustomization]:
    """Each Kustomization in the cluster's `sync` folder."""
    for path, content in files.items():
        if not (path.startswith(SYNC) and path.endswith(".yaml")):
            continue
        for document in yaml.load_documents(content):
            item: Any = document.value
            spec = item["spec"]
            folder = APPS + str(spec["path"]).partition(f"/{APPS}")[2]
            digest = hashlib.sha256(content)
            for name in sorted(name for name in files if name.startswith(f"{folder}/")):
                digest.update(name.encode() + b"\0" + files[name] + b"\0")
            account = str(spec.get("serviceAccountName", "default"))
            yield Kustomization(item["metadata"]["name"], folder, account, digest.hexdigest())
