"""The law: every declared pair is reachable, and nothing else is."""

import random
from collections.abc import Iterator
from fnmatch import fnmatchcase

from tests.connectivity.fleet import Pod, routable, same_mesh
from tests.connectivity.oracle import call, enters, leaves, reaches
from tests.connectivity.packets import Packet, arrives
from tests.connectivity.product import OPEN, Rendered, render
from tests.connectivity.traffic import Party, Request
from tests.connectivity.worlds import Intent, Part, Port, World, world

CALLER_OUTSIDE = "198.51.100.23"
NOBODY = "192.0.2.200"
NO_BALANCER = "100.64.9.9"
"""Near the addresses of load balancers."""
UNDECLARED, FAR = 60, 18
OPEN_PORT = Port("http", 80, 8080, by_name=False)


def violations(seed: int, kind: str = "") -> Iterator[str]:
    """What is not as declared in the world of a seed."""
    yield from judge(world(seed, kind))


def judge(given: World) -> Iterator[str]:
    """What is not as declared in a world."""
    rendered = render(given)
    yield from _refused(given, rendered)
    for intent in rendered.intents:
        yield from _reachable(given, rendered, intent)
    yield from _closed(given, rendered)


def _refused(given: World, rendered: Rendered) -> Iterator[str]:
    """Intents that every cluster carries out, but the plan refuses."""
    for intent in given.intents:
        plain = intent.callee[0] == "component" and not intent.allow and not intent.external
        if intent in rendered.intents or not plain or intent.tls == "strict":
            continue
        if _is_ambiguous(given, intent):
            continue
        if all(source == goal for source, goal in links(given, intent)):
            yield f"the plan refuses {intent.caller[1]} to {intent.callee[1]}: {rendered.refused}"


def _is_ambiguous(given: World, intent: Intent) -> bool:
    """Whether a mesh cannot tell its callers from others, or leads them another way.

    Callers in plain text beside others that may make some requests only; callers beside others
    with the same service account; a Service behind a waypoint that other clusters call.
    """
    if all(each.mesh == "none" for each in given.sites):
        return False
    others = [it for it in given.intents if it is not intent and it.callee[0] == "component"]
    beside = [it for it in others if it.callee == intent.callee]
    is_plain = intent.tls == "none" or intent.external
    if any(it.allow for it in beside) and (is_plain or "ambient" in given.kind):
        return True
    if intent.caller[0] != "component":
        return False
    mine = given.part(intent.caller[1])
    callers = (given.part(it.caller[1]) for it in others if it.caller[0] == "component")
    account = (mine.namespace, mine.account)
    return any(it is not mine and (it.namespace, it.account) == account for it in callers)


def _pod(rendered: Rendered, cluster: str, name: str) -> Pod:
    return next(it for it in rendered.fleet[cluster].pods if it.name == name and not it.platform)


def links(given: World, intent: Intent) -> Iterator[tuple[str, str]]:
    """(cluster of the caller, cluster of the callee) for every pair of an intent."""
    servers = given.part(intent.callee[1]).where
    if intent.caller[0] != "component":
        yield from ((each, each) for each in servers)
        return
    for cluster in given.part(intent.caller[1]).where:
        yield from ((cluster, each) for each in ([cluster] if cluster in servers else servers))


def requests(intent: Intent) -> list[Request]:
    """One request for each rule of an intent."""
    if intent.protocol != "HTTP":
        grpc = intent.protocol == "GRPC"
        return [Request(intent.protocol, "POST" if grpc else "", "/pay.Pay/Do" if grpc else "")]
    return [
        Request("HTTP", method, path.replace("*", "x"))
        for rule in intent.allow or ({},)
        for method in rule.get("methods", ["GET"])
        for path in rule.get("paths", ["/some"])
    ]


def _reachable(given: World, rendered: Rendered, intent: Intent) -> Iterator[str]:
    if intent.callee[0] != "component":
        yield from _outwards(given, rendered, intent)
        return
    part = given.part(intent.callee[1])
    assert isinstance(intent.port, Port)
    for source, goal in links(given, intent):
        target = _pod(rendered, goal, part.name)
        for request in requests(intent):
            if not _arrives(rendered, intent, source, (target, part), request):
                yield f"{intent.caller[1]} on {source} does not reach {target} ({request})"


def _arrives(
    rendered: Rendered, intent: Intent, source: str, to: tuple[Pod, Part], request: Request
) -> bool:
    target, part = to
    port = intent.port
    assert isinstance(port, Port)
    if intent.caller[0] == "cidr":
        if intent.external:
            arrival = (intent.external, "plain", request)
            return target in enters(
                rendered.fleet, rendered.fleet[source], CALLER_OUTSIDE, 80, arrival
            )
        outside = Party(address=CALLER_OUTSIDE)
        packet = Packet(outside, Party(target), port.container, port.transport)
        return arrives(rendered.fleet, packet)
    name = "prober" if intent.caller[0] == "namespace" else intent.caller[1]
    client = _pod(rendered, source, name)
    given = rendered.addresses.get((source, name, part.name))
    own = port.container if part.headless else port.number
    host, _, number = (given or f"{part.name}.{part.namespace}.svc:{own}").rpartition(":")
    if given is None and source != target.cluster:
        return reaches(rendered.fleet, client, target, port.container, request)
    return target in call(rendered.fleet, client, host, int(number), request)


