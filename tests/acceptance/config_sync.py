"""The real Config Sync on a real cluster: `python -m tests.acceptance.config_sync SOURCE`.

SOURCE is a checkout of kpt-config-sync, which the Go module proxy does not have, so that this is no
part of `make acceptance`. reconciler-manager, reconciler and resource-group are built from its
vendored dependencies, and run as processes; the Deployment that the manager makes for a reconciler
runs on kwok. A folder with a symbolic link stands for git-sync, so that commits are letters. With
`--record` the states are written to tests/data/anthos.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml as plain_yaml

from planners.model import Repo, Tenant
from plugins.anthos import PLUGIN, AnthosSettings, account_of
from renderers import yaml
from renderers.agents import ClusterTarget, Target
from renderers.tenant_setup import tenant_objects
from tests.acceptance.cluster import Cluster, Item
from tests.acceptance.processes import Processes, RigError
from tests.acceptance.programs import build

SYSTEM, NAMESPACE, OTHER = "config-management-system", "shop", "shop-jobs"
NAME, UNIT = "storefront.web", "clusters/eu-1/apps/shop/storefront/web"
ACCOUNT = account_of(NAMESPACE, NAME)
REPO = "https://git.example.com/{repo}.git"
PROGRAMS = ("reconciler-manager", "reconciler", "resource-group")
ROLES = ("ns-reconciler-base", "ns-reconciler-cluster-scope", "root-reconciler-base")
KINDS = "reposyncs.configsync.gke.io,resourcegroups.kpt.dev"
DATA = Path(__file__).parents[1] / "data/anthos"
PATIENCE = 240
NO_METRICS = "sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress=0"
"""Two of the programs listen on the same port otherwise."""
TARGET = Target(
    "eu-1",
    AnthosSettings(REPO, auth="none"),
    "shop",
    "storefront",
    "web",
    (NAMESPACE, OTHER),
    UNIT,
    Repo("local", "fleet/deploy"),
)
ROOT = ClusterTarget(
    "eu-1", TARGET.settings, TARGET.deploy, REPO, "main", "clusters/eu-1/sync", report_url=""
)
STEPS: dict[str, tuple[str, dict[str, Any], str]] = {
    "rollout": ("a", {"image": "app:1"}, "READY a"),
    "update": ("b", {"image": "app:2"}, "READY b"),
    "failure": ("c", {"image": "app:missing"}, "STALLED c"),
    "correction": ("d", {"image": "app:2", "value": "2"}, "READY d"),
    "refusal": ("e", {"image": "app:2", "elsewhere": True}, "STALLED e"),
    "removal": ("f", {"image": "app:2"}, "READY f"),
}
"""What is committed in each step, and what has to be said in the end."""


@dataclass(slots=True)
class ConfigSync:
    """Config Sync with one RepoSync; `states` are what its objects went through, by step."""

    cluster: Cluster
    source: Path
    folder: Path
    step: str = ""
    states: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _seen: list[str] = field(default_factory=list)

    def build(self) -> None:
        """Build the programs."""
        (self.folder / "bin").mkdir()
        packages = [f"./cmd/{name}" for name in PROGRAMS]
        build_flags = ("-o", str(self.folder / "bin"), f"-ldflags=-X={NO_METRICS}")
        command = ["nice", "-n", "15", "go", "build", *build_flags, *packages]
        flags = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=vendor -p=1 -buildvcs=false"}
        subprocess.run(command, cwd=self.source, env={**os.environ, **flags}, check=True)

    def install(self) -> None:
        """The definitions, namespaces and roles; those of the tenant are what Switchyard writes."""
        manifests = self.source / "manifests"
        for file in sorted(manifests.glob("*-crd.yaml")):
            self.cluster.apply(file.read_text())
        for name in (SYSTEM, NAMESPACE, OTHER):
            self.cluster.kubectl("create", "namespace", name)
        for name in ROLES:
            self.cluster.apply((manifests / f"{name}-cluster-role.yaml").read_text())
        template = (manifests / "templates/reconciler-manager-configmap.yaml").read_text()
        logs = self.cluster.processes.folder
        (logs / "deployment.yaml").write_text(
            plain_yaml.safe_load(template)["data"]["deployment.yaml"]
        )
        tenant = Tenant("shop", NAMESPACE, namespaces=(OTHER,))
        self.cluster.apply(_text(tenant_objects(tenant)))

    def check_objects(self) -> None:
        """The API server takes the objects of every scope, with every way to authenticate."""
        setup = replace(TARGET, application="tenant-shop", is_tenant_setup=True)
        for auth in ("token", "ssh", "gcenode", "none"):
            settings = AnthosSettings(REPO, auth=auth)
            items = (
                *PLUGIN.references(replace(TARGET, settings=settings)),
                *PLUGIN.references(replace(setup, settings=settings)),
                *PLUGIN.cluster_references(replace(ROOT, settings=settings)),
            )
            dry_run = ("create", "--dry-run=server", "--validate=strict", "--filename=-")
            print(self.cluster.kubectl(*dry_run, text=_text(items)), end="", flush=True)

    def start(self) -> None:
        """Apply the component's objects, and start the programs as the accounts that they have."""
        self.cluster.apply(_text(PLUGIN.references(TARGET)))
        self._run("reconciler-manager", "admin", "--cluster-name=eu-1", "--metrics-addr=0")
        self._run("resource-group", "admin", "--metrics-addr=0")
        get = ("get", "serviceaccount", ACCOUNT, "--namespace", SYSTEM)
        self._wait(f"the account {ACCOUNT}", lambda: not self.cluster.try_kubectl(*get).returncode)
        token = self.cluster.kubectl("create", "token", ACCOUNT, "--namespace", SYSTEM).strip()
        self.cluster.kubeconfig("reconciler", token)
        repository = self.folder / "repo"
        (self.folder / "signals").mkdir()
        self._run(
            "reconciler",
            "reconciler",
            *(f"--scope={NAMESPACE}", f"--sync-name={NAME}", f"--reconciler-name={ACCOUNT}"),
            *("--source-type=git", f"--source-repo={REPO}", "--source-branch=main"),
            *("--source-rev=HEAD", f"--sync-dir={UNIT}", f"--repo-root={repository}"),
            f"--source-dir={repository / 'source' / 'rev'}",
            f"--hydrated-root={repository / 'hydrated'}",
            f"--reconciler-signals={self.folder / 'signals'}",
            *("--reconcile-timeout=1m", "--status-mode=enabled", "--api-server-timeout=15s"),
        )

    def play(self, step: str) -> None:
        """Commit what a step has, and wait until the plugin says what has to be said."""
        self.step = step
        letter, content, expected = STEPS[step]
        self._commit(letter, content)
        found = self._wait(expected, lambda: self._says(expected))
        print(f"{step}: {found}", flush=True)

    def remove(self) -> None:
        """Delete the RepoSync; its objects go first, with the rights of its account."""
        where = ("--namespace", NAMESPACE)
        self.cluster.kubectl("delete", "reposync", NAME, *where, "--wait=false")
        get = ("get", "reposync", NAME, *where)
        self._wait(
            "the removal", lambda: self._says("") or self.cluster.try_kubectl(*get).returncode
        )
        left = self.cluster.kubectl("get", "deployments", *where, "--output", "name")
        if left:
            raise RigError(f"left after the removal: {left}")
        print("removal: nothing is left", flush=True)

    def _says(self, expected: str) -> str:
        """Keep the state if it is new; what it says, if that begins as expected."""
        got = self.cluster.try_kubectl("get", KINDS, "--namespace", NAMESPACE, "--output", "json")
        if got.returncode:
            return ""
        items: list[Item] = json.loads(got.stdout)["items"]
        versions = [each["metadata"]["resourceVersion"] for each in items]
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        body = {"at": at, "list": {"apiVersion": "v1", "kind": "List", "items": items}}
        if versions != self._seen:
            self._seen = versions
            event = _scrubbed(body, str(self.folder))
            self.states.setdefault(self.step, []).append({"cluster": "eu-1", "event": event})
        for word in PLUGIN.report("eu-1", json.dumps(body).encode()):
            said = f"{word.readiness.name} {word.revision[:1]}"
            if expected and said.startswith(expected):
                return f"{said} {word.message}"
        return ""

    def _commit(self, letter: str, content: Mapping[str, Any]) -> None:
        source, commit = self.folder / "repo/source", letter * 40
        place = source / commit / UNIT
        place.mkdir(parents=True)
        items = [
            _deployment("web", NAMESPACE, content["image"]),
            _config(content.get("value", "1")),
        ]
        if content.get("elsewhere"):
            items.append(_deployment("other", OTHER, content["image"]))
        (place / "objects.yaml").write_text(_text(items))
        link = source / "next"
        link.symlink_to(source / commit)
        link.replace(source / "rev")

    def _run(self, program: str, account: str, *arguments: str) -> None:
        config = self.cluster.folder / f"{account}.kubeconfig"
        command = [str(self.folder / "bin" / program), *arguments]
        self.cluster.processes.start(program, command, {"KUBECONFIG": str(config)})

    def _wait(self, what: str, find: Callable[[], Any]) -> Any:
        return self.cluster.processes.wait(what, find, PATIENCE)


