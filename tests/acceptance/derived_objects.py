"""Every derived object against the real definitions: `make derived-objects`.

The arguments are `PROJECT=PATH` with files or folders of CustomResourceDefinitions, from checkouts:

- istio/istio `manifests/charts/base/files/crd-all.gen.yaml`
- kubernetes-sigs/gateway-api, kubernetes-sigs/network-policy-api `config/crd/standard`
- kubernetes-sigs/mcs-api `config/crd`
- cilium/cilium `pkg/k8s/apis/cilium.io/client/crds/v2`
- ovn-kubernetes/ovn-kubernetes `helm/ovn-kubernetes/crds`
- cert-manager/cert-manager, cert-manager/trust-manager `deploy/crds`

A real API server takes each object with `dryRun=All` and strict validation, with the rules in CEL
that the definitions hold. Objects are those that carriers derive from connections of every way, and
what a tenant's set-up has on clusters with every network. A kind without a definition is refused.
The result is a page of the reference.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml as plain_yaml

from bot.engine import discovery
from planners.connect import Case
from planners.model import ContainerLimits, Member, Tenant
from planners.model.connectivity import Callee, Caller, External, Protocol, RequestRule, TlsMode
from planners.model.network import Ingress, Mesh, Network, PolicyEngine
from planners.model.trust import Authority, Issuer
from renderers import yaml
from renderers.agents import Account
from renderers.connections import ComponentServer, Connection, RangeClient
from renderers.tenant_network import cluster_policies
from renderers.tenant_setup import access_objects, tenant_objects
from renderers.tenant_trust import authority_objects, bundle_objects, issuer_objects
from tests.acceptance.cluster import Cluster
from tests.acceptance.processes import Processes, RigError
from tests.acceptance.programs import build
from tests.fakes.certificates import authority_pem
from tests.fakes.connectivity import connections, intent, sides

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "derived-objects.md"
NAMESPACES = ("shop", "shop-data", "monitoring")
TENANT = Tenant(
    "shop",
    "shop",
    namespaces=("shop-data",),
    quota={"pods": "50"},
    limits=ContainerLimits({"cpu": "500m"}, {"cpu": "100m"}, {"memory": "2Gi"}),
    members=(Member("Group", "devs", "view"),),
    allowed_kinds=("StorageClass", "EgressFirewall.k8s.ovn.org"),
    allow_from_namespaces=("ingress",),
    issuers=(Issuer("vault", "VaultIssuer", "issuers.example.com"),),
)
RULES = (RequestRule(("GET",), ("/status/*", "/version")), RequestRule(("POST",)))


def variations() -> Iterator[Connection]:
    """Connections of every way, with requests, each mode of TLS, and entries from outside."""
    for each in connections().values():
        for tls in TlsMode:
            yield replace(each, intent=replace(each.intent, tls=tls))
            yield replace(each, intent=replace(each.intent, tls=tls, allow=RULES))
        server = each.server
        if each.case is Case.SAME_CLUSTER and isinstance(server, ComponentServer):
            yield from _entries(server)


def _entries(server: ComponentServer) -> Iterator[Connection]:
    facts = server.cluster.network
    ways = (
        facts,
        replace(facts, gateway_api=False),
        replace(facts, ingress=Ingress(gateway_class="istio")),
    )
    for network in ways:
        known = replace(server, cluster=replace(server.cluster, network=network))
        for certificate in ("", "shop-tls"):
            for protocol in (Protocol.HTTP, Protocol.GRPC, Protocol.TLS):
                for tls in (TlsMode.PERMISSIVE, TlsMode.STRICT):
                    asked = intent(
                        caller=Caller(cidr="0.0.0.0/0"),
                        callee=Callee("payment", protocol=protocol),
                        allow=RULES if protocol is Protocol.HTTP else (),
                        external=External("shop.example.com", certificate),
                        tls=tls,
                    )
                    yield Connection(asked, Case.OUTSIDE, RangeClient("0.0.0.0/0"), known)


def set_up() -> Iterator[dict[str, Any]]:
    """What a tenant's set-up has: everywhere, by the network of a cluster, and for trust."""
    yield from tenant_objects(TENANT)
    yield from access_objects(TENANT, [Account("shop", "switchyard-shop")])
    for mesh in Mesh:
        yield from cluster_policies(TENANT, Network(mesh=mesh))
        both = Network(mesh=mesh, policies=PolicyEngine.CLUSTER_NETWORK_POLICY)
        yield from cluster_policies(TENANT, both)
    yield from authority_objects(TENANT)
    until = datetime(2036, 1, 1, tzinfo=UTC)
    known = Authority(authority_pem("shop", until), until)
    yield from bundle_objects(TENANT, frozenset({("eu-1", "vault", known)}))
    yield from issuer_objects(TENANT, "vault")