def _outwards(given: World, rendered: Rendered, intent: Intent) -> Iterator[str]:
    host = intent.callee[1] if intent.callee[0] == "host" else "192.0.2.9"
    for source in given.part(intent.caller[1]).where:
        client = _pod(rendered, source, intent.caller[1])
        if not leaves(rendered.fleet, client, host, 443):
            yield f"{client} does not reach {host}"


def _closed(given: World, rendered: Rendered) -> Iterator[str]:
    """Some of all pairs that nobody declared, by any way; and the ways out and in."""
    chance = random.Random(given.seed)
    declared = {
        (
            source,
            intent.caller[1] if intent.caller[0] == "component" else "prober",
            goal,
            *_key(intent),
        )
        for intent in rendered.intents
        if intent.callee[0] == "component" and intent.caller[0] != "cidr"
        for source, goal in links(given, intent)
    }
    pairs = list(_pairs(given, rendered))
    chance.shuffle(pairs)
    called = {it[3:] for it in declared}
    near = [it for it in pairs if it[0].cluster == it[1].cluster]
    far = [it for it in pairs if it[0].cluster != it[1].cluster]
    far.sort(key=lambda it: (it[1].name, it[2].container) not in called)
    for client, target, port in [*near[:UNDECLARED], *far[:FAR], *far[FAR:][-FAR // 3 :]]:
        key = (client.cluster, client.name, target.cluster, target.name, port.container)
        if _by_ranges(rendered, declared, key) or _by_proxies(given, rendered, declared, key):
            continue
        if _in_plain_text(given, rendered, key):
            continue
        for request in _asked(rendered, port, target):
            number = port.container
            if not _may_request(given, rendered, key, request) and (
                reaches(rendered.fleet, client, target, number, request)
            ):
                yield f"{client} reaches {target}:{number} ({request}), which nobody declared"
    yield from _closed_outside(given, rendered)
    yield from _entered(given, rendered)


def _asked(rendered: Rendered, port: Port, target: Pod) -> Iterator[Request]:
    """A request that no intent allows, and those that intents allow to somebody."""
    yield Request("UDP" if port.transport == "UDP" else "HTTP", "DELETE", "/else")
    for each in rendered.intents:
        if each.allow and _key(each) == (target.name, port.container):
            yield from requests(each)


def _by_ranges(
    rendered: Rendered,
    declared: set[tuple[str, str, str, str, int]],
    key: tuple[str, str, str, str, int],
) -> bool:
    """Whether a pair is open because two others are, without a mesh (the guide says so).

    The client may leave for the other cluster on that port, and the server admits that port from
    there: policies state the ranges of clusters.
    """
    source, client, goal, target, port = key
    here, there = rendered.fleet[source], rendered.fleet[goal]
    if source == goal or here.facts.mesh != "none" or not routable(here, there):
        return False
    leaves_for = any(
        (it[0], it[1], it[2], it[4]) == (source, client, goal, port) for it in declared
    )
    admits = any((it[0], it[2], it[3], it[4]) == (source, goal, target, port) for it in declared)
    return leaves_for and admits


def _in_plain_text(given: World, rendered: Rendered, key: tuple[str, str, str, str, int]) -> bool:
    """Whether a pod of others comes in by its address, as callers without encryption do.

    In one network of a mesh, `tls: none` leaves the ranges of clusters to tell callers by (the
    guide says so).
    """
    source, client, goal, *called = key
    if client in {each.name for each in given.parts} or source == goal:
        return False
    plain = (it for it in rendered.intents if it.tls == "none" and it.callee[0] == "component")
    return any(list(_key(it)) == called and (source, goal) in set(links(given, it)) for it in plain)


def _by_proxies(
    given: World,
    rendered: Rendered,
    declared: set[tuple[str, str, str, str, int]],
    key: tuple[str, str, str, str, int],
) -> bool:
    """Whether Linkerd's proxies open a pair because others are declared (the guide says so).

    Policies see one port for all ports of a pod. Across clusters they see the gateway, which is
    open to pods whose egress is not denied, and to those that leave for it by another pair.
    """
    source, client, goal, *_ = key
    if {rendered.fleet[each].facts.mesh for each in (source, goal)} != {"linkerd"}:
        return False
    if source == goal:
        return any(it[:4] == key[:4] for it in declared)
    others = client not in {each.name for each in given.parts}
    leaves_for = others or any((it[0], it[1], it[2]) == key[:3] for it in declared)
    return leaves_for and any(it[0] != goal and it[2:] == key[2:] for it in declared)


def _key(intent: Intent) -> tuple[str, int]:
    assert isinstance(intent.port, Port)
    return intent.callee[1], intent.port.container


def _pairs(given: World, rendered: Rendered) -> Iterator[tuple[Pod, Pod, Port]]:
    """Every pod that could call, with every port of every component.

    Left out are pods of others, and those whose egress is not denied, that reach pods of another
    cluster by their addresses, or by those of load balancers: of packets that come from there, a
    NetworkPolicy knows the network only (the guide says so). In one mesh identities count too.
    """
    own = {each.name for each in given.parts}
    for cluster in rendered.fleet.values():
        for client in cluster.pods:
            if client.platform:
                continue
            for part in given.parts:
                for where in part.where:
                    other = rendered.fleet[where]
                    by_address = routable(cluster, other) or part.balanced
                    open_ = by_address and not same_mesh(cluster, other)
                    if client.name not in own and where != cluster.name and open_:
                        continue
                    target = _pod(rendered, where, part.name)
                    if target is not client:
                        yield from ((client, target, port) for port in part.ports)
            if client.name in own:
                yield client, _pod(rendered, client.cluster, OPEN), OPEN_PORT


def _may_request(
    given: World, rendered: Rendered, key: tuple[str, str, str, str, int], request: Request
) -> bool:
    """Whether any intent of the pair admits the request."""
    source, client, goal, *rest = key
    for intent in rendered.intents:
        if intent.callee[0] != "component" or list(_key(intent)) != rest:
            continue
        name = intent.caller[1] if intent.caller[0] == "component" else "prober"
        pairs = set(links(given, intent))
        own = name == client and (source, goal) in pairs
        if name == client and source != goal and _share_identities(rendered, source, goal):
            own = any(goal == each and where != goal for where, each in pairs)
        if _is_warned_of(rendered, intent, client):
            own = any(goal == each for _, each in pairs)
        if own and any(_in_rule(rule, request) for rule in intent.allow or ({},)):
            return True
    return False


def _entered(given: World, rendered: Rendered) -> Iterator[str]:
    """Requests and callers that no intent lets in by the name under which a component is open."""
    for intent in rendered.intents:
        same = [it for it in rendered.intents if it.external == intent.external]
        asked = [(NOBODY, each) for each in requests(intent)]
        if all(it.allow for it in same):
            asked.append((CALLER_OUTSIDE, Request("HTTP", "DELETE", "/else")))
        for where in given.part(intent.callee[1]).where if intent.external else ():
            cluster = rendered.fleet[where]
            for address, request in asked:
                found = enters(
                    rendered.fleet, cluster, address, 80, (intent.external, "plain", request)
                )
                yield from (f"{address} enters {it} ({request})" for it in found)


def _share_identities(rendered: Rendered, source: str, goal: str) -> bool:
    """Whether a caller is the same one on both clusters: Istio's identities name no cluster."""
    meshes = (rendered.fleet[each].facts.mesh for each in (source, goal))
    return all(each.startswith("istio") for each in meshes)


def _is_warned_of(rendered: Rendered, intent: Intent, client: str) -> bool:
    """Whether the plan says that this client comes in too, from whatever cluster."""
    if intent.caller[0] == "namespace":
        return client == "prober" and rendered.admits_too(intent, "namespace monitoring")
    return rendered.admits_too(intent, client)


def _in_rule(rule: dict[str, list[str]], request: Request) -> bool:
    methods, paths = rule.get("methods"), rule.get("paths")
    return (not methods or request.method in methods) and (
        not paths or any(fnmatchcase(request.path, each) for each in paths)
    )


def _closed_outside(given: World, rendered: Rendered) -> Iterator[str]:
    """Ways out of a tenant that denies egress, and ways in."""
    out = {(it.caller[1], it.callee) for it in rendered.intents if it.callee[0] != "component"}
    entries = {_key(it) for it in rendered.intents if it.caller[0] == "cidr"}
    for part in given.parts:
        for where in part.where:
            pod = _pod(rendered, where, part.name)
            for host, callee in (
                ("evil.example.org", ("", "")),
                ("evil.example.com", ("", "")),
                ("api.example.com", ("host", "api.example.com")),
                ("192.0.2.9", ("cidr", "192.0.2.0/24")),
                (NO_BALANCER, ("", "")),
            ):
                number = 80 if host == NO_BALANCER else 443
                if (part.name, callee) not in out and leaves(rendered.fleet, pod, host, number):
                    yield f"{pod} reaches {host}, which nobody declared"
            for port in part.ports:
                for address in (CALLER_OUTSIDE, NOBODY):
                    packet = Packet(
                        Party(address=address), Party(pod), port.container, port.transport
                    )
                    open_ = (part.name, port.container) in entries and address == CALLER_OUTSIDE
                    if not open_ and arrives(rendered.fleet, packet):
                        yield f"{address} reaches {pod}:{port.container}, which nobody declared"
