"""What Flux's objects and events look like, wherever it runs: shared by `flux` and `azure_arc`.

Sources: the Flux API reference (Kustomization v1, GitRepository v1, Provider and Alert v1beta3);
kustomize-controller 1.9 `internal/controller/kustomization_controller.go` and fluxcd/pkg
`apis/event/v1beta1` for events; "Multi-tenancy lockdown" of Flux's documentation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from planners.model import AgentSettings, Json, Readiness
from plugins import MAX_MESSAGE_LENGTH, ReportError, Word, commit_of, json_object, time_of
from renderers.agents import ROOT, Objects, Target

REPORT_KEY_SECRET = "switchyard-report-key"  # noqa: S105 - the name of a Secret
MAX_NAME = 63
"""Of a Kustomization: its objects get its name as a label (`kustomize.toolkit.fluxcd.io/name`)."""

GROUP = "kustomize.toolkit.fluxcd.io"
SOURCE, SYNC = "source", "sync"
PROGRESSING = frozenset(
    {"DependencyNotReady", "HealthCheckCanceled", "Progressing", "ProgressingWithRetry"}
)
_NOTIFICATION = "notification.toolkit.fluxcd.io/v1beta3"
_TROUBLE = {SOURCE: "cannot fetch the deploy repo", SYNC: "cannot apply its sync folder"}
_SUCCEEDED = frozenset({"NewArtifact", "ReconciliationSucceeded", "Succeeded"})
_ALERTS = "switchyard"
_ROOT = re.compile(rf"{ROOT}((?:-[a-z0-9]+)*)")
_NAME = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)")


@dataclass(frozen=True, slots=True)
class Names:
    """The namespace of Flux's objects; the GitRepository and the root Kustomization there."""

    namespace: str
    source: str
    root: str

    def part(self, kind: object, name: str) -> str | None:
        """What serves all components of a cluster, as words call it; None for anything else."""
        return {("GitRepository", self.source): SOURCE, ("Kustomization", self.root): SYNC}.get(
            (str(kind), name)
        )


@dataclass(frozen=True, slots=True)
class RootNames(Names):
    """The names of one deploy repo of several; `source` and `root` are its `root_name`."""

    def part(self, kind: object, name: str) -> str | None:
        """As in `Names`, of any deploy repo, followed by which one it is."""
        part = {"GitRepository": SOURCE, "Kustomization": SYNC}.get(str(kind))
        found = _ROOT.fullmatch(name)
        return f"{part}{found[1]}" if part is not None and found is not None else None


@dataclass(frozen=True, slots=True)
class Spans(AgentSettings):
    """How often Flux compares, and how long it waits."""

    interval: timedelta = field(
        default=timedelta(minutes=10),
        metadata={
            "description": "How often Flux compares each component with the deploy repo.",
            "minimum": timedelta(minutes=1),
        },
    )
    timeout: timedelta = field(
        default=timedelta(minutes=5),
        metadata={"description": "How long the objects of a component may take to become ready."},
    )

    @property
    def max_report_age(self) -> timedelta:
        """Flux reports once in each interval; one lost report is not silence."""
        return 2 * self.interval + self.timeout


def account(tenant: str) -> str:
    """The account as which a tenant's components are applied."""
    return f"switchyard-{tenant}"


def unit_name(target: Target) -> str:
    """The name of a component's Kustomization."""
    return f"{target.application}.{target.component}"


def unit_of(name: str) -> tuple[str, str] | None:
    """The application and the component of a Kustomization, by its name."""
    match = _NAME.fullmatch(name)
    return (match[1], match[2]) if match else None


def refusals(name: str) -> tuple[str, ...]:
    """A name that Flux could not write on the objects as a label."""
    if len(name) <= MAX_NAME:
        return ()
    reason = (
        f"Flux labels objects with the name of their Kustomization, {name}, which has "
        f"{len(name)} characters of at most {MAX_NAME}: shorten the name of the application or "
        f"of the component"
    )
    return (reason,)


def duration(span: timedelta) -> str:
    """As Flux writes it."""
    seconds = int(span.total_seconds())
    return f"{seconds}s" if seconds % 60 else f"{seconds // 60}m"