def manifests() -> list[bytes]:
    """Each distinct object; labels that carriers add to Services are none."""
    found: dict[bytes, None] = {yaml.dump(each): None for each in set_up()}
    for connection in variations():
        for unit in sides(connection):
            for carrier in discovery.carriers().values():
                derived = (*carrier.server_objects(unit), *carrier.client_objects(unit))
                for each in derived:
                    if each.item["kind"] != "Service" or "spec" in each.item:
                        found[yaml.dump(each.item)] = None
    return sorted(found)


def kind_of(manifest: bytes) -> tuple[str, str]:
    """The apiVersion and kind of an object."""
    item: Any = yaml.load_documents(manifest)[0].value
    return item["apiVersion"], item["kind"]


@dataclass(slots=True)
class Judgement:
    """How many objects of each kind the API server took, and what it refused."""

    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def write(self, day: date, kubernetes: str, projects: Mapping[str, list[str]]) -> None:
        """Write the page."""
        lines = [
            "# Derived objects on a real API server",
            "",
            "Written by `make derived-objects`; do not edit. Objects that carriers derive, and",
            "those of a tenant's set-up, sent to kube-apiserver with `dryRun=All` and strict",
            "validation. One object of each kind is sent with a field that nobody knows too, which",
            "must be refused.",
            "",
            f"- Date: {day.isoformat()}",
            f"- Result: {self.taken.total()} objects taken, {len(self.refused)} refused",
            f"- kube-apiserver {kubernetes}",
            "",
            "| apiVersion | kind | objects | definition |",
            "|---|---|---|---|",
            *(
                f"| {api} | {kind} | {count} | {_project(api, projects)} |"
                for (api, kind), count in sorted(self.taken.items())
            ),
            "",
        ]
        PAGE.write_text("\n".join(lines))


def _project(api: str, projects: Mapping[str, list[str]]) -> str:
    group = api.partition("/")[0]
    return next((name for name, groups in projects.items() if group in groups), "Kubernetes")


def install(cluster: Cluster, definitions: Mapping[str, Path]) -> dict[str, list[str]]:
    """Create the definitions; the API groups of each project."""
    groups: dict[str, list[str]] = {}
    for name, path in definitions.items():
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            documents = plain_yaml.load_all(file.read_text(), plain_yaml.CSafeLoader)
            crds = [it for it in documents if it and it["kind"] == "CustomResourceDefinition"]
            if crds:
                cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": crds}))
            groups.setdefault(name, []).extend(each["spec"]["group"] for each in crds)
    cluster.kubectl(
        "wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=60s"
    )
    return groups


def judge(cluster: Cluster) -> Judgement:
    """Send all objects."""
    for name in NAMESPACES:
        cluster.kubectl("create", "namespace", name)
    found = Judgement()
    dry_run = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename=-")
    for each in manifests():
        kind, done = kind_of(each), cluster.try_kubectl(*dry_run, text=each.decode())
        if done.returncode:
            found.refused.append(f"{done.stderr}{each.decode()}")
            continue
        if kind not in found.taken:
            unknown = cluster.try_kubectl(*dry_run, text=f"{each.decode()}nobodyKnows: 1\n")
            if not unknown.returncode:
                found.refused.append(f"{' '.join(kind)} is taken with an unknown field")
        found.taken[kind] += 1
    return found


def main() -> int:
    """Start an API server, judge, and write the page; exits 1 if an object is refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.derived_objects")
    parser.add_argument("definitions", nargs="+", metavar="PROJECT=PATH", help="CRDs of a project")
    pairs = (each.partition("=") for each in parser.parse_args().definitions)
    definitions = {name: Path(path) for name, _, path in pairs}
    folder = Path(tempfile.mkdtemp(prefix="switchyard-derived-objects-"))
    processes, programs = Processes(folder / "logs"), build(("etcd", "kubernetes"))
    cluster = Cluster("eu-1", programs, processes, folder / "cluster")
    try:
        cluster.start_api_server()
        groups = install(cluster, definitions)
        found = judge(cluster)
    except RigError as error:
        print(error)
        return 1
    finally:
        processes.stop()
    found.write(datetime.now(UTC).date(), programs.versions["kube-apiserver"], groups)
    print(*found.refused, f"{found.taken.total()} taken, {len(found.refused)} refused", sep="\n")
    return 1 if found.refused else 0


if __name__ == "__main__":
    sys.exit(main())
