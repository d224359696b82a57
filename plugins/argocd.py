"""Argo CD, in each cluster or on a hub: one Application per component, one AppProject per tenant.

Sources: argo-cd 3.6 `pkg/apis/application/v1alpha1/types.go`, `controller/*.go` and
`notification_controller/controller`; notifications-engine `pkg/{triggers,services}`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import AgentSettings, Json, Readiness, Repo
from plugins import (
    MAX_MESSAGE_LENGTH,
    Agent,
    ReportError,
    WatchedKind,
    Word,
    _argocd,
    bearer_matches,
    json_object,
)
from renderers.agents import (
    ROOT,
    Account,
    ApplicationTarget,
    ClusterTarget,
    Objects,
    Target,
    TenantTarget,
    root_name,
)

ACCOUNT = "switchyard"
LOCAL_SERVER = "https://kubernetes.default.svc"
CONTROLLER = "argocd-application-controller"
MANAGER = "kube-system:argocd-manager"
"""The account that `argocd cluster add` creates on a cluster for the hub."""
FINALIZER = "resources-finalizer.argocd.argoproj.io"
"""Objects go with their Application; an AppProject stays while an Application names it."""
SUBSCRIPTION = "notifications.argoproj.io/subscribe.switchyard.switchyard"
MAX_LABEL = 63

_API = "argoproj.io/v1alpha1"
_UNIT = re.compile(r"(?:([a-z0-9-]+)\.)?([a-z0-9-]+)\.([a-z0-9-]+)")
_ROOT = re.compile(rf"{ROOT}((?:-[a-z0-9]+)+)(?:\.([a-z0-9-]+))?")
_TRIGGER = """\
- when: app.status?.reconciledAt != nil
  oncePer: >-
    string(app.status.health?.status) + ' ' + string(app.status.health?.lastTransitionTime) + ' ' +
    string(app.status.sync?.status) + ' ' + string(app.status.operationState?.phase) + ' ' +
    string(app.status.operationState?.startedAt) + ' ' +
    join(map(app.status.conditions ?? [], {#.type}), ',') + ' ' +
    string(app.status.operationState?.finishedAt != nil and
    time.Parse(app.status.operationState.finishedAt).Add(1 * time.Minute)
    .Before(time.Parse(app.status.reconciledAt)))
  send: [switchyard]
- when: >-
    app.status?.reconciledAt != nil and app.status.sync?.status == 'Synced' and
    none(app.status.conditions ?? [], {#.type endsWith 'Error'})
  send: [switchyard]
- when: app.status?.reconciledAt != nil and int(app.status.reconciledAt[14:16]) % 10 < 5
  send: [switchyard]
"""
"""Fires on each change of health, sync, operation or conditions, when a sync is a minute old, when
a trouble is over, and once in ten minutes. `oncePer` remembers a state for ever, so that the return
to it after an error of a comparison is not new; a `when` without it fires whenever it becomes true.
The last one does in each ten minutes, since Argo CD compares every 3 minutes.
"""
_TEMPLATE = """\
webhook:
  switchyard:
    method: POST
    body: |
      {{- $state := dig "status" "operationState" dict .app }}
      {"metadata": {"name": {{ toJson .app.metadata.name }}},
       "operation": {{ hasKey .app "operation" }},
       "status": {
         "sync": {{ pick .app.status.sync "status" "revision" | toJson }},
         "health": {{ toJson .app.status.health }},
         "reconciledAt": {{ toJson .app.status.reconciledAt }},
         "conditions": {{ dig "status" "conditions" list .app | toJson }},
         "operationState": {{ set
           (pick $state "phase" "message" "startedAt" "finishedAt")
           "syncResult" (pick (dig "syncResult" dict $state) "revision") | toJson }}}}
"""
"""The parts of an Application that say whether it is ready, in its own form."""


@dataclass(frozen=True, slots=True)
class ArgoCDSettings(AgentSettings):
    """Settings of Argo CD for a cluster."""

    repo_url: str = field(
        metadata={
            "description": "URL with which Argo CD clones a deploy repo; `{repo}` stands for its "
            "path, as in `https://git.example.com/{repo}.git`.",
            "pattern": r"^(https?|ssh)://[^\s{}]+\{repo\}[^\s{}]*$",
        },
    )
    namespace: str = field(default="argocd", metadata={"description": "The namespace of Argo CD."})
    hub: str = field(
        default="",
        metadata={
            "description": "The cluster whose Argo CD manages this one. Default: it has its own."
        },
    )
    destination: str = field(
        default="",
        metadata={
            "description": "The name of this cluster in Argo CD. Default: the name that it has "
            "here on a hub, else the cluster itself by its address."
        },
    )
    tracks_by_label: bool = field(
        default=False,
        metadata={
            "description": "Whether `application.resourceTrackingMethod` of Argo CD is `label`, "
            "which limits names."
        },
    )

    @property
    def speaker(self) -> str:
        """The hub, if there is one."""
        return self.hub


@dataclass(frozen=True, slots=True)
class ArgoCD:
    """Clusters in which their own Argo CD, or that of a hub, applies the `sync` folder."""

    name: str = "argocd"
    settings: type[ArgoCDSettings] = ArgoCDSettings

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that Argo CD could not write on the objects as a label, or that of a root."""
        settings = _settings(target.settings)
        if target.application.startswith(f"{ROOT}-"):
            reason = f"the prefix {ROOT}- of Applications is that of deploy repos; rename it"
            return (reason,)
        name = _application_name(target, settings)
        if not settings.tracks_by_label or len(name) <= MAX_LABEL:
            return ()
        reason = (
            f"Argo CD labels objects with the name of their Application, {name}, which has "
            f"{len(name)} characters of at most {MAX_LABEL}: shorten the names, or let Argo CD "
            f"track objects by annotation"
        )
        return (reason,)

    def references(self, target: Target) -> Objects:
        """One Application, in the project of its tenant.

        The set-up of a tenant creates that project, and is applied with the rights of Argo CD.
        """
        settings = _settings(target.settings)
        project = ROOT if target.is_tenant_setup else _tenant_project(target.tenant)
        application = _object(
            "Application",
            _application_name(target, settings),
            settings,
            {
                "project": _scoped(project, target.cluster, settings),
                "source": _source(
                    _url(target.deploy, settings), "HEAD", target.folder, recurse=False
                ),
                "destination": {
                    **_destination(target.cluster, settings),
                    "namespace": target.namespaces[0],
                },
                "syncPolicy": _SYNC_POLICY,
            },
            annotations={
                "argocd.argoproj.io/compare-options": "ServerSideDiff=true",
                "argocd.argoproj.io/manifest-generate-paths": ".",
                SUBSCRIPTION: "",
            },
            finalizers=[FINALIZER],
        )
        return (
            (_project(target, settings), application) if target.is_tenant_setup else (application,)
        )

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """One account, in the tenant's main namespace; Argo CD impersonates it."""
        return (Account(target.namespaces[0], ACCOUNT),)

    def tenant_references(self, target: TenantTarget) -> Objects:
        """None: an AppProject is beside the Applications, which may be on a hub."""
        del target
        return ()

    def application_references(self, target: ApplicationTarget) -> Objects:
        """None: each component has an Application of its own."""
        del target
        return ()

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """The root Application and its project, and what Argo CD sends to Switchyard."""
        settings = _settings(target.settings)
        root: dict[str, Json] = {
            "project": _scoped(ROOT, target.cluster, settings),
            "source": _source(target.url, target.branch, target.sync_folder, recurse=True),
            "destination": {"server": LOCAL_SERVER, "namespace": settings.namespace},
            "syncPolicy": _SYNC_POLICY,
        }
        name = _scoped(root_name(target.deploy), target.cluster, settings)
        return (
            _root_project(target, settings),
            _object("Application", name, settings, root, annotations={SUBSCRIPTION: ""}),
            _notifications(target.report_url, settings),
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`Authorization: Bearer <key>`: the webhooks of notifications cannot sign."""
        del body
        return bearer_matches(headers.get("authorization", ""), key)

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse a notification; empty if its Application is not one of Switchyard."""
        item = json_object(body)
        if not isinstance(item.get("metadata"), dict) or not isinstance(item.get("status"), dict):
            raise ReportError("the notification has no metadata or no status of an Application")
        return tuple(_words_of(speaker, item))

    def watched(self, settings: AgentSettings) -> tuple[WatchedKind, ...]:
        """Applications, which are all in the namespace of Argo CD."""
        return (WatchedKind(_API, "Application", _settings(settings).namespace),)

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in the status of Applications."""
        return tuple(
            word
            for item in objects
            if item.get("kind") == "Application" and item.get("apiVersion") == _API
            for word in _words_of(speaker, item)
        )


_SYNC_POLICY: dict[str, Json] = {
    "automated": {"allowEmpty": True, "prune": True, "selfHeal": True},
    "retry": {
        "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"},
        "limit": 5,
        "refresh": True,
    },
    "syncOptions": ["CreateNamespace=false", "ServerSideApply=true"],
}
"""A failed sync is tried again at the newest commit, so that a correction is not held up by it."""


def _settings(settings: AgentSettings) -> ArgoCDSettings:
    assert isinstance(settings, ArgoCDSettings)
    return settings


def _application_name(target: Target, settings: ArgoCDSettings) -> str:
    cluster = f"{target.cluster}." if settings.hub else ""
    return f"{cluster}{target.application}.{target.component}"


def _tenant_project(tenant: str) -> str:
    return f"{ROOT}-{tenant}"


def _url(deploy: Repo, settings: ArgoCDSettings) -> str:
    return settings.repo_url.replace("{repo}", deploy.path)


def _scoped(project: str, cluster: str, settings: ArgoCDSettings) -> str:
    """A project reaches one cluster only."""
    return f"{project}.{cluster}" if settings.hub else project


def _destination(cluster: str, settings: ArgoCDSettings) -> dict[str, Json]:
    name = settings.destination or (cluster if settings.hub else "")
    return {"name": name} if name else {"server": LOCAL_SERVER}


def _source(url: str, branch: str, folder: str, *, recurse: bool) -> dict[str, Json]:
    """Without an empty `directory`, which Argo CD removes and then misses (3.2, measured).

    The parent Application would be OutOfSync and synchronise for ever.
    """
    where: dict[str, Json] = {"repoURL": url, "targetRevision": branch, "path": folder}
    return {**where, "directory": {"recurse": True}} if recurse else where


def _object(
    kind: str, name: str, settings: ArgoCDSettings, spec: dict[str, Json], **metadata: Json
) -> dict[str, Json]:
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": name, "namespace": settings.namespace, **metadata},
        "spec": spec,
    }


def _project(target: Target, settings: ArgoCDSettings) -> dict[str, Json]:
    """What a tenant's Applications may reach, and as whom where impersonation is enabled."""
    destination = _destination(target.cluster, settings)
    account = f"{target.namespaces[0]}:{ACCOUNT}"
    deploys = {target.deploy, *target.other_deploys}
    spec: dict[str, Json] = {
        "description": f"Tenant {target.tenant} on {target.cluster}",
        "sourceRepos": [*sorted(_url(each, settings) for each in deploys)],
        "destinations": [{**destination, "namespace": each} for each in target.namespaces],
        "destinationServiceAccounts": [
            {"server": "*", "namespace": each, "defaultServiceAccount": account}
            for each in target.namespaces
        ],
        "clusterResourceWhitelist": [],
    }
    name = _scoped(_tenant_project(target.tenant), target.cluster, settings)
    return _object("AppProject", name, settings, spec, finalizers=[FINALIZER])


def _root_project(target: ClusterTarget, settings: ArgoCDSettings) -> dict[str, Json]:
    """The project of the root Application and of the set-ups of tenants."""
    own = f"{settings.namespace}:{CONTROLLER}"
    local: dict[str, Json] = {"server": LOCAL_SERVER, "namespace": settings.namespace}
    every: dict[str, Json] = {"server": "*", "namespace": "*"}
    account = MANAGER if settings.hub else own
    spec: dict[str, Json] = {
        "description": f"Switchyard on {target.cluster}",
        "sourceRepos": [target.url, settings.repo_url.replace("{repo}", "**")],
        "destinations": [
            local,
            {**_destination(target.cluster, settings), "namespace": "*"},
        ],
        "destinationServiceAccounts": [
            {**local, "defaultServiceAccount": own},
            {**every, "defaultServiceAccount": account},
        ],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    }
    return _object("AppProject", _scoped(ROOT, target.cluster, settings), settings, spec)


def _notifications(report_url: str, settings: ArgoCDSettings) -> dict[str, Json]:
    """The settings of notifications; server-side apply adds them to those that are there."""
    service = (
        f"url: {report_url}\n"
        "headers:\n"
        "  - name: Authorization\n"
        "    value: Bearer $switchyard-report-key\n"
        "  - name: Content-Type\n"
        "    value: application/json\n"
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-notifications-cm", "namespace": settings.namespace},
        "data": {
            "service.webhook.switchyard": service,
            "template.switchyard": _TEMPLATE,
            "trigger.switchyard": _TRIGGER,
        },
    }


def _words_of(speaker: str, item: Mapping[str, Json]) -> Iterator[Word]:
    name = _argocd.text(_argocd.mapping(item.get("metadata")).get("name"))
    root, unit = _ROOT.fullmatch(name), _UNIT.fullmatch(name)
    status = _argocd.status_of(item)
    if (root is None and unit is None) or status.at is None:
        return
    readiness, message = _argocd.readiness_of(status)
    message = message[:MAX_MESSAGE_LENGTH]
    if root is not None:
        if readiness in (Readiness.STALLED, Readiness.READY):
            trouble = f"cannot apply its sync folder: {message}"[:MAX_MESSAGE_LENGTH]
            told = trouble if readiness is Readiness.STALLED else ""
            part = f"Application{root[1]}"
            yield Word(root[2] or speaker, "", part, "", readiness, told, status.at)
        return
    assert unit is not None
    revision = _argocd.revision_of(status, readiness)
    if revision or readiness is Readiness.STALLED:
        cluster = unit[1] or speaker
        yield Word(cluster, unit[2], unit[3], revision, readiness, message, status.at)


PLUGIN: Agent = ArgoCD()
