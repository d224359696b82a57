"""Config Sync (Google's fleets; formerly Anthos Config Management): one RepoSync per component.

Sources: kpt-config-sync 1.22 `pkg/api/configsync/v1beta1`, `pkg/core/names.go` (accounts),
`pkg/reconcilermanager/constants.go` (lengths), `pkg/parse/repository_scope.go` (namespaces),
`docs/deletion-propagation.md`. What statuses mean is in `_configsync`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from planners.model import AgentSettings, Json, Readiness
from plugins import (
    MAX_MESSAGE_LENGTH,
    Agent,
    ReportError,
    WatchedKind,
    Word,
    _configsync,
    bearer_matches,
    json_object,
    time_of,
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
from renderers.kubernetes.fields import mapping
from renderers.kubernetes.kinds import Scope, kind_of
from renderers.kubernetes.metadata import label_of

NAMESPACE = "config-management-system"
ROLE = "switchyard"
"""The role of a tenant in each of its namespaces, which its set-up creates."""
MAX_ROOT_SYNC, MAX_REPO_SYNC = 38, 45
"""Of the name of a RootSync, and of namespace and name of a RepoSync together."""

_API = "configsync.gke.io/v1beta1"
_RBAC = "rbac.authorization.k8s.io"
_GROUPS = "kpt.dev/v1alpha1"
_SYNCS = ("RepoSync", "RootSync")
_ROOT = re.compile(rf"{ROOT}((?:-[a-z0-9]+)*)")
_UNIT = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)")
_FOREGROUND = {"configsync.gke.io/deletion-propagation-policy": "Foreground"}
"""Objects go before the sync object that applied them."""
_WAIT = timedelta(minutes=1)
"""How long an apply waits for objects; a correction that is merged meanwhile waits as long."""


@dataclass(frozen=True, slots=True)
class AnthosSettings(AgentSettings):
    """Settings of Config Sync on a cluster."""

    repo_url: str = field(
        metadata={
            "description": "URL with which Config Sync clones a deploy repo; `{repo}` stands for "
            "its path, as in `https://git.example.com/{repo}.git`.",
            "pattern": r"^(https?|ssh)://[^\s{}]+\{repo\}[^\s{}]*$",
        },
    )
    branch: str = field(
        default="main", metadata={"description": "The default branch of deploy repos."}
    )
    auth: Literal["token", "ssh", "gcenode", "none"] = field(
        default="token",
        metadata={
            "description": "How Config Sync authenticates at the Git server: `token` and `ssh` "
            "need a Secret, `gcenode` uses the account of the node."
        },
    )
    git_secret: str = field(
        default="git-creds",
        metadata={
            "description": "Secret for `token` and `ssh`, in `config-management-system` and in the "
            "main namespace of each tenant."
        },
    )
    period: timedelta = field(
        default=timedelta(minutes=1),
        metadata={
            "description": "How often each component looks for a new commit.",
            "minimum": timedelta(seconds=15),
        },
    )

    @property
    def max_report_age(self) -> timedelta:
        """The cluster is read every minute, but nothing is said while a commit is being applied."""
        return 2 * self.period + timedelta(minutes=13)


@dataclass(frozen=True, slots=True)
class Anthos:
    """Clusters in which Config Sync applies the `sync` folder of the cluster."""

    name: str = "anthos"
    settings: type[AnthosSettings] = AnthosSettings
    started_jobs_are_ready: bool = True

    def refusals(self, target: Target) -> tuple[str, ...]:
        """A name that Config Sync refuses; it derives names of its own from it."""
        name = _unit_name(target)
        if target.is_tenant_setup:
            length, limit, what = len(name), MAX_ROOT_SYNC, f"the RootSync {name}"
        else:
            namespace = target.namespaces[0]
            length, limit = len(namespace) + len(name), MAX_REPO_SYNC
            what = f"the RepoSync {name} and its namespace {namespace}"
        if length <= limit:
            return ()
        reason = (
            f"the name of {what} has {length} characters; Config Sync allows {limit}: shorten the "
            f"name of the tenant, its namespace, the application or the component"
        )
        return (reason,)

    def object_refusals(
        self, target: Target, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Objects outside the tenant's main namespace: a RepoSync takes none of them (KNV1058)."""
        if target.is_tenant_setup:
            return ()
        return tuple(
            f"Config Sync cannot apply {label_of(each)} {where}: the RepoSync of a component only "
            f"takes objects of its own namespace, {target.namespaces[0]}"
            for each in objects
            if (where := _elsewhere(each, target.namespaces[0]))
        )

    def references(self, target: Target) -> Objects:
        """One RepoSync in the tenant's main namespace, and the RoleBinding of its account.

        The set-up of a tenant has a RootSync: it creates that namespace, with the rights of Config
        Sync. The RepoSync depends on the RoleBinding, so that the rights last until the objects
        are deleted.
        """
        settings = _settings(target.settings)
        git = _git(_url(target, settings), settings.branch, target.folder, settings)
        name, namespace = _unit_name(target), target.namespaces[0]
        override: dict[str, Json] = {"reconcileTimeout": _duration(_WAIT), "statusMode": "enabled"}
        if target.is_tenant_setup:
            override["namespaceStrategy"] = "explicit"
            return (_sync("RootSync", name, NAMESPACE, git, override),)
        binding = _binding(name, namespace)
        sync = _sync("RepoSync", name, namespace, git, override, depends_on=_reference(binding))
        return (binding, sync)

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """None: Config Sync makes one for each RepoSync, which `references` bind."""
        del target
        return ()

    def tenant_references(self, target: TenantTarget) -> Objects:
        """None: RepoSyncs need no more than the tenant's namespace and role."""
        del target
        return ()

    def application_references(self, target: ApplicationTarget) -> Objects:
        """None: each component has a RepoSync of its own."""
        del target
        return ()

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """The root RootSync; it makes no namespaces, which would belong to two RootSyncs then."""
        settings = _settings(target.settings)
        git = _git(target.url, target.branch, target.sync_folder, settings)
        return (
            _sync(
                "RootSync",
                root_name(target.deploy),
                NAMESPACE,
                git,
                {"namespaceStrategy": "explicit"},
            ),
        )

    def verify(self, headers: Mapping[str, str], body: bytes, key: bytes) -> bool:
        """`Authorization: Bearer <key>`: what sends reports is a shell script."""
        del body
        return bearer_matches(headers.get("authorization", ""), key)

    def report(self, speaker: str, body: bytes) -> tuple[Word, ...]:
        """Parse `{"at": <time>, "list": <a List of objects>}`, as they are in the cluster then."""
        found = json_object(body)
        items = mapping(found.get("list")).get("items")
        if not isinstance(items, list):
            raise ReportError("the report has no `list` with `items`")
        at, objects = time_of(found.get("at")), [mapping(each) for each in items]
        return tuple(replace(word, at=at) for word in self.read(speaker, objects))

    def watched(self, settings: AgentSettings) -> tuple[WatchedKind, ...]:
        """RootSyncs and RepoSyncs, and after them the ResourceGroups, which are newer then."""
        del settings
        return (
            WatchedKind(_API, "RootSync", NAMESPACE),
            WatchedKind(_API, "RepoSync", ""),
            WatchedKind(_GROUPS, "ResourceGroup", ""),
        )

    def read(self, speaker: str, objects: Iterable[Mapping[str, Json]]) -> tuple[Word, ...]:
        """The words in the status of RootSyncs, RepoSyncs and their ResourceGroups."""
        found = tuple(objects)
        groups = {
            _address(each): each
            for each in found
            if each.get("kind") == "ResourceGroup" and each.get("apiVersion") == _GROUPS
        }
        return tuple(
            word
            for each in found
            if each.get("kind") in _SYNCS and each.get("apiVersion") == _API
            for word in _words(speaker, each, groups.get(_address(each)))
        )


