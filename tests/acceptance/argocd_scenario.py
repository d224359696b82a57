"""Argo CD applies, fails, recovers, is contained by its project, and removes; every word is kept.

The Application and its AppProject are as one per component and tenant would be. The repository is
one of the scenario's own, so that each step changes only what it is about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml as plain_yaml

from bot.sandbox.demo.site import BOT
from tests.acceptance.argocd import NAMESPACE, Argo
from tests.acceptance.cluster import Cluster
from tests.acceptance.rig import Rig
from tests.acceptance.rollouts import ScenarioError
from tests.acceptance.site import app_files

REPOSITORY, FOLDER, APPLICATION = "fleet/argocd", "currency", "states.currency"
NAMESPACE_OF_OBJECTS = "states"
SECONDS = 180
DEADLINE_SECONDS = 20
PROJECT = f"""\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{name: states, namespace: {NAMESPACE}}}
spec:
  sourceRepos: ["*"]
  destinations: [{{server: https://kubernetes.default.svc, namespace: {NAMESPACE_OF_OBJECTS}}}]
  destinationServiceAccounts:
    - server: "*"
      namespace: "*"
      defaultServiceAccount: {NAMESPACE}:argocd-application-controller
  clusterResourceWhitelist: []
"""
OUTSIDE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: outside, namespace: kube-system}
data: {written-by: shop}
"""
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """What is pushed, and the state that the Application must reach at that revision."""

    name: str
    files: Mapping[str, bytes | None]
    reached: Callable[[State, str], bool]


@dataclass(slots=True)
class Conversation:
    """The states of the Application, in the order in which they were seen."""

    argo: Argo
    rig: Rig
    states: list[dict[str, Any]]

    def wait(self, step: Step, head: str) -> State:
        """Poll until a step's state is reached, and keep every different one on the way."""

        def look() -> State | None:
            found = self.argo.application(APPLICATION)
            status: State = found.get("status", {})
            if not self.states or self.states[-1]["status"] != status:
                self.states.append({"step": step.name, "status": status})
            return found if step.reached(status, head) else None

        try:
            return self.rig.processes.wait(step.name, look, SECONDS)
        except RuntimeError as error:
            raise ScenarioError(f"{error}\n{_brief(self.states[-1]['status'])}") from error


def run_argocd(rig: Rig) -> str:
    """Run all steps; returns what was seen, and leaves the states in the rig."""
    argo, url = rig.argo, _make_repository(rig)
    conversation = Conversation(argo, rig, rig.states)
    steps = _steps()
    for step in steps:
        revision = rig.service.person("otto").push(REPOSITORY, "main", step.files, step.name)
        if not conversation.states:
            argo.cluster.kubectl("create", "namespace", NAMESPACE_OF_OBJECTS)
            argo.cluster.apply(PROJECT)
            argo.cluster.apply(plain_yaml.safe_dump(_application(url)))
        conversation.wait(step, revision)
    _check_containment(argo.cluster)
    argo.cluster.kubectl(
        "delete", "applications.argoproj.io", APPLICATION, f"--namespace={NAMESPACE}", "--wait"
    )
    left = argo.cluster.items("deployments", f"--namespace={NAMESPACE_OF_OBJECTS}")
    if left:
        raise ScenarioError(f"{len(left)} Deployments are left after the Application's removal")
    return ", ".join([*(step.name for step in steps), "removed"])


def _make_repository(rig: Rig) -> str:
    roles = {"otto": "admin", "ada": "read", "rita": "read", BOT: "read"}
    rig.service.site.made.forge.create_repository(REPOSITORY, roles, description="")
    url = f"{rig.service.site.url}/{REPOSITORY}.git"
    otto = rig.service.person("otto")
    rig.argo.add_repository(url, otto.login, otto.token)
    return url


def _steps() -> tuple["Step", ...]:
    prefix = "deploy/currency/"
    good: dict[str, bytes | None] = {
        f"{FOLDER}/{path.removeprefix(prefix)}": content
        for path, content in app_files().items()
        if path.startswith(prefix)
    }
    path = f"{FOLDER}/deployment.yaml"
    hurried = app_files()[f"{prefix}deployment.yaml"].replace(
        b"spec:\n  replicas",
        f"spec:\n  progressDeadlineSeconds: {DEADLINE_SECONDS}\n  replicas".encode(),
    )
    good[path] = hurried
    broken = hurried.replace(b":1.1.0", b":missing")
    outside = {f"{FOLDER}/outside.yaml": OUTSIDE.encode()}
    return (
        Step("Healthy at the pushed revision", good, _is_healthy),
        Step("Degraded with an image that does not exist", {path: broken}, _is_degraded),
        Step("Healthy again after a revert", {path: hurried}, _is_healthy),
        Step("refused outside of the project's namespaces", outside, _is_refused),
    )


def _is_healthy(status: State, head: str) -> bool:
    return _synced(status) == head and _health(status) == "Healthy"


def _is_degraded(status: State, head: str) -> bool:
    return _synced(status) == head and _health(status) == "Degraded"


def _is_refused(status: State, head: str) -> bool:
    at_head = status.get("sync", {}).get("revision") == head
    return bool(at_head and status.get("operationState", {}).get("phase") == "Failed")


def _health(status: State) -> str:
    return str(status.get("health", {}).get("status", ""))


def _synced(status: State) -> str:
    """The revision of the last successful sync, if the cluster is at it."""
    operation = status.get("operationState", {})
    if status.get("sync", {}).get("status") != "Synced" or operation.get("phase") != "Succeeded":
        return ""
    return str(operation.get("syncResult", {}).get("revision", ""))


def _check_containment(cluster: Cluster) -> None:
    maps = cluster.items("configmaps", "--namespace=kube-system")
    if "outside" in {each["metadata"]["name"] for each in maps}:
        raise ScenarioError("a ConfigMap outside of the project's namespaces was made")


def _application(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": APPLICATION,
            "namespace": NAMESPACE,
            "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        },
        "spec": {
            "project": "states",
            "source": {
                "repoURL": url,
                "targetRevision": "main",
                "path": FOLDER,
            },
            "destination": {
                "server": "https://kubernetes.default.svc",
                "namespace": NAMESPACE_OF_OBJECTS,
            },
            "syncPolicy": {
                "automated": {"enabled": True, "prune": True, "selfHeal": True},
                "retry": {"limit": 1, "backoff": {"duration": "5s"}},
                "syncOptions": ["ServerSideApply=true", "FailOnSharedResource=true"],
            },
        },
    }


def _brief(status: State) -> str:
    operation = status.get("operationState", {})
    return (
        f"sync {status.get('sync', {}).get('status')}, health {status.get('health')}, "
        f"operation {operation.get('phase')}: {operation.get('message')}, "
        f"conditions {status.get('conditions')}"
    )
