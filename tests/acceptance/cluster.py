"""One Kubernetes cluster of real programs on loopback; kwok stands in for kubelets and containers.

etcd, kube-apiserver (RBAC, all default admission plugins), kube-controller-manager and
kube-scheduler are the real ones. kwok reports pods as running, except those whose image has the
tag `missing`: these stay in ImagePullBackOff.
"""

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml as plain_yaml

from tests.acceptance.processes import Processes, RigError, free_ports
from tests.acceptance.programs import Programs

MANIFESTS = Path(__file__).with_name("manifests")
KUBECTL = Path(sys.prefix) / "bin" / "kubectl"
VOLUMES = 8
START_SECONDS = 120
Item = dict[str, Any]


@dataclass(slots=True)
class Cluster:
    """A cluster; `start` returns when its API server is ready and its node is there."""

    name: str
    programs: Programs
    processes: Processes
    folder: Path
    port: int = 0
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def admin_config(self) -> Path:
        """The kubeconfig of an administrator."""
        return self.folder / "admin.kubeconfig"

    def start(self, *flags: str) -> None:
        """Start the control plane with a node; `flags` are additional ones of kube-apiserver."""
        self.start_api_server(*flags)
        config = f"--kubeconfig={self.admin_config}"
        self._run(
            "kube-controller-manager",
            config,
            "--leader-elect=false",
            "--secure-port=0",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.folder / 'sa.key'}",
            f"--root-ca-file={self.folder / 'certificates' / 'apiserver.crt'}",
        )
        self._run("kube-scheduler", config, "--leader-elect=false", "--secure-port=0")
        self._start_kwok()
        for name in ("storage.yaml", "node.yaml"):
            self.apply((MANIFESTS / name).read_text())
        self.apply(plain_yaml.safe_dump_all(_volumes()))

    def start_api_server(self, *flags: str) -> None:
        """Start etcd and kube-apiserver."""
        self.folder.mkdir(parents=True, exist_ok=True)
        client, peer, chosen = free_ports(3)
        self.port = self.port or chosen
        self._write_credentials()
        self._start_etcd(client, peer)
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{client}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.folder / 'certificates'}",
            "--allow-privileged",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            "--service-cluster-ip-range=10.0.0.0/16",
            *flags,
        )
        self.processes.wait(f"the API server of {self.name}", self._ready, START_SECONDS)

    def _start_etcd(self, client: int, peer: int) -> None:
        url, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )

    def _start_kwok(self) -> None:
        """Start kwok with its own stages; `pod-ready` passes over images that cannot be pulled."""
        documents = [plain_yaml.safe_load((MANIFESTS / "image-missing.yaml").read_text())]
        exclude = dict(documents[0]["spec"]["selector"]["matchExpressions"][2])
        exclude["operator"] = "DoesNotExist"
        pods, nodes = self.programs.data["sigs.k8s.io/kwok"]
        files = [*pods.glob("*.yaml"), nodes / "fast" / "node-initialize.yaml"]
        files.append(nodes / "heartbeat-with-lease" / "node-heartbeat-with-lease.yaml")
        for file in sorted(files):
            document = plain_yaml.safe_load(file.read_text())
            if document["kind"] != "Stage":
                continue
            if document["metadata"]["name"] == "pod-ready":
                document["spec"]["selector"]["matchExpressions"].append(exclude)
            documents.append(document)
        config = self.folder / "kwok.yaml"
        config.write_text(plain_yaml.safe_dump_all(documents))
        self._run(
            "kwok",
            f"--kubeconfig={self.admin_config}",
            f"--config={config}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
        )

    def kubeconfig(self, name: str, token: str) -> Path:
        """Write a kubeconfig with a bearer token."""
        file = self.folder / f"{name}.kubeconfig"
        certificate = str(self.folder / "certificates" / "apiserver.crt")
        where = {"server": self.server, "certificate-authority": certificate}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "this", "cluster": where}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "this", "context": {"cluster": "this", "user": name}}],
            "current-context": "this",
        }
        file.write_text(json.dumps(config))
        file.chmod(0o600)
        return file

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl as administrator, and return its output; raises RigError."""
        done = self.try_kubectl(*arguments, text=text)
        if done.returncode:
            raise RigError(f"kubectl {' '.join(arguments)} on {self.name}: {done.stderr.strip()}")
        return done.stdout

    def try_kubectl(
        self, *arguments: str, text: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl as administrator, whatever comes of it."""
        command = [str(KUBECTL), f"--kubeconfig={self.admin_config}", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def apply(self, manifests: str) -> None:
        """Server-side apply, as a person would do it."""
        self.kubectl("apply", "--server-side", "--filename=-", text=manifests)

    def items(self, kind: str, *arguments: str) -> list[Item]:
        """Objects of a kind, by default in all namespaces."""
        where = arguments or ("--all-namespaces",)
        found: list[Item] = json.loads(self.kubectl("get", kind, *where, "-o", "json"))["items"]
        return found

    def _run(self, program: str, *arguments: str) -> None:
        self.processes.start(f"{self.name}.{program}", [self.programs[program], *arguments])

    def _write_credentials(self) -> None:
        key = self.folder / "sa.key"
        if not key.exists():
            command = ["openssl", "genrsa", "-out", str(key), "2048"]
            subprocess.run(command, check=True, capture_output=True)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f"{self.token},admin,admin,system:masters\n")
        tokens.chmod(0o600)

    def _ready(self) -> bool:
        if not (self.folder / "certificates" / "apiserver.crt").exists():
            return False
        self.kubeconfig("admin", self.token)
        return self.try_kubectl("get", "--raw", "/readyz").returncode == 0


def _volumes() -> list[Item]:
    """Volumes for the claims of StatefulSets."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"volume-{number}"},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local",
                "hostPath": {"path": f"/volumes/{number}"},
            },
        }
        for number in range(VOLUMES)
    ]
