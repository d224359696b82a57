"""Flux in a cluster as the extension `microsoft.flux` runs it: pulls, applies, prunes, tells ARM.

Behaviours, with their sources:

- a fluxConfiguration becomes the GitRepository `<name>` and a Kustomization `<name>-<key>` for each
  of its kustomizations, all in its namespace (Azure documentation, "GitOps Flux v2 configurations
  with AKS and Azure Arc-enabled Kubernetes", "Flux configurations");
- multi-tenancy is enforced: sources of other namespaces are refused, and what names no account is
  applied as `flux-applier` of its own namespace; with scope `cluster` that is an administrator,
  with scope `namespace` it may write in its namespace only (the same page, "Multi-tenancy");
- a Kustomization's account is looked up in the Kustomization's own namespace (kustomize-controller,
  `internal/controller/kustomization_controller.go`);
- what a Kustomization applied before and does not contain any more is deleted where `prune` says
  so, and with a Kustomization goes what it applied (kustomize-controller, finalizer);
- `statuses` lists the configuration's own Flux objects and those that these apply, the latter with
  `appliedBy`; the revision stands in the message alone (REST API specifications, example
  `GetFluxConfiguration.json`, there with the older form `master/<commit>`);
- an attempt sets Ready to Unknown with reason Progressing, and its end to True or False: that is a
  transition each time (fluxcd/pkg, `runtime/conditions`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from renderers import yaml

APPLIER = "flux-applier"
CLUSTER_SCOPED = frozenset({"ClusterRole", "ClusterRoleBinding", "Namespace"})

Identity = tuple[str, str, str]
"""Kind, namespace and name of an object."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A commit of a branch, and its files."""

    commit: str
    files: Mapping[str, bytes]


@dataclass(slots=True)
class Kustomization:
    """One in the cluster; `inventory` is what it applied."""

    name: str
    namespace: str
    path: str
    prune: bool
    source: str
    account: str
    configuration: str
    applied_by: Identity | None = None
    inventory: dict[Identity, dict[str, Any]] = field(default_factory=dict)
    attempted: str = ""
    since: datetime | None = None
    error: tuple[str, str] | None = None

    @property
    def identity(self) -> Identity:
        return ("Kustomization", self.namespace, self.name)


