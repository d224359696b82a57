"""Flux: one Kustomization per component, and the events of its notification-controller.

Sources: the Flux API reference (Kustomization v1, GitRepository v1, Provider and Alert v1beta3);
kustomize-controller 1.9 `internal/controller/kustomization_controller.go` and fluxcd/pkg
`apis/event/v1beta1` for events; "Multi-tenancy lockdown" of Flux's documentation.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from planners.model import AgentSettings, Json, Readiness
from plugins import (
    MAX_MESSAGE_LENGTH,
    Agent,
    ReportError,
    Word,
    commit_of,
    json_object,
    signature_matches,
    time_of,
)
from renderers.agents import (
    Account,
    ApplicationTarget,
    ClusterTarget,
    Objects,
    Target,
    TenantTarget,
)

NAMESPACE = "flux-system"
SOURCE = ROOT = "switchyard"
OWN_ACCOUNT = "kustomize-controller"
REPORT_KEY_SECRET = "switchyard-report-key"  # noqa: S105 - the name of a Secret
MAX_NAME = 63
"""Of a Kustomization: objects get its name as a label (`kustomize.toolkit.fluxcd.io/name`)."""

_GROUP = "kustomize.toolkit.fluxcd.io"
_NOTIFICATION = "notification.toolkit.fluxcd.io/v1beta3"
_NAME = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)")
_PARTS: Mapping[tuple[object, str], tuple[str, str]] = {
    ("GitRepository", SOURCE): ("source", "cannot fetch the deploy repo"),
    ("Kustomization", ROOT): ("sync", "cannot apply its sync folder"),
}
"""What serves all components of a cluster: what words call it, and what is wrong if it fails."""

_SUCCEEDED = frozenset({"NewArtifact", "ReconciliationSucceeded", "Succeeded"})
_PROGRESSING = frozenset(
    {"DependencyNotReady", "HealthCheckCanceled", "Progressing", "ProgressingWithRetry"}
)


@dataclass(frozen=True, slots=True)
class FluxSettings(AgentSettings):
    """Settings of Flux on a cluster."""

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
    sops: bool = field(
        default=False,
        metadata={
            "description": "Whether Flux decrypts Secrets with the keys in the Secret "
            "`sops-<tenant>` in `flux-system`; each tenant has its own."
        },
    )
    git_secret: str = field(
        default="",
        compare=False,
        metadata={
            "description": "Secret in `flux-system` with the credentials for the deploy repo. "
            "Default: none are needed."
        },
    )

    @property
    def max_report_age(self) -> timedelta:
        """Flux reports once in each interval; one lost report is not silence."""
        return 2 * self.interval + self.timeout


@dataclass(frozen=True, slots=True)
class Flux:
    """Clusters in which Flux applies the `sync` folder of the cluster."""

    name: str = "flux"
    settings: type[FluxSettings] = FluxSettings

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that Flux could not write on the objects as a label."""
        name = _kustomization_name(target)
        if len(name) <= MAX_NAME:
            return ()
        reason = (
            f"Flux labels objects with the name of their Kustomization, {name}, which has "
            f"{len(name)} characters of at most {MAX_NAME}: shorten the name of the application or "
            f"of the component"
        )
        return (reason,)

    def references(self, target: Target) -> Objects:
        """One Kustomization, applied as the tenant's account, never as Flux itself.

        The exception is a tenant's set-up, which creates that account. An account is looked up in
        the Kustomization's own namespace; under multi-tenancy lockdown, an object that names none
        is applied as `default`, which may do nothing.
        """
        settings = _settings(target.settings)
        account = OWN_ACCOUNT if target.is_tenant_setup else _account(target.tenant)
        decryption: dict[str, Json] = {}
        if settings.sops and not target.is_tenant_setup:
            secret: Json = {"name": f"sops-{target.tenant}"}
            decryption = {"decryption": {"provider": "sops", "secretRef": secret}}
        return (
            _kustomization(
                _kustomization_name(target),
                target.folder,
                account,
                interval=_duration(settings.interval),
                retryInterval="1m",
                timeout=_duration(settings.timeout),
                wait=True,
                **decryption,
            ),
        )

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """One account for each tenant, beside the Kustomizations, where no tenant has rights."""
        return (Account(NAMESPACE, _account(target.tenant)),)

    def tenant_references(self, target: TenantTarget) -> Objects:
        """None: Kustomizations need no more than the account."""
        del target
        return ()

    def application_references(self, target: ApplicationTarget) -> Objects:
        """None: each component has a Kustomization of its own."""
        del target
        return ()

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """The deploy repo, the root Kustomization, and where its events are sent.

        Errors of the GitRepository are sent too: a cluster that cannot fetch says so.
        """
        settings = _settings(target.settings)
        interval = _duration(settings.interval)
        credentials: dict[str, Json] = {}
        if settings.git_secret:
            credentials = {"secretRef": {"name": settings.git_secret}}
        source: dict[str, Json] = {
            "interval": "1m",
            "url": target.url,
            "ref": {"branch": target.branch},
            **credentials,
        }
        provider: dict[str, Json] = {
            "type": "generic-hmac",
            "address": target.report_url,
            "secretRef": {"name": REPORT_KEY_SECRET},
        }
        return (
            _object("source.toolkit.fluxcd.io/v1", "GitRepository", SOURCE, source),
            _kustomization(
                ROOT, target.sync_folder, OWN_ACCOUNT, interval=interval, retryInterval="1m"
            ),
            _object(_NOTIFICATION, "Provider", ROOT, provider),
            _alert(ROOT, "info", "Kustomization", "*"),
            _alert(f"{ROOT}-source", "error", "GitRepository", SOURCE),
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`X-Signature: sha256=<hex>` over the exact body, as Provider `generic-hmac` sends it."""
        return signature_matches(headers.get("x-signature", ""), body, key)

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse an Event; empty if it does not concern the deploy repo or a component."""
        event = json_object(body)
        involved = event.get("involvedObject")
        if not isinstance(involved, dict):
            raise ReportError("the event has no involvedObject")
        kind, name = involved.get("kind"), str(involved.get("name", ""))
        if (kind, name) in _PARTS:
            return _about_cluster(speaker, (kind, name), event, _readiness(event))
        unit = _NAME.fullmatch(name)
        if kind != "Kustomization" or unit is None:
            return ()
        readiness, revision = _readiness(event), _revision(event.get("metadata"))
        if not revision and readiness is not Readiness.STALLED:
            raise ReportError(
                "the event's metadata has no revision or originRevision with a Git commit"
            )
        message, at = _message(event), time_of(event.get("timestamp"))
        return (Word(speaker, unit[1], unit[2], revision, readiness, message, at),)

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in the status of Kustomizations and of the GitRepository."""
        return tuple(word for item in objects for word in _words_of(speaker, item))


def _settings(settings: AgentSettings) -> FluxSettings:
    assert isinstance(settings, FluxSettings)
    return settings


def _account(tenant: str) -> str:
    return f"switchyard-{tenant}"


def _kustomization_name(target: Target) -> str:
    return f"{target.application}.{target.component}"


def _duration(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds}s" if seconds % 60 else f"{seconds // 60}m"


def _object(api_version: str, kind: str, name: str, spec: Json) -> dict[str, Json]:
    metadata: Json = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _kustomization(name: str, folder: str, account: str, **fields: Json) -> dict[str, Json]:
    spec: dict[str, Json] = {
        **fields,
        "path": f"./{folder}",
        "prune": True,
        "serviceAccountName": account,
        "sourceRef": {"kind": "GitRepository", "name": SOURCE},
    }
    return _object(f"{_GROUP}/v1", "Kustomization", name, spec)


def _alert(name: str, severity: str, kind: str, source: str) -> dict[str, Json]:
    spec: Json = {
        "providerRef": {"name": ROOT},
        "eventSeverity": severity,
        "eventSources": [{"kind": kind, "name": source}],
    }
    return _object(_NOTIFICATION, "Alert", name, spec)


def _about_cluster(
    speaker: str, part: tuple[object, str], event: Mapping[str, Any], readiness: Readiness
) -> tuple[Word, ...]:
    """Why the cluster as a whole falls behind, or that it no longer does."""
    if readiness is Readiness.PROGRESSING:
        return ()
    name, trouble = _PARTS[part]
    stalled = readiness is Readiness.STALLED
    message = f"{trouble}: {_message(event)}"[:MAX_MESSAGE_LENGTH] if stalled else ""
    return (Word(speaker, "", name, "", readiness, message, time_of(event.get("timestamp"))),)


def _message(event: Mapping[str, Any]) -> str:
    return str(event.get("message", ""))[:MAX_MESSAGE_LENGTH]


def _revision(metadata: object) -> str:
    """The Git commit of an event; empty if it names none.

    The group's prefix of keys is removed by notification-controller. With an OCIRepository or an
    ExternalArtifact `revision` is a digest, and `originRevision` the commit.
    """
    if not isinstance(metadata, dict):
        return ""
    keys = (
        f"{prefix}{key}" for key in ("revision", "originRevision") for prefix in ("", f"{_GROUP}/")
    )
    return next((found for key in keys if (found := commit_of(metadata.get(key)))), "")


def _readiness(event: Mapping[str, Any]) -> Readiness:
    """An error is STALLED: Flux retries, but people should investigate."""
    reason = str(event.get("reason", ""))
    if reason in _PROGRESSING:
        return Readiness.PROGRESSING
    if event.get("severity") == "error":
        return Readiness.STALLED
    return Readiness.READY if reason in _SUCCEEDED else Readiness.PROGRESSING


def _words_of(speaker: str, item: Mapping[str, Json]) -> Iterator[Word]:
    kind, metadata, status = item.get("kind"), item.get("metadata"), item.get("status")
    if not isinstance(metadata, dict) or not isinstance(status, dict):
        return
    ready = _ready_condition(status)
    if ready is None:
        return
    name, at = str(metadata.get("name", "")), time_of(ready.get("lastTransitionTime"))
    current = status.get("observedGeneration") == metadata.get("generation")
    readiness = _condition_readiness(ready, is_current=current)
    if (kind, name) in _PARTS:
        event = {**ready, "timestamp": at.isoformat()}
        yield from _about_cluster(speaker, (kind, name), event, readiness)
    unit = _NAME.fullmatch(name)
    if kind != "Kustomization" or unit is None:
        return
    revision = _status_revision(status, readiness)
    if revision or readiness is Readiness.STALLED:
        yield Word(speaker, unit[1], unit[2], revision, readiness, _message(ready), at)


def _ready_condition(status: Mapping[str, Json]) -> Mapping[str, Json] | None:
    conditions = status.get("conditions")
    found = conditions if isinstance(conditions, list) else []
    return next((c for c in found if isinstance(c, dict) and c.get("type") == "Ready"), None)


def _condition_readiness(ready: Mapping[str, Json], *, is_current: bool) -> Readiness:
    """`observedGeneration` lags while a new specification is not reconciled."""
    if ready.get("status") == "True":
        return Readiness.READY if is_current else Readiness.PROGRESSING
    if ready.get("status") != "False" or ready.get("reason") in _PROGRESSING:
        return Readiness.PROGRESSING
    return Readiness.STALLED


def _status_revision(status: Mapping[str, Json], readiness: Readiness) -> str:
    """The commit that was applied, or the one that was attempted last if it is not READY."""
    which = "lastApplied" if readiness is Readiness.READY else "lastAttempted"
    keys = (f"{which}Revision", f"{which}OriginRevision")
    return next((found for key in keys if (found := commit_of(status.get(key)))), "")


PLUGIN: Agent = Flux()
