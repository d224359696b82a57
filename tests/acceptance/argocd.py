"""Argo CD in one cluster: application controller, repo server, notifications, and a real Redis."""

import json
import shutil
from dataclasses import dataclass
from typing import Any

import yaml as plain_yaml

from tests.acceptance.cluster import MANIFESTS, Cluster, Item
from tests.acceptance.processes import RigError, free_ports

NAMESPACE = "argocd"
MODULE = "github.com/argoproj/argo-cd/v3"
SETTINGS = "argocd-cm"
_VOLATILE = ("resources", "history", "sourceHydrator", "summary", "controllerNamespace")


@dataclass(frozen=True, slots=True)
class Argo:
    """Argo CD on one cluster, which manages that cluster only."""

    cluster: Cluster

    def start(self, report_url: str, report_key: str) -> None:
        """Install the CRDs and the configuration, and start the programs."""
        if shutil.which("redis-server") is None:
            raise RigError("redis-server is not on PATH (Debian: package redis-server)")
        definitions, config = self.cluster.programs.data[MODULE]
        for file in sorted(definitions.glob("*-crd.yaml")):
            self.cluster.apply(file.read_text())
        self.cluster.kubectl("create", "namespace", NAMESPACE)
        for file in sorted(config.glob("argocd-*.yaml")):
            self._configure(plain_yaml.safe_load(file.read_text()))
        self._configure(plain_yaml.safe_load((MANIFESTS / "argocd.yaml").read_text()))
        values = {"report-url": report_url, "report-key": report_key}
        self._configure(_secret("argocd-notifications-secret", values))
        self._start_programs()

    def _configure(self, item: Item) -> None:
        if item["metadata"]["name"] == SETTINGS:
            item["data"] |= {"timeout.reconciliation": "10s", "timeout.reconciliation.jitter": "0s"}
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
        config = f"--kubeconfig={self.cluster.admin_config}"
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
            config,
            f"--namespace={NAMESPACE}",
            f"--repo-server=127.0.0.1:{repo}",
            f"--metrics-port={metrics[1]}",
            *server,
        )
        self._run(
            "notifications",
            config,
            f"--namespace={NAMESPACE}",
            f"--argocd-repo-server=127.0.0.1:{repo}",
            "--argocd-repo-server-plaintext",
            f"--metrics-port={metrics[2]}",
        )

    def _run(self, name: str, *flags: str) -> None:
        program = self.cluster.programs["argocd"]
        folder = self.cluster.folder / "argocd"
        environment = {
            "ARGOCD_BINARY_NAME": f"argocd-{name}",
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_RECONCILIATION_TIMEOUT": "10s",
            "ARGOCD_RECONCILIATION_JITTER": "0s",
            "ARGOCD_ASK_PASS_SOCK": str(folder / "ask-pass.sock"),
            "KUBECONFIG": str(self.cluster.admin_config),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PATH": f"{program.rpartition('/')[0]}:/usr/local/bin:/usr/bin:/bin",
        }
        self.cluster.processes.start(
            f"{self.cluster.name}.argocd-{name}", [program, *flags], environment
        )

    def add_repository(self, url: str, login: str, token: str) -> None:
        """Give Argo CD the credentials of a repository."""
        secret = _secret(
            "deploy-repo", {"type": "git", "url": url, "username": login, "password": token}
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
