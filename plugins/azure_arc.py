"""Azure Arc and AKS: Flux as the extension `microsoft.flux` runs it, told by Azure what to pull.

One fluxConfiguration per cluster applies the `sync` folder, as administrator; from there on it is
Flux: one Kustomization per component, applied as the tenant's account. With scope `namespace` each
application has a fluxConfiguration of its own in the tenant's namespace, and may write only there;
two that shared one would prune each other.

Sources: the REST API specification of `Microsoft.KubernetesConfiguration/fluxConfigurations`
2025-04-01; Azure documentation, "GitOps Flux v2 configurations with AKS and Azure Arc-enabled
Kubernetes" (names of Flux objects, `flux-applier`, multi-tenancy).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from planners.model import AgentSettings, Json, Readiness
from plugins import ApiAgent, ApiObjects, Word, _flux, commit_of, signature_matches, time_of
from renderers.agents import (
    Account,
    ApplicationTarget,
    ClusterTarget,
    Objects,
    Target,
    TenantTarget,
)

NAMESPACE = "switchyard-system"
CONFIGURATION = "switchyard"
SYNC = "sync"
NAMES = _flux.Names(NAMESPACE, CONFIGURATION, f"{CONFIGURATION}-{SYNC}")
OWN_ACCOUNT = "flux-applier"

_ID = "/subscriptions/{}/resourceGroups/{}/providers/{}/{}"
_TYPES = {
    "connectedClusters": "Microsoft.Kubernetes",
    "managedClusters": "Microsoft.ContainerService",
    "provisionedClusters": "Microsoft.HybridContainerService",
}
_REVISION = re.compile(r"[Rr]evision:? '?([^\s']+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureArcSettings(_flux.Spans):
    """Where Azure has the cluster, and how it delivers.

    Azure is read every minute; the cluster tells it within its own interval.
    """

    subscription: str = field(
        compare=False,
        metadata={"description": "Id of the subscription.", "pattern": r"^[0-9a-fA-F-]{36}$"},
    )
    resource_group: str = field(
        compare=False,
        metadata={"description": "The resource group.", "pattern": r"^[-\w.()]{1,90}$"},
    )
    resource: str = field(
        compare=False,
        metadata={"description": "Name of the cluster in Azure.", "pattern": r"^[-\w.]{1,63}$"},
    )
    type: Literal["connectedClusters", "managedClusters", "provisionedClusters"] = field(
        default="connectedClusters",
        compare=False,
        metadata={
            "description": "`connectedClusters` for Azure Arc, `managedClusters` for AKS, "
            "`provisionedClusters` for AKS on Azure Local."
        },
    )
    scope: Literal["cluster", "namespace"] = field(
        default="cluster",
        metadata={
            "description": "`cluster`: one fluxConfiguration applies everything. `namespace`: each "
            "application has its own, which may write in the tenant's main namespace only."
        },
    )
    git_secret: str = field(
        default="",
        compare=False,
        metadata={
            "description": "Secret with the credentials for the deploy repo, in "
            "`switchyard-system`, with scope `namespace` also in the tenants' namespaces. Default: "
            "none are needed."
        },
    )


@dataclass(frozen=True, slots=True)
class AzureArc:
    """Clusters whose Flux is configured through Azure Resource Manager."""

    name: str = "azure-arc"
    settings: type[AzureArcSettings] = AzureArcSettings

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that Flux could not write on the objects as a label."""
        name = _flux.unit_name(target)
        if _has_own_configuration(target):
            name = f"{CONFIGURATION}-{target.application}-{target.component}"
        return _flux.refusals(name)

    def references(self, target: Target) -> Objects:
        """One Kustomization; none for what has a fluxConfiguration of its own."""
        if _has_own_configuration(target):
            return ()
        settings = _settings(target.settings)
        account = OWN_ACCOUNT if target.is_tenant_setup else _flux.account(target.tenant)
        return (_flux.component_kustomization(NAMES, target, account, settings),)

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """One for each tenant beside the Kustomizations; with scope `namespace` Azure makes it."""
        if _settings(target.settings).scope == "namespace":
            return ()
        return (Account(NAMESPACE, _flux.account(target.tenant)),)

    def tenant_references(self, target: TenantTarget) -> Objects:
        """None: Kustomizations need no more than the account."""
        del target
        return ()

    def application_references(self, target: ApplicationTarget) -> Objects:
        """None: an application's fluxConfiguration is not an object in the cluster."""
        del target
        return ()

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """Where events are sent, for clusters that can reach the bot; the rest comes from Azure."""
        return _flux.notifications(NAMES, target.report_url)

    def api_objects(self, target: ClusterTarget, units: Iterable[Target]) -> ApiObjects:
        """The fluxConfigurations of a cluster."""
        settings = _settings(target.settings)
        configurations = {
            CONFIGURATION: _configuration(
                target, settings, "cluster", NAMESPACE, {SYNC: target.sync_folder}
            )
        }
        folders: dict[str, dict[str, str]] = {}
        namespaces: dict[str, str] = {}
        for each in units:
            if _has_own_configuration(each):
                name = f"{CONFIGURATION}-{each.application}"
                folders.setdefault(name, {})[each.component] = each.folder
                namespaces[name] = each.namespaces[0]
        for name, paths in folders.items():
            configurations[name] = _configuration(
                target, settings, "namespace", namespaces[name], paths
            )
        where = _ID.format(
            settings.subscription, settings.resource_group, _TYPES[settings.type], settings.type
        )
        return ApiObjects("azure", f"{where}/{settings.resource}", configurations, CONFIGURATION)

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`X-Signature: sha256=<hex>` over the exact body, as Provider `generic-hmac` sends it."""
        return signature_matches(headers.get("x-signature", ""), body, key)

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse an Event of Flux; empty if it does not concern the deploy repo or a component."""
        return _flux.report(NAMES, speaker, body)

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in fluxConfigurations, as Azure Resource Manager returns them."""
        return tuple(word for each in objects for word in _words_of(speaker, each))


def _settings(settings: AgentSettings) -> AzureArcSettings:
    assert isinstance(settings, AzureArcSettings)
    return settings


def _has_own_configuration(target: Target) -> bool:
    """A tenant's set-up has objects outside of namespaces, which scope `namespace` cannot write."""
    return _settings(target.settings).scope == "namespace" and not target.is_tenant_setup


