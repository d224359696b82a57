"""Known defects of what derives connections, each in a copy, which random worlds must find.

`python -m tests.connectivity.mutations` copies the source to a scratch folder, makes one
replacement at a time, and judges worlds; it prints the table, and fails for a defect that no world
finds. ADR 0062 has the reasons.
"""

import re
import sys

from tests.simulation.mutations import Mutation
from tests.tools.mutants import Verdict, arguments, print_table, run_mutant

WORLDS = 1_000
FOUND = re.compile(r"(?m)^seed (\d+): (.*)$")
POLICY = "renderers/carriers/network_policy.py"
CILIUM = "renderers/carriers/cilium.py"
ISTIO = "renderers/carriers/_istio.py"
CONFLICTS = "renderers/carriers/_istio_conflicts.py"
POLICIES = "renderers/carriers/istio_policies.py"
ROUTES = "renderers/carriers/istio_routes.py"
SETUP = "renderers/tenant_network.py"

MUTATIONS = (
    Mutation(
        "admit every pod of the caller's namespace",
        POLICY,
        '"podSelector": {"matchLabels": dict(labels)},',
        '"podSelector": {},',
        "plain",
    ),
    Mutation(
        "admit pods with the caller's labels in every namespace",
        POLICY,
        '{"matchLabels": {_NAMESPACE_NAME: namespace}},\n        "podSelector"',
        '{},\n        "podSelector"',
        "plain",
    ),
    Mutation(
        "open the port of the Service",
        POLICY,
        "for each in service.targets]",
        "for each in (service.port,)]",
        "plain",
    ),
    Mutation(
        "open every transport as TCP",
        POLICY,
        "[_port(each, service.transport)",
        '[_port(each, "TCP")',
        "plain",
    ),
    Mutation(
        "forget the caller's egress",
        POLICY,
        "if unit.tenant.deploy is None:",
        "if unit.tenant is not None:",
        "plain",
    ),
    Mutation(
        "forget the control plane of sidecars",
        SETUP,
        "return _ISTIOD if network.mesh.is_istio or gateways else None",
        "return None",
        "one mesh",
    ),
    Mutation(
        "let everybody outside in by the network of one",
        POLICY,
        'yield {"ipBlock": {"cidr": client.cidr}}',
        'yield {"ipBlock": {"cidr": "0.0.0.0/0"}}',
        "plain",
    ),
    Mutation(
        "let a caller out to every network",
        POLICY,
        'block: Json = {"ipBlock": {"cidr": server.cidr}}',
        'block: Json = {"ipBlock": {"cidr": "0.0.0.0/0"}}',
        "plain",
    ),
    Mutation(
        "forget the look-ups of callers of hosts",
        CILIUM,
        "return [*rules, _DNS]",
        "return rules",
        "names",
    ),
    Mutation(
        "let a caller out to every host of its host's domain",
        CILIUM,
        'return {"matchPattern" if "*" in host else "matchName": host}',
        'return {"matchPattern": "*." + host.partition(".")[2]}',
        "names",
    ),
    Mutation(
        "let pods out to every host by the port of one",
        "renderers/carriers/ovn.py",
        'return [*found, *(_rule("Deny", {"cidrSelector": each}, closed) for each in EVERYWHERE)]',
        "return found",
        "names",
    ),
    Mutation(
        "connect callers with callees elsewhere alone",
        "planners/connect.py",
        "for server in (cluster,) if cluster in here else servers:",
        "for server in servers:",
        "plain",
    ),
    Mutation(
        "give callers of pods the port of their Service",
        "renderers/connections.py",
        "return self.targets[0] if self.headless else self.port",
        "return self.port",
        "plain",
    ),
    Mutation(
        "export Services under another name",
        "renderers/carriers/multicluster_services.py",
        '.svc.clusterset.local", service.called_port',
        '.svc.cluster.local", service.called_port',
        "set",
    ),
    Mutation(
        "let callers out to every load balancer by that of their server",
        POLICY,
        '{"ipBlock": {"cidr": str(ip_network(each))}} for each in server.addresses',
        '{"ipBlock": {"cidr": "100.64.0.0/10"}} for each in server.addresses',
        "apart",
    ),
    Mutation(
        "let callers out to load balancers at the ports of pods",
        POLICY,
        "return blocks, [_port(server.service.port, server.service.transport)]",
        "return blocks, _server_ports(connection, server)",
        "apart",
    ),
    Mutation(
        "forget who calls a load balancer",
        POLICY,
        "elif _is_direct(connection):",
        "elif _is_direct(connection) and connection.case is not Case.APART:",
        "apart",
    ),
    Mutation(
        "leave traffic within the tenant open",
        SETUP,
        "return () if tenant.declared_traffic_only else _namespaces(tenant)",
        "return _namespaces(tenant)",
        "plain",
    ),
    Mutation(
        "let admitted callers of a mesh ask at every port",
        ISTIO,
        'operation: dict[str, Json] = {"ports": on}',
        'operation: dict[str, Json] = {"ports": [*on, "8080", "8081"]}',
        "ambient",
    ),
    Mutation(
        "know callers of a mesh by their namespaces",
        ISTIO,
        'yield {"principals": callers}',
        'yield {"namespaces": [e.namespace for e in client.pods]}',
        "one mesh",
    ),
    Mutation(
        "admit everybody where some callers have no identity",
        ISTIO,
        'yield {"notPrincipals": ["*"], **near}',
        'yield {"notPrincipals": ["none"], **near}',
        "one mesh",
    ),
    Mutation(
        "admit a namespace of other clusters of one network",
        ISTIO,
        '{"notIpBlocks": [*far]} if far else {}',
        "{}",
        "one mesh",
    ),
    Mutation(
        "let everybody outside in by a gateway of the mesh",
        ISTIO,
        "remote = not open_ and not client.is_everybody",
        "remote = False",
        "one mesh",
    ),
    Mutation(
        "forget what callers may ask for",
        ISTIO,
        "for rule in allow or (RequestRule(),):",
        "for rule in (RequestRule(),):",
        "one mesh",
    ),
    Mutation(
        "let callers go round a waypoint",
        POLICIES,
        "rules.add([waypoint_source(called)], operations((), ports))",
        "rules.add([waypoint_source(called), *sources(connection, server)], operations((), ports))",
        "ambient",
    ),
    Mutation(
        "take the Service's port for the pod's in a mesh",
        POLICIES,
        "ports = server.service.targets",
        "ports = (server.service.port,)",
        "one mesh",
    ),
    Mutation(
        "let plain text in beside rules",
        CONFLICTS,
        "if ruled is not None and is_open(each, server):",
        "if ruled is not None and is_open(each, server) and each.case.crosses:",
        "one mesh",
    ),
    Mutation(
        "let components with one account make each other's requests",
        CONFLICTS,
        "        if is_ruled:\n            yield each",
        "        if is_ruled and each.case.crosses:\n            yield each",
        "ambient",
    ),
    Mutation(
        "say nothing of a namespace of other clusters",
        CONFLICTS,
        "if isinstance(each.client, NamespaceClient):",
        "if isinstance(each.client, NamespaceClient) and each.case.crosses:",
        "one mesh",
    ),
    Mutation(
        "keep Services of an ambient mesh in their cluster",
        ROUTES,
        '"istio.io/global": "true"',
        '"istio.io/global": "false"',
        "ambient",
    ),
    Mutation(
        "lead callers of separate meshes to one cluster alone",
        ROUTES,
        "[self.clusters[name] for name in sorted(self.clusters)]",
        "[self.clusters[name] for name in sorted(self.clusters)][:1]",
        "separate meshes",
    ),
    Mutation(
        "lead callers of separate meshes to another port",
        ROUTES,
        'f"outbound_.{service.port}_._.{service.full_name}"',
        'f"outbound_.{service.port + 1}_._.{service.full_name}"',
        "separate meshes",
    ),
    Mutation(
        "mirror no Service of Linkerd",
        "renderers/carriers/linkerd_mirroring.py",
        '{"mirror.linkerd.io/exported": "true"}',
        '{"mirror.linkerd.io/exported": "false"}',
        "linkerd",
    ),
    Mutation(
        "forget the port between proxies of Linkerd",
        POLICY,
        "return LINKERD_PROXY",
        "return None",
        "linkerd",
    ),
    Mutation(
        "let callers leave for another port of a gateway",
        POLICY,
        'return [block], [_port(gateway.port, "TCP")]',
        'return [block], [_port(443, "TCP")]',
        "one mesh",
    ),
    Mutation(
        "admit gateways of other namespaces",
        POLICY,
        "yield _namespace(network.east_west.namespace)",
        'yield _namespace("gateways")',
        "separate meshes",
    ),
    Mutation(
        "open the pods' own port where tunnels arrive",
        POLICY,
        'return [*([] if strict else ports), _port(tunnel, "TCP")]',
        "return ports",
        "ambient",
    ),
)


def main() -> int:
    """Try the mutations; 1 where one is not found."""
    options = arguments("python -m tests.connectivity.mutations").parse_args()
    return print_table(MUTATIONS, options.only, "not as declared", judge)


def judge(mutation: Mutation) -> Verdict:
    """Whether something is not as declared in a copy that has the defect."""
    found = FOUND.search(attempt(mutation))
    return Verdict(found[1], found[2], found=True) if found else Verdict()


def attempt(mutation: Mutation) -> str:
    """What the judge prints of a copy that has the defect."""
    told = ["--jobs", "1", "--worlds", str(WORLDS), "--kind", mutation.profile, "--stop"]
    done = run_mutant(mutation, "tests/connectivity", ("mutations.py",), told)
    if done.stderr:
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
