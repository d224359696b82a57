"""What the product makes of a world: the objects of every cluster, and addresses for callers."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.documents import read_fleet
from bot.documents.tenants import with_tenant_setups
from bot.engine.propose import Proposal, propose
from bot.gather.sources import read_sources
from planners.model import Fleet as Repo
from planners.model import Repo as Place
from planners.model import Revision
from planners.model.addresses import ServicePlace
from planners.model.snapshot import DeployBase, Snapshot
from renderers import yaml
from renderers.tenant_network import cluster_policies
from renderers.tenant_setup import tenant_objects
from tests.connectivity.fleet import HBONE, Cluster, Facts, Fleet
from tests.connectivity.linkerd import PROXY
from tests.connectivity.objects import (
    EAST_WEST,
    INGRESS,
    gateway_facts,
    item,
    namespace,
    policy,
    workload,
)
from tests.connectivity.worlds import NAMESPACE, SECOND, Intent, Part, Site, World
from tests.fakes.folders import HEAD, cluster, registration, tenant

NOW = datetime(2026, 11, 28, tzinfo=UTC)
TENANT = (
    f"namespace: {NAMESPACE}, namespaces: [{SECOND}], deploy: local:fleet/deploy, "
    "hosts: [shop.example.com, '*.shop.example.com'], internalTraffic: declared, "
    "kinds: {allowed: [ServiceExport.multicluster.x-k8s.io, EgressFirewall.k8s.ovn.org, "
    "EndpointSlice]}"
)
NOTE = "example.com/"
OPEN = "open"
"""The pod of the tenant for which other people's policy opens everything."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The fleet as objects make it, the intents that were not refused, and why others were.

    `warnings` are those of the plan.
    """

    fleet: Fleet
    intents: tuple[Intent, ...]
    refused: tuple[str, ...]
    addresses: Mapping[tuple[str, str, str], str]
    warnings: tuple[str, ...] = ()

    def admits_too(self, intent: Intent, name: str) -> bool:
        """Whether the plan says that the callee of an intent is open to others of a name too."""
        line = FIRST + self.intents.index(intent)
        start, said = f"switchyard.yaml:{line}:", f"also admits {name}"
        return any(it.startswith(start) and re.search(rf"{said}\b", it) for it in self.warnings)


def render(world: World) -> Rendered:
    """Plan and render; intents that the plan refuses are left out, as their authors would."""
    intents, refused, addressed = list(world.intents), [], True
    fleet = _fleet(world)
    while True:
        proposal = _propose(world, fleet, intents, addressed=addressed)
        places = [each.position for each in proposal.problems if each.position]
        lines = {each.line for each in places if each.file == "switchyard.yaml"}
        named = [line - FIRST for line in lines if FIRST <= line < FIRST + len(intents)]
        refused += [str(each) for each in proposal.problems]
        if not proposal.problems:
            objects = _objects(proposal)
            made = _clusters(world, fleet, objects), tuple(intents), tuple(refused)
            return Rendered(*made, _notes(objects), tuple(map(str, proposal.warnings)))
        if not named and not addressed:
            raise AssertionError(f"seed {world.seed}: {[str(it) for it in proposal.problems]}")
        addressed = bool(named) and addressed
        intents = [each for number, each in enumerate(intents) if number not in named]


FIRST = 8
"""The line of the first intent in `switchyard.yaml`."""


def _fleet(world: World) -> Repo:
    files: dict[str, str] = {}
    for each in world.sites:
        files |= cluster(each.name, network=json.dumps(each.document()))
    files |= tenant(spec=TENANT) | registration()
    loaded = read_fleet({path: text.encode() for path, text in files.items()})
    assert not loaded.problems, loaded.problems
    return with_tenant_setups(loaded.fleet, Place("folder", "folder"))


def _propose(world: World, fleet: Repo, intents: Sequence[Intent], *, addressed: bool) -> Proposal:
    files = {"switchyard.yaml": _application(world, intents, addressed=addressed).encode()}
    for each in world.parts:
        files[f"deploy/{each.name}/all.yaml"] = "---\n".join(
            json.dumps(it) + "\n" for it in _manifests(each)
        ).encode()
    found = fleet.registration("store")
    assert found is not None
    read = read_sources(files, fleet, found, None)
    snapshot = Snapshot(
        now=NOW,
        application=read.application,
        registration=found,
        tenant=read.tenant_of(fleet),
        clusters=fleet.clusters,
        revision=Revision(found.app, "0" * 40),
        fleet_revision=Revision(Place("folder", "folder"), "0" * 40),
        base=DeployBase(Revision(found.deploy, "0" * 40)),
        policies=fleet.policies,
        addresses=_addresses(world),
        sources=read.sources,
        files=read.files,
    )
    return propose(snapshot)


def _application(world: World, intents: Sequence[Intent], *, addressed: bool) -> str:
    components = [
        {"name": it.name, "source": {"manifests": f"deploy/{it.name}"}} for it in world.parts
    ]
    placement = [
        {"components": [it.name], "allOf": [{"names": list(it.where)}]} for it in world.parts
    ]
    notes = _customizations(intents) if addressed else []
    lines = [
        f"{HEAD}kind: Application\nmetadata: {{name: store}}\nspec:\n  tenant: shop",
        f"  components: {json.dumps(components)}",
        f"  connectivity: {'' if intents else '[]'}",
        *(f"    - {json.dumps(each.document())}" for each in intents),
        f"  placement: {json.dumps(placement)}",
        f"  customizations: {json.dumps(notes)}",
    ]
    return "\n".join(lines) + "\n"


def _customizations(intents: Sequence[Intent]) -> list[Any]:
    """Annotations with the addresses that callers are given, where there is one for a pair."""
    pairs = [
        (each.caller[1], each.callee[1])
        for each in intents
        if (each.caller[0], each.callee[0]) == ("component", "component")
    ]
    return [
        {
            "name": f"{caller}-{callee}",
            "components": [caller],
            "target": {"kind": "Deployment", "name": caller},
            "strategicMerge": {"spec": {"template": {"metadata": {"annotations": {
                f"{NOTE}{callee}": f"${{connect.{callee}.host}}:${{connect.{callee}.port}}",
            }}}}},
        }
        for caller, callee in dict.fromkeys(pairs)
        if pairs.count((caller, callee)) == 1
    ]  # fmt: skip


def _manifests(part: Part) -> list[Any]:
    where, labels = f"{part.namespace}/{part.name}", {"app": part.name}
    ports = [
        {"name": each.name, "containerPort": each.container, "protocol": each.transport}
        for each in part.ports
    ]
    container = {"name": "main", "image": "registry.example.com/app:1", "ports": ports}
    template = {
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": part.account, "containers": [container]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    listed = [
        {
            "name": each.name,
            "port": each.number,
            "targetPort": each.name if each.by_name else each.container,
            "protocol": each.transport,
        }
        for each in part.ports
    ]
    kind: dict[str, Any] = {"clusterIP": "None"} if part.headless else {}
    if part.balanced:
        kind = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    service = {"selector": labels, "ports": listed, **kind}
    return [
        item("apps/v1", "Deployment", where, spec),
        item("v1", "Service", where, service),
    ]


def _addresses(world: World) -> dict[ServicePlace, tuple[str, ...]]:
    """What clusters report of their load balancers."""
    sites = [each.name for each in world.sites]
    return {
        ServicePlace(where, part.namespace, part.name): (
            f"100.64.{sites.index(where)}.{number + 1}",
        )
        for number, part in enumerate(world.parts)
        for where in part.where
        if part.balanced
    }


def _running(world: World, cluster: str, items: list[Any]) -> list[Any]:
    """The objects with the status of load balancers."""
    found = _addresses(world)

    def status(each: Any) -> Any:
        metadata = each["metadata"]
        place = ServicePlace(cluster, metadata.get("namespace", ""), metadata["name"])
        if each["kind"] != "Service" or place not in found:
            return each
        return {**each, "status": {"loadBalancer": {"ingress": [{"ip": found[place][0]}]}}}

    return [status(each) for each in items]


def _objects(proposal: Proposal) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for unit, files in proposal.files.items():
        for path, blob in files.items():
            if "/apps/" in path:
                documents = yaml.load_documents(proposal.contents[blob])
                found.setdefault(unit.cluster, []).extend(each.value for each in documents)
    return found


def _clusters(world: World, fleet: Repo, objects: Mapping[str, list[Any]]) -> dict[str, Cluster]:
    """The clusters with what is there besides: set-up, other people, the platform's gateways."""
    tenant_ = fleet.tenants[0]
    shared = [*tenant_objects(tenant_), *_neighbours()]
    networks = {each.name: each.network for each in fleet.clusters}
    domains = tuple(sorted({each.trust_domain for each in world.sites}))
    return {
        each.name: Cluster(
            each.name,
            [
                *shared,
                *cluster_policies(tenant_, networks[each.name]),
                *_cross(each),
                *_running(world, each.name, objects.get(each.name, [])),
            ],
            facts_of(each, domains),
        )
        for each in world.sites
    }


