"""Simulated clusters that behave like Flux: they pull, apply after a delay, and report.

Reports are events as notification-controller sends them, signed with `generic-hmac`. `step` depends
only on its arguments, so that tests can drive it with their own clock.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from planners.model import Json
from renderers import yaml

SYNC, APPS = "sync/", "apps/"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a cluster behaves; may be replaced while it runs.

    `failing` lists components whose health check fails. A `silent` cluster sends no reports. With
    `stuck_at` it reports that revision, whatever it pulled.
    """

    apply_time: timedelta = timedelta(seconds=1)
    interval: timedelta = timedelta(minutes=10)
    failing: frozenset[str] = frozenset()
    silent: bool = False
    stuck_at: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A signed event, ready to be sent."""

    component: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Applied:
    """A Kustomization as applied, and its last report: revision and reason."""

    digest: str
    ready_at: datetime
    last_report: tuple[str, str] = ("", "")
    reported_at: datetime | None = None


@dataclass(slots=True)
class SimulatedCluster:
    """One cluster; `key` signs its reports."""

    name: str
    key: bytes
    behaviour: Behaviour = Behaviour()
    applied: dict[str, Applied] = field(default_factory=dict)

    def step(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        """Apply the cluster's folder of the deploy repo at a revision, and return its reports."""
        wanted = _kustomizations(files)
        for name in self.applied.keys() - wanted.keys():
            del self.applied[name]
        reports = []
        for name, digest in sorted(wanted.items()):
            known = self.applied.get(name)
            if known is None or known.digest != digest:
                known = Applied(digest, now + self.behaviour.apply_time)
                self.applied[name] = known
            report = self._report(now, revision, name, known)
            if report is not None:
                reports.append(report)
        return reports

    def _report(self, now: datetime, revision: str, name: str, known: Applied) -> Report | None:
        """The event of a Kustomization, if anything changed or the interval has passed."""
        if self.behaviour.silent:
            return None
        component = name.partition(".")[2]
        reason = "Progressing"
        if now >= known.ready_at:
            failing = component in self.behaviour.failing
            reason = "HealthCheckFailed" if failing else "ReconciliationSucceeded"
        reported = self.behaviour.stuck_at or revision
        recent = known.reported_at is not None and now - known.reported_at < self.behaviour.interval
        if known.last_report == (reported, reason) and recent:
            return None
        known.last_report, known.reported_at = (reported, reason), now
        return self._event(now, name, reason, reported)

    def _event(self, now: datetime, name: str, reason: str, revision: str) -> Report:
        component = name.partition(".")[2]
        messages = {
            "Progressing": "Reconciliation in progress",
            "ReconciliationSucceeded": "Reconciliation finished, next run in 10m0s",
            "HealthCheckFailed": (
                f"health check failed after 5m0s: timeout waiting for: [Deployment/shop/"
                f"{component} status: 'InProgress': container {component} is in CrashLoopBackOff]"
            ),
        }
        event = {
            "involvedObject": {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "name": name,
                "namespace": "flux-system",
            },
            "severity": "error" if reason == "HealthCheckFailed" else "info",
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "message": messages[reason],
            "reason": reason,
            "metadata": {"kustomize.toolkit.fluxcd.io/revision": f"main@sha1:{revision}"},
            "reportingController": "kustomize-controller",
            "reportingInstance": f"kustomize-controller-{self.name}",
        }
        body = json.dumps(event).encode()
        signature = hmac.new(self.key, body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": f"sha256={signature}"}
        return Report(component, headers, body)


def _kustomizations(files: Mapping[str, bytes]) -> dict[str, str]:
    """Each Kustomization in the cluster's `sync` folder, with a digest of what it applies."""
    found = {}
    for path, content in files.items():
        if not path.startswith(SYNC):
            continue
        for document in yaml.load_documents(content):
            item = document.value
            assert isinstance(item, dict)
            folder = _path_of(item)
            applied = hashlib.sha256(content)
            for name in sorted(name for name in files if name.startswith(f"{folder}/")):
                applied.update(name.encode() + b"\0" + files[name] + b"\0")
            metadata = item["metadata"]
            assert isinstance(metadata, dict)
            found[str(metadata["name"])] = applied.hexdigest()
    return found


def _path_of(item: dict[str, Json]) -> str:
    """The path of a Kustomization, relative to the cluster's folder."""
    spec = item["spec"]
    assert isinstance(spec, dict)
    return APPS + str(spec["path"]).partition(f"/{APPS}")[2]
