"""cert-manager and trust-manager: clusters of a tenant trust each other, and a root is replaced.

Two API servers, each with the controllers of cert-manager and trust-manager. What `switchyard
render` writes of the tenant's set-up is applied, component by component; the clusters report by the
command line of the guide "Share a root of trust", as it is written there. Certificates of
applications are verified by what trust-manager has distributed in the other cluster.
`python -m tests.acceptance.certificates` plays this scenario alone, within two minutes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml as plain_yaml
from cryptography import x509

from tests.acceptance.cluster import KUBECTL, MANIFESTS, Cluster, Item
from tests.acceptance.processes import Processes, RigError, free_ports
from tests.acceptance.programs import OPTIONAL, Programs, build
from tests.acceptance.rig import Rig
from tests.acceptance.rollouts import ScenarioError, SkippedError
from tests.fakes.folders import cluster as cluster_document
from tests.fakes.folders import tenant as tenant_document

NEEDED = ("cert-manager", "trust-manager")
NAMES = ("one", "two")
SYSTEM, NAMESPACE = "cert-manager", "shop"
OLD, NEW = "fleet-root", "root-2027"
SWITCHYARD = Path(sys.prefix) / "bin" / "switchyard"
GUIDE = Path(__file__).parents[2] / "docs/guides/share-a-root-of-trust.md"
SECONDS = 60
SIGNED = {"one": "two", "two": "one"}
"""Which cluster verifies the certificates of which."""


def run_certificates(rig: Rig) -> str:
    """Enrol, distribute and sign; then replace the root, in three steps."""
    return play(rig.folder / "certificates", rig.programs, rig.processes)


def play(folder: Path, programs: Programs, processes: Processes) -> str:
    """The scenario, with clusters of its own."""
    missing = [each for each in NEEDED if each not in programs.paths]
    if missing:
        raise SkippedError(f"{' and '.join(missing)} could not be built; the reason is above")
    clusters = {name: Cluster(name, programs, processes, folder / name) for name in NAMES}
    trust = Trust(folder, processes, clusters)
    trust.start()
    return "; ".join(step(trust) for step in (_enrol, _renew, _replace))


@dataclass(slots=True)
class Trust:
    """The clusters, and the deploy repo as a folder for each step; `facts` are those reported."""

    folder: Path
    processes: Processes
    clusters: Mapping[str, Cluster]
    step: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start everything in each cluster; two roots sign there."""
        for cluster in self.clusters.values():
            cluster.start_api_server()
            for module in NEEDED:
                (crds,) = cluster.programs.data[f"github.com/cert-manager/{module}"]
                for file in sorted(crds.glob("*.yaml")):
                    cluster.apply(file.read_text())
            cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
            for name in (SYSTEM, "flux-system"):
                cluster.kubectl("create", "namespace", name)
            cluster.apply((MANIFESTS / "roots.yaml").read_text())
            self._start_controllers(cluster)

    def _start_controllers(self, cluster: Cluster) -> None:
        config = f"--kubeconfig={cluster.admin_config}"
        self._run(cluster, "cert-manager", config)
        tls = cluster.folder / "webhook"
        tls.mkdir()
        for name in ("crt", "key"):
            shutil.copy(cluster.folder / "certificates" / f"apiserver.{name}", tls / f"tls.{name}")
        webhook, readiness, metrics = free_ports(3)
        self._run(
            cluster,
            "trust-manager",
            *(config, "--leader-elect=false", f"--trust-namespace={SYSTEM}"),
            *(f"--webhook-certificate-dir={tls}", "--webhook-host=127.0.0.1"),
            *(f"--webhook-port={webhook}", f"--metrics-port={metrics}"),
            f"--readiness-probe-port={readiness}",
        )

    def _run(self, cluster: Cluster, program: str, *arguments: str) -> None:
        command = [cluster.programs[program], *arguments]
        self.processes.start(f"{cluster.name}.{program}", command)

    def render(self, *issuers: str) -> dict[str, dict[str, list[Item]]]:
        """The tenant's set-up by cluster and component, after what was rendered last."""
        fleet = self.folder / f"fleet-{self.step}"
        documents: dict[str, str] = {}
        for name in NAMES:
            documents |= cluster_document(name)
        listed = ", ".join(f"{{name: {each}}}" for each in issuers)
        spec = f"namespace: {NAMESPACE}, deploy: local:fleet/deploy, trust: {{issuers: [{listed}]}}"
        documents |= tenant_document("retail", spec)
        for path, text in documents.items():
            (fleet / path).parent.mkdir(parents=True, exist_ok=True)
            (fleet / path).write_text(text)
        reported = self.folder / f"facts-{self.step}.yaml"
        reported.write_text(json.dumps(self.facts))
        before, out = (self.folder / f"deploy-{self.step + each}" for each in (0, 1))
        before.mkdir(exist_ok=True)
        command = [str(SWITCHYARD), "render", "--application", "tenant-retail"]
        command += ["--fleet", str(fleet), "--facts", str(reported)]
        command += ["--deploy", str(before), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ScenarioError(f"switchyard render: {done.stderr}")
        self.step += 1
        return {name: _objects(out / "clusters" / name / "apps") for name in NAMES}

    def apply(self, rendered: Mapping[str, Mapping[str, Sequence[Item]]], component: str) -> None:
        """Apply a component on all clusters."""
        for name, components in rendered.items():
            text = plain_yaml.safe_dump_all(components.get(component, []))
            self.clusters[name].apply(text)

    def until(self, cluster: str, kind: str, name: str, condition: str) -> None:
        """Wait for a condition of an object, for its present generation."""
        where = ("--namespace", NAMESPACE) if kind != "bundle" else ()

        def there() -> bool:
            found = self.clusters[cluster].try_kubectl("get", kind, name, *where, "--output=json")
            item = json.loads(found.stdout) if not found.returncode else {"metadata": {}}
            return any(
                each["type"] == condition
                and each["status"] == "True"
                and each.get("observedGeneration") == item["metadata"]["generation"]
                for each in item.get("status", {}).get("conditions", ())
            )

        self.processes.wait(f"{kind} {name} is {condition} on {cluster}", there, SECONDS)

    def enrol(self, rendered: Mapping[str, Mapping[str, Sequence[Item]]], *issuers: str) -> None:
        """Apply the authorities, wait for them, and report their certificates."""
        self.apply(rendered, "authority")
        for name in NAMES:
            for issuer in issuers:
                self.until(name, "certificate", f"switchyard-ca-{issuer}", "Ready")
        self.report(*issuers)

    def report(self, *issuers: str) -> None:
        """What each cluster says of its authorities, by the command of the guide."""
        at = datetime.now(UTC).isoformat()
        self.facts = {
            name: {
                "at": at,
                "authorities": {"retail": {each: self.certificate(name, each) for each in issuers}},
            }
            for name in NAMES
        }

    def certificate(self, cluster: str, issuer: str) -> str:
        """The certificate of an authority, as the guide has it read."""
        (block,) = re.findall(r"(?ms)^```console\n(.*?)^```$", GUIDE.read_text())
        command = block.removeprefix("$ ").replace("fleet-root", issuer)
        environment = {
            "HOME": str(self.folder),
            "PATH": f"{KUBECTL.parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.clusters[cluster].admin_config),
        }
        shell = ["bash", "-euo", "pipefail", "-c", command]
        done = subprocess.run(shell, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ScenarioError(f"the command of the guide fails: {done.stderr}")
        return done.stdout

    def distribute(self, rendered: Mapping[str, Mapping[str, Sequence[Item]]], count: int) -> None:
        """Apply the bundle, and wait until its certificates are in the tenant's namespace."""
        self.apply(rendered, "trust")
        for name in NAMES:
            self.until(name, "bundle", "switchyard-ca-retail", "Synced")
            found = len(x509.load_pem_x509_certificates(self.trusted(name).encode()))
            if found != count:
                raise ScenarioError(f"{name} trusts {found} certificates instead of {count}")

    def trusted(self, cluster: str) -> str:
        """The certificates that trust-manager has put into the tenant's namespace."""
        get = ("get", "configmap", "switchyard-ca-retail", "--namespace", NAMESPACE)
        found = json.loads(self.clusters[cluster].kubectl(*get, "--output=json"))
        return str(found["data"]["ca.crt"])

    def sign(self, rendered: Mapping[str, Mapping[str, Sequence[Item]]]) -> None:
        """Apply the issuer, and wait for it."""
        self.apply(rendered, "issuer")
        for name in NAMES:
            self.until(name, "issuer", "switchyard-ca", "Ready")

    def leaf(self, cluster: str, name: str) -> str:
        """A certificate that an application requests, with its chain."""
        spec = {
            "secretName": name,
            "dnsNames": [f"{name}.shop.svc"],
            "issuerRef": {"name": "switchyard-ca"},
        }
        where = {"name": name, "namespace": NAMESPACE}
        item = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}
        self.clusters[cluster].apply(json.dumps(item | {"metadata": where, "spec": spec}))
        self.until(cluster, "certificate", name, "Ready")
        return self.secret(cluster, name)["tls.crt"]

    def secret(self, cluster: str, name: str) -> dict[str, str]:
        """The public values of a Secret."""
        template = '{{index .data "tls.crt" | base64decode}}'
        get = ("get", "secret", name, "--namespace", NAMESPACE, f"--output=go-template={template}")
        return {"tls.crt": self.clusters[cluster].kubectl(*get)}

    def verify(self, signer: str, chain: str, *, accepted: bool = True) -> None:
        """Whether the other cluster trusts a certificate, by OpenSSL.

        The authorities are signed by a root that is not distributed: OpenSSL must be told that a
        trusted certificate need not be a root.
        """
        trusting = SIGNED[signer]
        files = {}
        for name, text in (("leaf", chain), ("ca", self.trusted(trusting))):
            files[name] = self.folder / f"{signer}-{name}.pem"
            files[name].write_text(text)
        command = ["openssl", "verify", "-CAfile", str(files["ca"])]
        command += ["-untrusted", str(files["leaf"]), str(files["leaf"])]
        for options, expected in ((["-partial_chain"], accepted), ([], False)):
            done = subprocess.run(
                [*command[:2], *options, *command[2:]], capture_output=True, check=False
            )
            if (done.returncode == 0) is not expected:
                word = "refuses" if expected else "accepts"
                text = f"{trusting} {word} a certificate of {signer} with options {options}"
                raise ScenarioError(f"{text}: {done.stderr.decode()}")


def _enrol(trust: Trust) -> str:
    """The first distribution waits for the certificates of both clusters."""
    rendered = trust.render(OLD)
    trust.apply(rendered, "namespace")
    trust.enrol(rendered, OLD)
    rendered = trust.render(OLD)
    trust.distribute(rendered, 2)
    trust.sign(rendered)
    for name in NAMES:
        trust.verify(name, trust.leaf(name, "first"))
    return "both clusters enrolled, and each trusts certificates that the other one signs"


def _renew(trust: Trust) -> str:
    """cert-manager renews an authority: both certificates are trusted."""
    one = trust.clusters["one"]
    before = trust.certificate("one", OLD)
    status = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    get = ("get", "certificate", f"switchyard-ca-{OLD}", "--namespace", NAMESPACE, "--output=json")
    item = json.loads(one.kubectl(*get))
    conditions = [*item["status"]["conditions"], status | {"lastTransitionTime": now}]
    patch = json.dumps({"status": {"conditions": conditions}})
    where = ("certificate", f"switchyard-ca-{OLD}", "--namespace", NAMESPACE)
    one.kubectl("patch", *where, "--subresource=status", "--type=merge", f"--patch={patch}")
    trust.processes.wait(
        "the authority is renewed", lambda: trust.certificate("one", OLD) != before, SECONDS
    )
    trust.until("one", "certificate", f"switchyard-ca-{OLD}", "Ready")
    trust.report(OLD)
    trust.distribute(trust.render(OLD), 3)
    for name in NAMES:
        trust.verify(name, trust.secret(name, "first")["tls.crt"])
        trust.verify(name, trust.leaf(name, "renewed"))
    return "a renewed authority is trusted beside the one before it"


def _replace(trust: Trust) -> str:
    """A new root: enrol with it, trust both, sign with the new one, then trust it alone."""
    rendered = trust.render(NEW, OLD)
    trust.enrol(rendered, NEW, OLD)
    rendered = trust.render(NEW, OLD)
    trust.distribute(rendered, 5)
    trust.sign(rendered)
    fresh = {name: trust.leaf(name, "second") for name in NAMES}
    for name in NAMES:
        trust.verify(name, trust.secret(name, "first")["tls.crt"])
        trust.verify(name, fresh[name])
    trust.distribute(trust.render(NEW), 2)
    for name in NAMES:
        trust.verify(name, fresh[name])
        trust.verify(name, trust.secret(name, "first")["tls.crt"], accepted=False)
    return "a new root was added, signed, and then trusted alone"


def _objects(folder: Path) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for file in sorted(folder.rglob("*.yaml")):
        found.setdefault(file.parent.name, []).append(plain_yaml.safe_load(file.read_text()))
    return found


def main() -> int:
    """Play the scenario alone; exits 1 with the reason if it fails or cannot be run."""
    folder = Path(tempfile.mkdtemp(prefix="switchyard-certificates-"))
    print(f"logs and data: {folder}", flush=True)
    processes, programs = Processes(folder / "logs"), build(("etcd", "kubernetes", *OPTIONAL))
    try:
        print(play(folder, programs, processes))
    except (RigError, ScenarioError, SkippedError) as error:
        print(error)
        return 1
    finally:
        processes.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