def account_of(namespace: str, name: str) -> str:
    """The account that Config Sync makes for a RepoSync, in its own namespace."""
    suffix = "" if name == "repo-sync" else f"-{name}-{len(name)}"
    return f"ns-reconciler-{namespace}{suffix}"


def _words(
    speaker: str, sync: Mapping[str, Json], group: Mapping[str, Json] | None
) -> Iterator[Word]:
    namespace, name = _address(sync)
    unit = _UNIT.fullmatch(name)
    root = _ROOT.fullmatch(name) if namespace == NAMESPACE else None
    at = _configsync.newest_time(sync, group)
    if (unit is None and root is None) or at is None:
        return
    said = _configsync.sync_statement(sync)
    if said is not None and said.readiness is Readiness.READY and root is None:
        said = _configsync.group_statement(group, said.revision)
    if said is None:
        return
    message = said.message[:MAX_MESSAGE_LENGTH]
    if unit is not None:
        yield Word(speaker, unit[1], unit[2], said.revision, said.readiness, message, at)
    elif root is not None:
        if said.readiness is Readiness.STALLED:
            message = f"cannot apply its sync folder: {message}"[:MAX_MESSAGE_LENGTH]
        yield Word(speaker, "", f"RootSync{root[1]}", "", said.readiness, message, at)


