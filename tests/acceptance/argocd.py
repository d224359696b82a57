"""Argo CD in one cluster: application controller, repo server, notifications, and a real Redis."""

import json
import shutil
from dataclasses import dataclass
from typing import Any

import yaml as plain_yaml

from tests.acceptance.cluster import Cluster, Item
from tests.acceptance.processes import RigError, free_ports

NAMESPACE = "argocd"
REPORT_KEY = "switchyard-report-key"
MODULE = "github.com/argoproj/argo-cd/v3"
CONFIGURATION = {
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
}
"""What of Argo CD's own manifests is applied; its programs do not run in pods here."""
SETTINGS = "argocd-cm"
SPECIAL_SETTINGS = {
    "application.sync.impersonation.enabled": "true",
    "timeout.reconciliation": "10s",
    "timeout.reconciliation.jitter": "0s",
}
"""Impersonation as the guide recommends it; the rest, so that the rig does not wait."""
_VOLATILE = ("resources", "history", "sourceHydrator", "summary", "controllerNamespace")


@dataclass(frozen=True, slots=True)
class Argo:
    """Argo CD on one cluster, which manages that cluster only."""

    cluster: Cluster

    def start(self) -> None:
        """Install the CRDs and the configuration, and start the programs."""
        if shutil.which("redis-server") is None:
            raise RigError("redis-server is not on PATH (Debian: package redis-server)")
        definitions, *others = self.cluster.programs.data[MODULE]
        for file in sorted(definitions.glob("*-crd.yaml")):
            self.cluster.apply(file.read_text())
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        for file in sorted(path for folder in others for path in folder.glob("argocd-*.yaml")):
            item = plain_yaml.safe_load(file.read_text())
            if item["kind"] in CONFIGURATION:
                self._configure(item)
        self._start_programs()

    def _configure(self, item: Item) -> None:
        if item["metadata"]["name"] == SETTINGS:
            item["data"] |= SPECIAL_SETTINGS
        if not item["kind"].startswith("Cluster"):
            item["metadata"]["namespace"] = NAMESPACE
        self.cluster.apply(plain_yaml.safe_dump(item))

    def _start_programs(self) -> None:
        redis, repo, *metrics = free_ports(5)
        folder = self.cluster.folder / "argocd"
        folder.mkdir()
        self.cluster.processes.start(
            f"{self.cluster.name}.redis",
            ["redis-server", "--bind", "127.0.0.1", "--port", str(redis), "--save", ""],
        )
        server = (f"--redis=127.0.0.1:{redis}", "--repo-server-plaintext")
        self._run(
            "repo-server",
            "--disable-tls",
            "--address=127.0.0.1",
            f"--port={repo}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={metrics[0]}",
            f"--redis=127.0.0.1:{redis}",
        )
        self._run(
            "application-controller",
            f"--namespace={NAMESPACE}",
            f"--repo-server=127.0.0.1:{repo}",
            f"--metrics-port={metrics[1]}",
            *server,
            account="argocd-application-controller",
        )
        self._run(
            "notifications",
            f"--namespace={NAMESPACE}",
            f"--argocd-repo-server=127.0.0.1:{repo}",
            "--argocd-repo-server-plaintext",
            f"--metrics-port={metrics[2]}",
            account="argocd-notifications-controller",
        )

    def _run(self, name: str, *flags: str, account: str = "") -> None:
        config = self.cluster.folder / f"{name}.kubeconfig"
        if account:
            token = self.cluster.kubectl(
                "create", "token", account, f"--namespace={NAMESPACE}", "--duration=12h"
            )
            config = self.cluster.kubeconfig(name, token.strip())
        program = self.cluster.programs["argocd"]
        folder = self.cluster.folder / "argocd"
        environment = {
            "ARGOCD_BINARY_NAME": f"argocd-{name}",
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_RECONCILIATION_TIMEOUT": "10s",
            "ARGOCD_RECONCILIATION_JITTER": "0s",
            "ARGOCD_ASK_PASS_SOCK": str(folder / "ask-pass.sock"),
            "KUBECONFIG": str(config),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": f"{program.rpartition('/')[0]}:/usr/local/bin:/usr/bin:/bin",
        }
        self.cluster.processes.start(
            f"{self.cluster.name}.argocd-{name}", [program, *flags], environment
        )

    def connect(self, objects: list[Item], report_key: str, login: str, token: str) -> None:
        """Apply the objects of the guide, with the token of the cluster's reports."""
        self._configure(_secret("argocd-notifications-secret", {REPORT_KEY: report_key}))
        (root,) = (each for each in objects if each["kind"] == "Application")
        self.add_repository(root["spec"]["source"]["repoURL"], login, token)
        self.cluster.apply(plain_yaml.safe_dump_all(objects))

    def conditions(self) -> list[str]:
        """What keeps Applications from being Synced and Healthy, as lines."""
        lines = []
        for item in self.cluster.items("applications.argoproj.io"):
            status = item.get("status", {})
            if status.get("health", {}).get("status") == "Healthy" and (
                status.get("sync", {}).get("status") == "Synced"
            ):
                continue
            said = (
                f"{status.get('sync', {}).get('status')}, "
                f"{status.get('health', {}).get('status')}, "
                f"{status.get('operationState', {}).get('message', '')} "
                f"{[each['message'] for each in status.get('conditions', ())]}"
            )
            lines.append(f"{self.cluster.name} {item['metadata']['name']}: {said}")
        return lines

    def add_repository(self, url: str, login: str, token: str) -> None:
        """Give Argo CD the credentials of a repository."""
        secret = _secret(
            "repo-" + "-".join(url.removesuffix(".git").split("/")[-2:]),
            {"type": "git", "url": url, "username": login, "password": token},
        )
        secret["metadata"]["labels"] = {"argocd.argoproj.io/secret-type": "repository"}
        self._configure(secret)

    def application(self, name: str) -> dict[str, Any]:
        """An Application without what differs between installations; empty if there is none."""
        done = self.cluster.try_kubectl(
            "get", "applications.argoproj.io", name, f"--namespace={NAMESPACE}", "-o", "json"
        )
        if done.returncode:
            return {}
        found: Item = json.loads(done.stdout)
        status = {
            key: value for key, value in found.get("status", {}).items() if key not in _VOLATILE
        }
        return {"metadata": {"name": name}, "spec": found["spec"], "status": status}


def _secret(name: str, values: dict[str, str]) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "stringData": values,
    }
