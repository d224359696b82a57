"""Random fleets and applications with connectivity intents, by a seed, and what they declare.

Written from the guide "Let two components talk across clusters": who may call whom is worked out
here from the placement, apart from the planner.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

CLUSTERS = ("eu-1", "eu-2", "us-1")
COMPONENTS = ("cart", "pay", "web", "mail", "stock")
NAMESPACE, SECOND = "shop", "shop-data"
GATEWAY_RANGE = "203.0.113"
OUTSIDE_RANGE = "198.51.100.0/24"
HTTP_RULES = (
    {"methods": ["GET", "HEAD"], "paths": ["/status", "/pay/*"]},
    {"methods": ["POST"]},
    {"paths": ["/open/*"]},
)
OWN = ("plain", "names", "set", "one mesh", "separate meshes", "ambient", "linkerd")
KINDS = (*OWN, "mixed", "apart")
"""What connects the clusters.

With `plain`, nothing but load balancers of some Services; with `apart`, of all that can have one;
with `names`, as with `plain`, and Cilium or OVN admit calls to hosts.
"""


MESHES = {
    "plain": "none",
    "names": "none",
    "set": "none",
    "apart": "none",
    "ambient": "istio-ambient",
    "linkerd": "linkerd",
}
"""The mesh of each kind; of the others it is istio."""


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster and the network facts of its document."""

    name: str
    mesh: str = "none"
    mesh_id: str = ""
    network: str = ""
    trust_domain: str = "cluster.local"
    east_west: str = ""
    ingress: str = ""
    cluster_set: str = ""
    pod_range: str = ""
    policies: str = "networkpolicy"
    egress: str = "none"
    gateway_api: bool = False

    def document(self) -> dict[str, Any]:
        """The `network` of the document, without what is not stated."""
        gateway: dict[str, Any] = {}
        if self.mesh == "linkerd":
            gateway = {"port": 4143, "namespace": "linkerd-multicluster"}
        stated = {
            "mesh": self.mesh,
            "meshId": self.mesh_id,
            "network": self.network,
            "trustDomain": self.trust_domain,
            "clusterSet": self.cluster_set,
            "policies": "clusternetworkpolicy" if self.policies == "ovn" else None,
            "egress": self.egress,
            "gatewayApi": self.gateway_api,
            "eastWest": {"address": self.east_west, **gateway} if self.east_west else None,
            "podRanges": [self.pod_range] if self.pod_range else None,
        }
        if self.ingress:
            stated["ingress"] = {
                "address": self.ingress,
                "namespace": "istio-system",
                "gatewayClass": "edge",
                "selector": {"istio": "ingressgateway"},
            }
        return {key: value for key, value in stated.items() if value}


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a component's Service: its number, where it leads to, and what carries it."""

    name: str
    number: int
    container: int
    by_name: bool
    transport: str = "TCP"


@dataclass(frozen=True, slots=True)
class Part:
    """A component: one workload behind one Service of the same name."""

    name: str
    namespace: str
    where: tuple[str, ...]
    ports: tuple[Port, ...]
    account: str
    headless: bool
    balanced: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """One entry of `connectivity`; caller and callee are (kind, value)."""

    caller: tuple[str, str]
    callee: tuple[str, str]
    port: Port | int
    protocol: str
    allow: tuple[dict[str, Any], ...] = ()
    tls: str = "permissive"
    external: str = ""
    by_name: bool = False

    def document(self) -> dict[str, Any]:
        """The entry as people write it."""
        port = self.port if isinstance(self.port, int) else self.port.number
        named = self.port.name if self.by_name and isinstance(self.port, Port) else port
        stated: dict[str, Any] = {
            "from": {self.caller[0]: self.caller[1]},
            "to": {self.callee[0]: self.callee[1], "port": named, "protocol": self.protocol},
            "tls": self.tls,
        }
        if self.allow:
            stated["allow"] = list(self.allow)
        if self.external:
            stated["external"] = {"host": self.external}
        return stated


@dataclass(frozen=True, slots=True)
class World:
    """A fleet and an application."""

    seed: int
    kind: str
    sites: tuple[Site, ...]
    parts: tuple[Part, ...]
    intents: tuple[Intent, ...]

    def part(self, name: str) -> Part:
        """A component by its name."""
        return next(each for each in self.parts if each.name == name)


def world(seed: int, kind: str = "") -> World:
    """The world of a seed."""
    chance = random.Random(seed)
    kind = kind or chance.choice(KINDS)
    sites = tuple(_sites(chance, kind))
    parts = tuple(_parts(chance, [each.name for each in sites]))
    balance, some = random.Random(f"balanced {seed}"), 1.0 if kind == "apart" else 0.5
    parts = tuple(replace(it, balanced=balance.random() < some and not it.headless) for it in parts)
    outwards = 0.6 if kind == "names" else 0.28
    crowded = MESHES.get(kind) != "none"
    intents = tuple(_distinct(_intents(chance, parts, outwards=outwards, crowded=crowded)))
    return World(seed, kind, sites, parts, intents)


