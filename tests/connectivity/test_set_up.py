"""The set-up of a tenant as networks read it: with its NetworkPolicies, and without them."""

import pytest

from planners.model import Tenant
from planners.model.network import Mesh, Network, PolicyEngine
from renderers.tenant_network import cluster_policies, traffic_policies
from tests.connectivity.fleet import Facts, Fleet
from tests.connectivity.mesh import source_is_ready
from tests.connectivity.objects import fleet_of, pod, shop
from tests.connectivity.oracle import reaches
from tests.connectivity.packets import Packet, arrives
from tests.connectivity.traffic import Party, Request

ENGINES = frozenset({"cluster-network-policy"})
TENANT = Tenant("shop", "shop")
DECLARED = Tenant("shop", "shop", declared_traffic_only=True)
OUTSIDE = Party(address="198.51.100.9")


def fleet(tenant: Tenant, mesh: Mesh = Mesh.NONE, *, deleted: bool = False) -> Fleet:
    """The shop with its set-up; with `deleted`, somebody has deleted the NetworkPolicies."""
    network = Network(mesh=mesh, policies=PolicyEngine.CLUSTER_NETWORK_POLICY)
    found = [*traffic_policies(tenant, "shop"), *cluster_policies(tenant, network)]
    kept = [each for each in found if not deleted or each["kind"] != "NetworkPolicy"]
    return fleet_of(shop(*kept, facts=Facts(mesh=mesh, engines=ENGINES, enrolled=True)))


def reached(world: Fleet, client: str, target: str = "pay") -> bool:
    here = pod(world, f"one/{client}"), pod(world, f"one/{target}")
    return reaches(world, *here, 8080, Request("TCP"))


@pytest.mark.parametrize("deleted", [False, True])
def test_namespaces_of_a_tenant_are_closed(deleted: bool) -> None:
    open_within, declared = fleet(TENANT, deleted=deleted), fleet(DECLARED, deleted=deleted)

    assert reached(open_within, "cart")
    assert not reached(open_within, "other")
    assert not reached(open_within, "cart", "other")
    assert not reached(declared, "cart")
    for world in (open_within, declared):
        assert not arrives(world, Packet(Party(pod(world, "one/cart")), OUTSIDE, 443))


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("mesh", [Mesh.NONE, Mesh.ISTIO, Mesh.ISTIO_AMBIENT])
def test_every_pod_has_what_it_needs(mesh: Mesh, deleted: bool) -> None:
    world = fleet(DECLARED, mesh, deleted=deleted)
    cart, names = Party(pod(world, "one/cart")), Party(pod(world, "one/coredns"))

    assert arrives(world, Packet(cart, names, 53, "UDP"))
    assert source_is_ready(world, pod(world, "one/cart"))
    if mesh is Mesh.ISTIO_AMBIENT:
        assert arrives(world, Packet(Party(address="169.254.7.127"), cart, 8080))