@dataclass(slots=True)
class ClusterFlux:
    """The Flux of one cluster; `failing` names Kustomizations whose objects do not become ready.

    `pull` gives a branch of a repository, or None where it cannot be fetched. A `silent` cluster
    does not reach Azure.
    """

    pull: Callable[[str, str], Pulled | None]
    apply_time: timedelta = timedelta(seconds=2)
    failing: set[str] = field(default_factory=set)
    silent: bool = False
    kustomizations: dict[Identity, Kustomization] = field(default_factory=dict)

    @property
    def objects(self) -> set[Identity]:
        """Everything that is applied in the cluster."""
        return {each for one in self.kustomizations.values() for each in one.inventory}

    def step(
        self, now: datetime, configurations: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """Reconcile all configurations; returns what each has to tell ARM."""
        pulled = {
            name: self.pull(
                each["gitRepository"]["url"], each["gitRepository"]["repositoryRef"]["branch"]
            )
            for name, each in configurations.items()
        }
        wanted = {each.identity for each in self._own(configurations)}
        for one in list(self.kustomizations.values()):
            if one.applied_by is None and one.identity not in wanted:
                self._delete(one)
        for one in self._own(configurations):
            known = self.kustomizations.setdefault(one.identity, one)
            known.path, known.prune = one.path, one.prune
        for _ in range(2):  # the second time, what the first has applied
            for one in list(self.kustomizations.values()):
                source, scope = pulled.get(one.source), configurations.get(one.source)
                if source is not None and scope is not None:
                    self._reconcile(one, source, scope, now)
        if self.silent:
            return {}
        return {
            name: self._told(name, each, pulled[name], now) for name, each in configurations.items()
        }

    def _own(self, configurations: Mapping[str, dict[str, Any]]) -> Iterator[Kustomization]:
        for name, each in configurations.items():
            for key, told in (each.get("kustomizations") or {}).items():
                yield Kustomization(
                    f"{name}-{key}",
                    each["namespace"],
                    told.get("path", ""),
                    bool(told.get("prune")),
                    name,
                    APPLIER,
                    name,
                )

    def _reconcile(
        self, one: Kustomization, source: Pulled, configuration: Mapping[str, Any], now: datetime
    ) -> None:
        if one.identity not in self.kustomizations:
            return
        found = dict(_objects(source.files, one.path, one.namespace))
        if one.attempted == source.commit and one.error is None:
            return
        error = self._refusal(one, found, configuration)
        if one.attempted != source.commit or one.error != error:
            changed = found != one.inventory or one.error != error or one.since is None
            one.attempted, one.error = source.commit, error
            one.since = now if changed else one.since
        if error is not None:
            return
        for gone in one.inventory.keys() - found.keys() if one.prune else ():
            if gone in self.kustomizations:
                self._delete(self.kustomizations[gone])
        one.inventory = found if one.prune else {**one.inventory, **found}
        for identity, item in found.items():
            if identity[0] == "Kustomization":
                self._take(one, identity, item["spec"])

    def _take(self, parent: Kustomization, identity: Identity, spec: Mapping[str, Any]) -> None:
        _, namespace, name = identity
        child = self.kustomizations.setdefault(
            identity,
            Kustomization(
                name, namespace, "", False, "", "", parent.configuration, parent.identity
            ),
        )
        child.path, child.prune = spec["path"], spec["prune"]
        child.source = spec["sourceRef"]["name"]
        child.account = spec.get("serviceAccountName", APPLIER)

    def _refusal(
        self,
        one: Kustomization,
        found: Mapping[Identity, object],
        configuration: Mapping[str, Any],
    ) -> tuple[str, str] | None:
        """Reason and message of a failure before anything is applied."""
        if not found:
            return "ArtifactFailed", f"kustomization path not found: stat {one.path}"
        applier = one.account == APPLIER and one.namespace == configuration["namespace"]
        known = ("ServiceAccount", one.namespace, one.account) in self.objects
        user = f"system:serviceaccount:{one.namespace}:{one.account}"
        for kind, namespace, name in found:
            inside = kind not in CLUSTER_SCOPED and namespace == one.namespace
            allowed = known or (applier and (configuration["scope"] == "cluster" or inside))
            if not allowed:
                message = (
                    f"{kind}/{namespace}/{name} dry-run failed (Forbidden): {user} cannot patch"
                )
                return "ReconciliationFailed", message
        return None

    def _delete(self, one: Kustomization) -> None:
        del self.kustomizations[one.identity]
        for each in one.inventory if one.prune else ():
            if each in self.kustomizations:
                self._delete(self.kustomizations[each])

    def _told(
        self, name: str, configuration: Mapping[str, Any], pulled: Pulled | None, now: datetime
    ) -> dict[str, Any]:
        """What the extension's agent writes into the configuration's properties."""
        branch = configuration["gitRepository"]["repositoryRef"]["branch"]
        ready = (
            ("True", "Succeeded", f"stored artifact for revision '{branch}@sha1:{pulled.commit}'")
            if pulled
            else ("False", "GitOperationFailed", "failed to checkout: repository not found")
        )
        statuses = [_status(("GitRepository", configuration["namespace"], name), None, ready, now)]
        for one in self.kustomizations.values():
            if one.configuration == name:
                since = one.since or now
                statuses.append(
                    _status(
                        one.identity,
                        one.applied_by,
                        self._ready(one, branch, now),
                        since if one.error else max(since, min(now, since + self.apply_time)),
                    )
                )
        states = {each["complianceState"] for each in statuses}
        told = {
            "statuses": statuses,
            "statusUpdatedAt": _time(now),
            "complianceState": next(
                (each for each in ("Non-Compliant", "Pending") if each in states), "Compliant"
            ),
        }
        if pulled is not None:
            told |= {
                "sourceSyncedCommitId": f"{branch}@sha1:{pulled.commit}",
                "sourceUpdatedAt": _time(now),
            }
        return told

    def _ready(self, one: Kustomization, branch: str, now: datetime) -> tuple[str, str, str]:
        if one.error is not None:
            return ("False", *one.error)
        if one.since is None or now < one.since + self.apply_time:
            return "Unknown", "Progressing", "Reconciliation in progress"
        if one.name in self.failing:
            message = "health check failed after 5m0s: timeout waiting for: [Deployment/web]"
            return "False", "HealthCheckFailed", message
        message = f"Applied revision: {branch}@sha1:{one.attempted}"
        return "True", "ReconciliationSucceeded", message


def _status(
    identity: Identity,
    applied_by: Identity | None,
    ready: tuple[str, str, str],
    since: datetime,
) -> dict[str, Any]:
    kind, namespace, name = identity
    status, reason, message = ready
    return {
        "name": name,
        "namespace": namespace,
        "kind": kind,
        "complianceState": {"True": "Compliant", "False": "Non-Compliant"}.get(status, "Pending"),
        "appliedBy": applied_by and {"name": applied_by[2], "namespace": applied_by[1]},
        "statusConditions": [
            {
                "type": "Ready",
                "status": status,
                "reason": reason,
                "message": message,
                "lastTransitionTime": _time(since),
            }
        ],
    }


def _objects(
    files: Mapping[str, bytes], path: str, namespace: str
) -> Iterator[tuple[Identity, dict[str, Any]]]:
    folder = path.removeprefix("./").rstrip("/") + "/"
    for name in sorted(files):
        if name.startswith(folder) and name.endswith(".yaml"):
            for document in yaml.load_documents(files[name]):
                item: Any = document.value
                metadata = item["metadata"]
                where = metadata.get("namespace", namespace)
                yield (item["kind"], where, metadata["name"]), item


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