def _configuration(
    target: ClusterTarget,
    settings: AzureArcSettings,
    scope: str,
    namespace: str,
    folders: Mapping[str, str],
) -> dict[str, Json]:
    repository: dict[str, Json] = {
        "url": target.url,
        "repositoryRef": {"branch": target.branch},
        "syncIntervalInSeconds": 60,
    }
    if settings.git_secret:
        repository["localAuthRef"] = settings.git_secret
    kustomizations: dict[str, Json] = {
        name: {
            "path": f"./{folder}",
            "prune": True,
            "wait": scope == "namespace",
            "syncIntervalInSeconds": int(settings.interval.total_seconds()),
            "retryIntervalInSeconds": 60,
            "timeoutInSeconds": int(settings.timeout.total_seconds()),
        }
        for name, folder in sorted(folders.items())
    }
    return {
        "scope": scope,
        "namespace": namespace,
        "sourceKind": "GitRepository",
        "suspend": False,
        "gitRepository": repository,
        "kustomizations": kustomizations,
    }


def _words_of(speaker: str, item: Mapping[str, Json]) -> Iterator[Word]:
    """The words of a configuration: of its components, or of the cluster where it fails."""
    name, properties = item.get("name"), item.get("properties")
    if not isinstance(name, str) or not isinstance(properties, dict):
        return
    if name != CONFIGURATION and not name.startswith(f"{CONFIGURATION}-"):
        return
    if properties.get("statusUpdatedAt") is None:
        return
    at = time_of(properties.get("statusUpdatedAt"))
    told: Any = properties
    application = name.removeprefix(CONFIGURATION).removeprefix("-")
    names = _flux.Names("", name, f"{name}-{SYNC}" if not application else "")
    statuses = told.get("statuses")
    for status in statuses if isinstance(statuses, list) else ():
        if not isinstance(status, dict):
            continue
        ready = _flux.ready_condition(status.get("statusConditions"))
        if ready is None or status.get("kind") not in ("GitRepository", "Kustomization"):
            continue
        message = _flux.message_of(ready)
        unit = _unit_of(status, name, application)
        part = names.part(status["kind"], str(status.get("name")))
        if part is not None and not status.get("appliedBy"):
            readiness, _ = _readiness(status, ready, told)
            yield from _flux.about_cluster(speaker, part, readiness, message, at)
        elif unit is not None and status["kind"] == "Kustomization":
            readiness, revision = _readiness(status, ready, told)
            if revision or readiness is Readiness.STALLED:
                yield Word(speaker, *unit, revision, readiness, message, at)


def _unit_of(
    status: Mapping[str, Any], configuration: str, application: str
) -> tuple[str, str] | None:
    """Application and component of a Kustomization: by its name, or by whose it is."""
    name = str(status.get("name", ""))
    if application and name.startswith(f"{configuration}-"):
        return application, name.removeprefix(f"{configuration}-")
    if not application and status.get("namespace") == NAMESPACE:
        return _flux.unit_of(name)
    return None


def _readiness(
    status: Mapping[str, Any], ready: Mapping[str, Any], properties: Mapping[str, Any]
) -> tuple[Readiness, str]:
    """READY only at the commit that the message names; a failure is of the commit last fetched.

    A failure from before that fetch says nothing about it.
    """
    fetched = commit_of(properties.get("sourceSyncedCommitId"))
    match (ready.get("status"), status.get("complianceState")):
        case ("True", "Compliant"):
            found = _REVISION.search(str(ready.get("message", "")))
            applied = commit_of(found[1]) if found else ""
            return (Readiness.READY, applied) if applied else (Readiness.PROGRESSING, fetched)
        case ("False", _) if ready.get("reason") not in _flux.PROGRESSING:
            since, source = ready.get("lastTransitionTime"), properties.get("sourceUpdatedAt")
            old = since is None or source is None or time_of(since) < time_of(source)
            return (Readiness.PROGRESSING if old else Readiness.STALLED), fetched
        case _:
            return Readiness.PROGRESSING, fetched


PLUGIN: ApiAgent = AzureArc()
