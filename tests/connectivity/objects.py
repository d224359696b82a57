"""Short ways to write the objects of the oracle's own tests."""

from collections.abc import Mapping, Sequence

from tests.connectivity.fleet import Cluster, Facts, Fleet, GatewayFacts, Pod
from tests.connectivity.selectors import Json

EAST_WEST = {"istio": "eastwestgateway"}
INGRESS = {"istio": "ingressgateway"}


def item(api: str, kind: str, where: str, spec: Json, **metadata: Json) -> Json:
    """An object; `where` is namespace/name."""
    namespace, _, name = where.rpartition("/")
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {}), **metadata},
        "spec": spec,
    }


def namespace(name: str, **labels: str) -> Json:
    """A namespace with labels."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def workload(where: str, *ports: tuple[str, int], **labels: str) -> Json:
    """A Deployment whose pods carry `app` and the labels, with an account of the same name."""
    name = where.rpartition("/")[2]
    container = {
        "name": "main",
        "ports": [
            {
                "name": port,
                "containerPort": number,
                "protocol": "UDP" if port == "dgram" else "TCP",
            }
            for port, number in ports
        ],
    }
    template = {
        "metadata": {"labels": {"app": name, **labels}},
        "spec": {"serviceAccountName": name, "containers": [container]},
    }
    return item("apps/v1", "Deployment", where, {"template": template})


def service(where: str, *ports: tuple[str, int, int | str], **labels: str) -> Json:
    """A Service that selects `app`: its name, by ports (name, number, target)."""
    name = where.rpartition("/")[2]
    listed = [{"name": it[0], "port": it[1], "targetPort": it[2]} for it in ports]
    spec = {"selector": {"app": name}, "ports": listed}
    return item("v1", "Service", where, spec, labels=labels)


def policy(where: str, chosen: Mapping[str, str], **sections: Json) -> Json:
    """A NetworkPolicy for the pods with these labels."""
    spec = {"podSelector": {"matchLabels": dict(chosen)}, **sections}
    return item("networking.k8s.io/v1", "NetworkPolicy", where, spec)


def authorization(where: str, **spec: Json) -> Json:
    """An AuthorizationPolicy."""
    return item("security.istio.io/v1", "AuthorizationPolicy", where, spec)


def peers(where: str, mode: str, **spec: Json) -> Json:
    """A PeerAuthentication."""
    return item(
        "security.istio.io/v1", "PeerAuthentication", where, {"mtls": {"mode": mode}, **spec}
    )


def gateway_facts(
    address: str,
    labels: Mapping[str, str],
    gateway_class: str = "",
    port: int = 15443,
    namespace: str = "istio-system",
) -> GatewayFacts:
    """A gateway of the platform."""
    return GatewayFacts(
        address,
        namespace,
        labels=labels,
        account="gateway",
        port=port,
        gateway_class=gateway_class,
    )


def shop(*objects: Json, facts: Facts | None = None, name: str = "one") -> Cluster:
    """A cluster with cart, web and pay in the namespace shop, and other in team."""
    given = [
        workload("shop/cart"),
        workload("shop/web", tier="front"),
        workload("shop/pay", ("http", 8080), ("metrics", 9090), ("dgram", 7000)),
        service("shop/pay", ("http", 80, "http"), ("metrics", 9090, 9090)),
        workload("team/other"),
        namespace("shop"),
        namespace("team", owner="us"),
    ]
    return Cluster(name, [*given, *objects], facts or Facts())


def pod(fleet: Fleet, where: str) -> Pod:
    """The pod of cluster/name."""
    cluster, _, name = where.partition("/")
    return next(each for each in fleet[cluster].pods if each.name == name)


def fleet_of(*clusters: Cluster) -> dict[str, Cluster]:
    """A fleet by names."""
    return {each.name: each for each in clusters}


def ports(*numbers: int | str, protocol: str = "TCP") -> Sequence[Json]:
    """Ports of a NetworkPolicy."""
    return [{"port": each, "protocol": protocol} for each in numbers]