def flux_object(
    names: Names, api_version: str, kind: str, name: str, spec: Json
) -> dict[str, Json]:
    """An object in the namespace of Flux's objects."""
    metadata: Json = {"name": name, "namespace": names.namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def kustomization(
    names: Names, name: str, folder: str, as_account: str, **fields: Json
) -> dict[str, Json]:
    """A Kustomization of a folder, applied as an account of its own namespace."""
    spec: dict[str, Json] = {
        **fields,
        "path": f"./{folder}",
        "prune": True,
        "serviceAccountName": as_account,
        "sourceRef": {"kind": "GitRepository", "name": names.source},
    }
    return flux_object(names, f"{GROUP}/v1", "Kustomization", name, spec)


def component_kustomization(
    names: Names, target: Target, as_account: str, spans: Spans, **fields: Json
) -> dict[str, Json]:
    """The Kustomization of a component, which is ready when all its objects are."""
    return kustomization(
        names,
        unit_name(target),
        target.folder,
        as_account,
        interval=duration(spans.interval),
        retryInterval="1m",
        timeout=duration(spans.timeout),
        wait=True,
        **fields,
    )


def notifications(names: Names, report_url: str) -> Objects:
    """Where the events of components are sent, and those of a repo that cannot be fetched."""
    provider: dict[str, Json] = {
        "type": "generic-hmac",
        "address": report_url,
        "secretRef": {"name": REPORT_KEY_SECRET},
    }
    return (
        flux_object(names, _NOTIFICATION, "Provider", _ALERTS, provider),
        _alert(names, _ALERTS, "info", "Kustomization", "*"),
        _alert(names, f"{names.source}-source", "error", "GitRepository", names.source),
    )


def report(names: Names, speaker: str, body: bytes) -> tuple[Word, ...]:
    """Parse an Event; empty if it does not concern the deploy repo or a component."""
    event = json_object(body)
    involved = event.get("involvedObject")
    if not isinstance(involved, dict):
        raise ReportError("the event has no involvedObject")
    kind, name = involved.get("kind"), str(involved.get("name", ""))
    part = names.part(kind, name)
    if part is not None:
        at = time_of(event.get("timestamp"))
        return about_cluster(speaker, part, _readiness(event), message_of(event), at)
    unit = unit_of(name)
    if kind != "Kustomization" or unit is None:
        return ()
    readiness, revision = _readiness(event), _revision(event.get("metadata"))
    if not revision and readiness is not Readiness.STALLED:
        raise ReportError(
            "the event's metadata has no revision or originRevision with a Git commit"
        )
    at = time_of(event.get("timestamp"))
    return (Word(speaker, *unit, revision, readiness, message_of(event), at),)


def about_cluster(
    speaker: str, part: str, readiness: Readiness, message: str, at: datetime
) -> tuple[Word, ...]:
    """Why the cluster as a whole falls behind, or that it no longer does."""
    if readiness is Readiness.PROGRESSING:
        return ()
    stalled = readiness is Readiness.STALLED
    trouble = _TROUBLE[part.partition("-")[0]]
    told = f"{trouble}: {message}"[:MAX_MESSAGE_LENGTH] if stalled else ""
    return (Word(speaker, "", part, "", readiness, told, at),)


def message_of(item: Mapping[str, Any]) -> str:
    """The message of an event or a condition, of bounded length."""
    return str(item.get("message", ""))[:MAX_MESSAGE_LENGTH]


def ready_condition(conditions: object) -> Mapping[str, Json] | None:
    """The condition `Ready` of a list of them."""
    found = conditions if isinstance(conditions, list) else []
    return next((c for c in found if isinstance(c, dict) and c.get("type") == "Ready"), None)


def _alert(names: Names, name: str, severity: str, kind: str, source: str) -> dict[str, Json]:
    spec: Json = {
        "providerRef": {"name": _ALERTS},
        "eventSeverity": severity,
        "eventSources": [{"kind": kind, "name": source}],
    }
    return flux_object(names, _NOTIFICATION, "Alert", name, spec)


def _revision(metadata: object) -> str:
    """The Git commit of an event; empty if it names none.

    The group's prefix of keys is removed by notification-controller. With an OCIRepository or an
    ExternalArtifact `revision` is a digest, and `originRevision` the commit.
    """
    if not isinstance(metadata, dict):
        return ""
    keys = (
        f"{prefix}{key}" for key in ("revision", "originRevision") for prefix in ("", f"{GROUP}/")
    )
    return next((found for key in keys if (found := commit_of(metadata.get(key)))), "")


def _readiness(event: Mapping[str, Any]) -> Readiness:
    """An error is STALLED: Flux retries, but people should investigate."""
    reason = str(event.get("reason", ""))
    if reason in PROGRESSING:
        return Readiness.PROGRESSING
    if event.get("severity") == "error":
        return Readiness.STALLED
    return Readiness.READY if reason in _SUCCEEDED else Readiness.PROGRESSING
