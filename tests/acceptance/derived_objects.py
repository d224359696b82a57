"""Every derived object against the real definitions: `python -m tests.acceptance.derived_objects`.

The arguments are files or folders with CustomResourceDefinitions, from checkouts of the projects:
istio/istio `manifests/charts/base/files/crd-all.gen.yaml`, kubernetes-sigs/gateway-api
`config/crd/standard`. A real API server takes each object with `dryRun=All` and strict validation,
with the rules in CEL that the definitions hold. Objects of kinds without a definition are listed.
Last run: the default branches of both projects in August 2026, 69 objects taken and none refused.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bot.engine import discovery
from planners.connect import Case
from planners.model.connectivity import Callee, Caller, External, Protocol, RequestRule, TlsMode
from planners.model.network import Ingress
from renderers import yaml
from renderers.connections import ComponentServer, Connection, RangeClient
from tests.acceptance.cluster import Cluster
from tests.acceptance.processes import Processes, RigError
from tests.acceptance.programs import build
from tests.fakes.connectivity import connections, intent, sides

NAMESPACES = ("shop", "monitoring")
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


def manifests() -> list[bytes]:
    """Each distinct object that some carrier derives; labels of Services are none of them."""
    found: dict[bytes, None] = {}
    for connection in variations():
        for unit in sides(connection):
            for carrier in discovery.carriers().values():
                derived = (*carrier.server_objects(unit), *carrier.client_objects(unit))
                for each in derived:
                    if each.item["kind"] != "Service" or "spec" in each.item:
                        found[yaml.dump(each.item)] = None
    return sorted(found)


def judge(cluster: Cluster, definitions: list[Path]) -> int:
    """Send all objects; how many were refused."""
    for path in definitions:
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            cluster.apply(file.read_text())
    for name in NAMESPACES:
        cluster.kubectl("create", "namespace", name)
    cluster.kubectl(
        "wait", "--for=condition=Established", "customresourcedefinitions", "--all", "--timeout=60s"
    )
    refused, taken = 0, 0
    for each in manifests():
        dry_run = ("create", "--dry-run=server", "--validate=strict", "--filename=-")
        done = cluster.try_kubectl(*dry_run, text=each.decode())
        if not done.returncode:
            taken += 1
        elif "no matches for kind" in done.stderr:
            print(f"no definition: {each.decode().splitlines()[:2]}", flush=True)
        else:
            refused += 1
            print(f"{done.stderr}{each.decode()}", flush=True)
    print(f"{taken} objects taken, {refused} refused")
    return refused


def main() -> int:
    """Start an API server, and judge; exits 1 if an object is refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.derived_objects")
    parser.add_argument("definitions", type=Path, nargs="+", help="files or folders with CRDs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="switchyard-derived-objects-"))
    processes, programs = Processes(folder / "logs"), build(("etcd", "kubernetes"))
    cluster = Cluster("eu-1", programs, processes, folder / "cluster")
    try:
        cluster.start_api_server()
        return 1 if judge(cluster, options.definitions) else 0
    except RigError as error:
        print(error)
        return 1
    finally:
        processes.stop()


if __name__ == "__main__":
    sys.exit(main())