def _neighbours() -> list[Any]:
    """Pods of others everywhere: one that monitors, and one with the labels of a component.

    Also one of the tenant that another application opens for everything, in and out.
    """
    stranger = workload("other/stranger")
    stranger["spec"]["template"]["metadata"]["labels"] = {"app": "cart"}
    return [
        namespace("monitoring"),
        namespace("other"),
        workload("monitoring/prober"),
        stranger,
        workload(f"{NAMESPACE}/{OPEN}", ("http", 8080)),
        policy(f"{NAMESPACE}/{OPEN}", {"app": OPEN}, ingress=[{}], egress=[{}]),
    ]


def _cross(site: Site) -> list[Any]:
    """The gateway that platform teams open between the networks of one mesh.

    Istio, "Install Multi-Primary on different networks", "Expose services".
    """
    if not (site.mesh == "istio" and site.mesh_id and site.east_west):
        return []
    port = {"number": 15443, "name": "tls", "protocol": "TLS"}
    server = {"port": port, "hosts": ["*.local"], "tls": {"mode": "AUTO_PASSTHROUGH"}}
    spec = {"selector": EAST_WEST, "servers": [server]}
    return [item("networking.istio.io/v1", "Gateway", "istio-system/cross-network-gateway", spec)]


def facts_of(site: Site, domains: tuple[str, ...] = ()) -> Facts:
    """The facts of a site: its meshes enrol every namespace, and trust each other."""
    ingress = gateway_facts(site.ingress, INGRESS, "edge") if site.ingress else None
    port, spot = {
        "istio-ambient": (HBONE, "istio-system"),
        "linkerd": (PROXY, "linkerd-multicluster"),
    }.get(site.mesh, (15443, "istio-system"))
    east_west = None
    if site.east_west:
        east_west = gateway_facts(site.east_west, EAST_WEST, port=port, namespace=spot)
    number = int(site.name[-1]) + (10 if site.name.startswith("us") else 0)
    return Facts(
        mesh=site.mesh,
        mesh_id=site.mesh_id,
        network=site.network if site.mesh != "none" else "",
        trust_domain=site.trust_domain,
        aliases=domains,
        enrolled=True,
        dns_capture=True,
        sources=(site.pod_range or f"10.{200 + number}.0.0/16",),
        engines=frozenset({site.policies, "cluster-network-policy"}),
        cluster_set=site.cluster_set,
        east_west=replace(east_west, account="eastwest") if east_west else None,
        ingress=ingress,
    )


def _notes(objects: Mapping[str, list[Any]]) -> dict[tuple[str, str, str], str]:
    """The addresses by (cluster, caller, callee)."""
    found = {}
    for where, items in objects.items():
        for each in items:
            if each["kind"] == "Deployment":
                notes = each["spec"]["template"]["metadata"].get("annotations") or {}
                for key, value in notes.items():
                    if key.startswith(NOTE):
                        found[where, each["metadata"]["name"], key.removeprefix(NOTE)] = value
    return found
