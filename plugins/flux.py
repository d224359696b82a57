"""Flux: one Kustomization per component, and the events of its notification-controller.

Sources: the Flux API reference (Kustomization v1, GitRepository v1, Provider and Alert v1beta3);
kustomize-controller 1.9 `internal/controller/kustomization_controller.go` and fluxcd/pkg
`apis/event/v1beta1` for events; "Multi-tenancy lockdown" of Flux's documentation.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import AgentSettings, Json, Readiness, Repo
from plugins import Agent, WatchedKind, Word, _flux, commit_of, signature_matches, time_of
from renderers.agents import (
    Account,
    ApplicationTarget,
    ClusterTarget,
    Objects,
    Target,
    TenantTarget,
    root_name,
)

NAMESPACE = "flux-system"
OWN_ACCOUNT = "kustomize-controller"
ANY_ROOT = _flux.RootNames(NAMESPACE, "", "")


@dataclass(frozen=True, slots=True)
class FluxSettings(_flux.Spans):
    """Settings of Flux on a cluster."""

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


@dataclass(frozen=True, slots=True)
class Flux:
    """Clusters in which Flux applies the `sync` folder of the cluster."""

    name: str = "flux"
    settings: type[FluxSettings] = FluxSettings

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that Flux could not write on the objects as a label."""
        return _flux.refusals(_flux.unit_name(target))

    def references(self, target: Target) -> Objects:
        """One Kustomization, applied as the tenant's account, never as Flux itself.

        The exception is a tenant's set-up, which creates that account. An account is looked up in
        the Kustomization's own namespace; under multi-tenancy lockdown, an object that names none
        is applied as `default`, which may do nothing.
        """
        settings = _settings(target.settings)
        account = OWN_ACCOUNT if target.is_tenant_setup else _flux.account(target.tenant)
        decryption: dict[str, Json] = {}
        if settings.sops and not target.is_tenant_setup:
            secret: Json = {"name": f"sops-{target.tenant}"}
            decryption = {"decryption": {"provider": "sops", "secretRef": secret}}
        return (
            _flux.component_kustomization(
                _names(target.deploy), target, account, settings, **decryption
            ),
        )

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """One account for each tenant, beside the Kustomizations, where no tenant has rights."""
        return (Account(NAMESPACE, _flux.account(target.tenant)),)

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
        settings, names = _settings(target.settings), _names(target.deploy)
        credentials: dict[str, Json] = {}
        if settings.git_secret:
            credentials = {"secretRef": {"name": settings.git_secret}}
        source: dict[str, Json] = {
            "interval": "1m",
            "url": target.url,
            "ref": {"branch": target.branch},
            **credentials,
        }
        interval = _flux.duration(settings.interval)
        return (
            _flux.flux_object(
                names, "source.toolkit.fluxcd.io/v1", "GitRepository", names.source, source
            ),
            _flux.kustomization(
                names,
                names.root,
                target.sync_folder,
                OWN_ACCOUNT,
                interval=interval,
                retryInterval="1m",
            ),
            *_flux.notifications(names, target.report_url),
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`X-Signature: sha256=<hex>` over the exact body, as Provider `generic-hmac` sends it."""
        return signature_matches(headers.get("x-signature", ""), body, key)

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse an Event; empty if it does not concern the deploy repo or a component."""
        return _flux.report(ANY_ROOT, speaker, body)

    def watched(self, settings: AgentSettings) -> tuple[WatchedKind, ...]:
        """Kustomizations, and the GitRepository that they come from."""
        del settings
        return (
            WatchedKind("source.toolkit.fluxcd.io/v1", "GitRepository", NAMESPACE),
            WatchedKind(f"{_flux.GROUP}/v1", "Kustomization", NAMESPACE),
        )

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in the status of Kustomizations and of the GitRepository."""
        return tuple(word for item in objects for word in _words_of(speaker, item))


def _names(deploy: Repo) -> _flux.Names:
    return _flux.RootNames(NAMESPACE, root_name(deploy), root_name(deploy))


def _settings(settings: AgentSettings) -> FluxSettings:
    assert isinstance(settings, FluxSettings)
    return settings


def _words_of(speaker: str, item: Mapping[str, Json]) -> Iterator[Word]:
    kind, metadata, status = item.get("kind"), item.get("metadata"), item.get("status")
    if not isinstance(metadata, dict) or not isinstance(status, dict):
        return
    ready = _flux.ready_condition(status.get("conditions"))
    if ready is None:
        return
    name, at = str(metadata.get("name", "")), time_of(ready.get("lastTransitionTime"))
    current = status.get("observedGeneration") == metadata.get("generation")
    readiness = _condition_readiness(ready, is_current=current)
    part = ANY_ROOT.part(kind, name)
    if part is not None:
        yield from _flux.about_cluster(speaker, part, readiness, _flux.message_of(ready), at)
    unit = _flux.unit_of(name)
    if kind != "Kustomization" or unit is None:
        return
    revision = _status_revision(status, readiness)
    if revision or readiness is Readiness.STALLED:
        yield Word(speaker, *unit, revision, readiness, _flux.message_of(ready), at)


def _condition_readiness(ready: Mapping[str, Json], *, is_current: bool) -> Readiness:
    """`observedGeneration` lags while a new specification is not reconciled."""
    if ready.get("status") == "True":
        return Readiness.READY if is_current else Readiness.PROGRESSING
    if ready.get("status") != "False" or ready.get("reason") in _flux.PROGRESSING:
        return Readiness.PROGRESSING
    return Readiness.STALLED


def _status_revision(status: Mapping[str, Json], readiness: Readiness) -> str:
    """The commit that was applied, or the one that was attempted last if it is not READY."""
    which = "lastApplied" if readiness is Readiness.READY else "lastAttempted"
    keys = (f"{which}Revision", f"{which}OriginRevision")
    return next((found for key in keys if (found := commit_of(status.get(key)))), "")


PLUGIN: Agent = Flux()