def _elsewhere(item: Mapping[str, Json], namespace: str) -> str:
    """Where an object is, unless it is in the namespace."""
    if kind_of(item).scope is Scope.CLUSTER:
        return "for the whole cluster"
    there, _ = _address(item)
    return "" if there in ("", namespace) else f"in the namespace {there}"


def _settings(settings: AgentSettings) -> AnthosSettings:
    assert isinstance(settings, AnthosSettings)
    return settings


def _unit_name(target: Target) -> str:
    return f"{target.application}.{target.component}"


def _url(target: Target, settings: AnthosSettings) -> str:
    return settings.repo_url.replace("{repo}", target.deploy.path)


def _git(url: str, branch: str, folder: str, settings: AnthosSettings) -> dict[str, Json]:
    git: dict[str, Json] = {
        "repo": url,
        "branch": branch,
        "dir": folder,
        "period": _duration(settings.period),
        "auth": settings.auth,
    }
    if settings.auth in ("token", "ssh"):
        git["secretRef"] = {"name": settings.git_secret}
    return git


def _duration(span: timedelta) -> str:
    """As Go prints it: Config Sync writes the object back so, which would be drift otherwise."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, rest = divmod(minutes, 60)
    if hours:
        return f"{hours}h{rest}m{seconds}s"
    return f"{rest}m{seconds}s" if rest else f"{seconds}s"


def _sync(
    kind: str,
    name: str,
    namespace: str,
    git: dict[str, Json],
    override: dict[str, Json],
    *,
    depends_on: str = "",
) -> dict[str, Json]:
    annotations: dict[str, Json] = {**_FOREGROUND}
    if depends_on:
        annotations["config.kubernetes.io/depends-on"] = depends_on
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"sourceFormat": "unstructured", "git": git, "override": override},
    }


def _binding(name: str, namespace: str) -> dict[str, Json]:
    """The rights of the tenant for the account of a RepoSync, in its own namespace only."""
    account: Json = {
        "kind": "ServiceAccount",
        "name": account_of(namespace, name),
        "namespace": NAMESPACE,
    }
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"switchyard.{name}", "namespace": namespace},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": ROLE},
        "subjects": [account],
    }


def _reference(binding: dict[str, Json]) -> str:
    namespace, name = _address(binding)
    return f"{_RBAC}/namespaces/{namespace}/RoleBinding/{name}"


def _address(item: Mapping[str, Json]) -> tuple[str, str]:
    """The namespace and name of an object; empty where they are none."""
    metadata = mapping(item.get("metadata"))
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return (
        namespace if isinstance(namespace, str) else "",
        name if isinstance(name, str) else "",
    )


PLUGIN: Agent = Anthos()
