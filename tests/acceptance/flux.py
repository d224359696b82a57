"""The Flux controllers of one cluster, as programs on loopback that act as their own accounts."""

from dataclasses import dataclass

import yaml as plain_yaml

from tests.acceptance.cluster import MANIFESTS, Cluster, Item
from tests.acceptance.processes import free_ports

CONTROLLERS = ("notification", "source", "kustomize")
NAMESPACE = "flux-system"
LOCKDOWN = {
    "kustomize": (
        "--no-cross-namespace-refs",
        "--no-remote-bases",
        "--default-service-account=default",
    ),
    "notification": ("--no-cross-namespace-refs",),
    "source": (),
}
"""Flux documentation, "Multi-tenancy lockdown" (without helm- and image-controllers)."""


@dataclass(frozen=True, slots=True)
class Flux:
    """Flux on one cluster; `locked` as Flux documents it for several tenants."""

    cluster: Cluster
    locked: bool

    def start(self) -> None:
        """Install the CRDs, accounts and rights, and start the controllers."""
        for name in CONTROLLERS:
            (folder,) = self.cluster.programs.data[f"github.com/fluxcd/{name}-controller"]
            for file in sorted(folder.glob("*.yaml")):
                self.cluster.apply(file.read_text())
        self.cluster.apply((MANIFESTS / "flux.yaml").read_text())
        events, receiver, storage = free_ports(3)
        flags = {
            "notification": (f"--events-addr=127.0.0.1:{events}", f"--receiverAddr=:{receiver}"),
            "kustomize": (f"--events-addr=http://127.0.0.1:{events}/",),
            "source": (
                f"--events-addr=http://127.0.0.1:{events}/",
                f"--storage-path={self.cluster.folder / 'storage'}",
                f"--storage-addr=127.0.0.1:{storage}",
                f"--storage-adv-addr=127.0.0.1:{storage}",
            ),
        }
        (self.cluster.folder / "storage").mkdir(exist_ok=True)
        for name in CONTROLLERS:
            self._start(name, *flags[name], *(LOCKDOWN[name] if self.locked else ()))

    def _start(self, name: str, *flags: str) -> None:
        health, metrics = free_ports(2)
        account = f"{name}-controller"
        token = self.cluster.kubectl(
            "create", "token", account, f"--namespace={NAMESPACE}", "--duration=12h"
        )
        config = self.cluster.kubeconfig(account, token.strip())
        self.cluster.processes.start(
            f"{self.cluster.name}.{account}",
            [
                self.cluster.programs[account],
                "--watch-all-namespaces",
                "--log-level=info",
                f"--health-addr=127.0.0.1:{health}",
                f"--metrics-addr=127.0.0.1:{metrics}",
                *flags,
            ],
            {"KUBECONFIG": str(config), "RUNTIME_NAMESPACE": NAMESPACE},
        )

    def connect(self, objects: list[Item], report_key: str, login: str, token: str) -> None:
        """Apply the objects of the guide with the two Secrets that they refer to."""
        self.cluster.apply(
            plain_yaml.safe_dump_all(
                [
                    _secret(_referred(objects, "Provider"), {"token": report_key}),
                    _secret(
                        _referred(objects, "GitRepository"), {"username": login, "password": token}
                    ),
                    *objects,
                ]
            )
        )

    def conditions(self) -> list[str]:
        """The Ready conditions of Kustomizations and sources that are not ready, as lines."""
        lines = []
        for kind in ("gitrepositories", "kustomizations"):
            for item in self.cluster.items(f"{kind}", "--all-namespaces"):
                ready = [
                    each
                    for each in item.get("status", {}).get("conditions", ())
                    if each["type"] == "Ready"
                ]
                if ready and ready[0]["status"] == "True":
                    continue
                said = f"{ready[0]['reason']}: {ready[0]['message']}" if ready else "no condition"
                lines.append(f"{self.cluster.name} {item['metadata']['name']}: {said}")
        return lines


def _referred(objects: list[Item], kind: str) -> str:
    (item,) = (each for each in objects if each["kind"] == kind)
    return str(item["spec"]["secretRef"]["name"])


def _secret(name: str, values: dict[str, str]) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": values,
    }