def _deployment(name: str, namespace: str, image: str) -> Item:
    labels = {"app": name}
    pods = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": 30,
            "selector": {"matchLabels": labels},
            "template": pods,
        },
    }


def _config(value: str) -> Item:
    metadata = {"name": "web", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": value}}


def _text(items: Iterable[Mapping[str, Any]]) -> str:
    return "---\n".join(yaml.dump(dict(each)).decode() for each in items)


def _scrubbed(value: Any, folder: str) -> Any:
    """Without what differs between two runs."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in ("uid", "resourceVersion")}
        return {key: _scrubbed(each, folder) for key, each in kept.items()}
    if isinstance(value, list):
        return [_scrubbed(each, folder) for each in value]
    return re.sub(re.escape(folder), "", value) if isinstance(value, str) else value


def main() -> int:
    """Play every step; exits 1 with the reason if one does not end as it has to."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.config_sync")
    parser.add_argument("source", type=Path, help="a checkout of kpt-config-sync")
    parser.add_argument("--record", action="store_true", help="write tests/data/anthos anew")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="switchyard-config-sync-"))
    print(f"logs and data: {folder}", flush=True)
    processes, programs = Processes(folder / "logs"), build(("etcd", "kubernetes", "kwok"))
    rig = ConfigSync(
        Cluster("eu-1", programs, processes, folder / "cluster"), options.source, folder
    )
    try:
        rig.build()
        rig.cluster.start()
        rig.install()
        rig.check_objects()
        rig.start()
        for step in STEPS:
            rig.play(step)
        rig.remove()
    except RigError as error:
        print(error)
        return 1
    finally:
        processes.stop()
    if options.record:
        _write(rig.states)
    return 0


def _write(states: Mapping[str, list[dict[str, Any]]]) -> None:
    joined = {**states, "rollout": [*states["rollout"], *states["update"]]}
    del joined["update"]
    for name, events in joined.items():
        lines = ",\n  ".join(json.dumps(each, separators=(",", ":")) for each in events)
        (DATA / f"{name}.json").write_text(f'{{"events": [\n  {lines}\n ]}}\n')


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