def _sites(chance: random.Random, kind: str) -> Iterator[Site]:
    for number, name in enumerate(CLUSTERS[: chance.randint(1, len(CLUSTERS))]):
        own = kind if kind != "mixed" else chance.choice(OWN)
        mesh = MESHES.get(own, "istio")
        separate = own in {"separate meshes", "linkerd"} or (
            own == "ambient" and chance.random() < 0.25
        )
        engine = chance.choice(("networkpolicy", "networkpolicy", "cilium", "ovn"))
        engine = "cilium" if own == "names" and engine != "ovn" else engine
        in_mesh = mesh != "none" and not separate
        yield Site(
            name,
            mesh,
            mesh_id="m" if in_mesh else "",
            network=chance.choice(("n1", "n2", name)) if in_mesh else "",
            trust_domain=f"{name}.example" if mesh != "none" and separate else "cluster.local",
            east_west=f"{GATEWAY_RANGE}.{number + 1}" if chance.random() < 0.85 else "",
            ingress=f"{GATEWAY_RANGE}.{number + 101}" if chance.random() < 0.85 else "",
            cluster_set="s" if own == "set" or chance.random() < 0.15 else "",
            pod_range=f"10.{number + 1}.0.0/16" if chance.random() < 0.9 else "",
            policies=engine,
            egress=engine if engine != "networkpolicy" and chance.random() < 0.7 else "none",
            gateway_api=chance.random() < 0.7,
        )


def _parts(chance: random.Random, clusters: Sequence[str]) -> Iterator[Part]:
    for name in COMPONENTS[: chance.randint(2, len(COMPONENTS))]:
        yield Part(
            name,
            chance.choice((NAMESPACE, NAMESPACE, SECOND)),
            _places(chance, clusters),
            tuple(_ports(chance)),
            chance.choice((name, name, "shared")),
            chance.random() < 0.15,
        )


def _places(chance: random.Random, clusters: Sequence[str]) -> tuple[str, ...]:
    """Everywhere, or on some clusters."""
    if chance.random() < 0.4:
        return tuple(clusters)
    return tuple(sorted(chance.sample(list(clusters), chance.randint(1, len(clusters)))))


def _ports(chance: random.Random) -> Iterator[Port]:
    names = chance.sample(("http", "metrics", "tcp-db", "grpc"), chance.randint(1, 2))
    for number, name in enumerate(names):
        yield Port(name, 80 + number, 8080 + number, chance.random() < 0.5)
    if chance.random() < 0.2:
        yield Port("udp-log", 514, 5140, by_name=False, transport="UDP")


def _distinct(found: Iterable[Intent]) -> Iterator[Intent]:
    """One intent for each pair, as the documents require."""
    seen: set[object] = set()
    for each in found:
        stated = each.document()
        key = repr((stated["from"], {**stated["to"], "protocol": ""}, stated.get("external")))
        if key not in seen:
            yield each
        seen.add(key)


def _intents(
    chance: random.Random, parts: Sequence[Part], *, outwards: float, crowded: bool
) -> Iterator[Intent]:
    """`crowded`: more rules, and more callers of one port, whom a mesh has to tell apart."""
    ruled, asked = 0.45 if crowded else 0.3, list[tuple[Part, Port]]()
    for _ in range(chance.randint(1, 5)):
        caller, server = chance.sample(list(parts), 2)
        port = chance.choice(server.ports)
        if crowded and asked and chance.random() < 0.4:
            server, port = chance.choice(asked)
            caller = chance.choice([each for each in parts if each is not server])
        asked.append((server, port))
        web = port.name in {"http", "grpc"}
        protocol = {"http": "HTTP", "grpc": "GRPC", "udp-log": "UDP"}.get(port.name, "TCP")
        allow = (
            (chance.choice(HTTP_RULES),) if protocol == "HTTP" and chance.random() < ruled else ()
        )
        tls = chance.choice(("permissive", "permissive", "strict", "none"))
        source, external = ("component", caller.name), ""
        way = chance.random()
        if way < 0.1:
            source = ("namespace", "monitoring")
        elif way < 0.2:
            source = ("cidr", OUTSIDE_RANGE)
            external = f"{server.name}.shop.example.com" if web and chance.random() < 0.6 else ""
            tls = "permissive"
        elif way < outwards:
            goal = chance.choice((("host", "api.example.com"), ("cidr", "192.0.2.0/24")))
            yield Intent(source, goal, 443, "TCP")
            continue
        goal = ("component", server.name)
        named = chance.random() < 0.3
        yield Intent(source, goal, port, protocol, allow, tls, external, named)
