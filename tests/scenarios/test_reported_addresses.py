"""Components on clusters that have nothing in common: the addresses that clusters report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.cli.folders import read_snapshot
from bot.documents.facts import read_facts
from bot.engine.propose import Proposal, propose
from planners.gating.evaluate import WaveState
from planners.model import Unit
from planners.model.addresses import AwaitedAddress, RefusedAddress
from planners.model.gates import (
    AwaitsAddress,
    AwaitsDependency,
    AwaitsReplacement,
    NotReadyReason,
    PendingUnit,
)
from planners.model.snapshot import DeployBase, Snapshot
from tests.fakes.builders import warnings_of
from tests.fakes.connectivity import CALL, TENANT, fleet, objects, service, shop
from tests.fakes.folders import cluster, write

BALANCED = ", type: LoadBalancer, externalTrafficPolicy: Local"
ALLOWED = f"{TENANT}, kinds: {{allowed: [EndpointSlice]}}"
WHERE = {"cart": ["eu-2"], "payment": ["eu-1"]}
NAME = "connect-cart-to-payment"
SERVICE = f"Service/{NAME}"
NO_WAY = (
    "lacks a way from one cluster to the other: state the same mesh or `spec.network.clusterSet` "
    "for both clusters; make Service/payment one of `type: LoadBalancer` with "
    "`externalTrafficPolicy: Local` [on eu-1 from eu-2]"
)
Addresses = Mapping[str, Sequence[str]]
"""Of payment in namespace `shop`, by cluster."""


def site(name: str, number: int) -> dict[str, str]:
    return cluster(name, network=f"{{podRanges: [10.{number}.0.0/16]}}")


def clusters(tenants: str = ALLOWED) -> dict[str, str]:
    return fleet(site("eu-1", 1), site("eu-2", 2), site("eu-3", 3), tenants=tenants)


def app(where: Mapping[str, Sequence[str]] = WHERE, call: str = CALL, more: str = "") -> Any:
    files = shop(call, where, more)
    files["deploy/payment/service.yaml"] = service("payment", extra=BALANCED)
    return files


def snapshot(
    folder: Path, files: Mapping[str, str], addresses: Addresses, repo: Mapping[str, str]
) -> Snapshot:
    """The Snapshot with what clusters report."""
    at = "2026-11-28T12:00:00Z"
    facts = {
        name: {"at": at, "addresses": {"shop": {"payment": each}}}
        for name, each in addresses.items()
    }
    places = write(folder / "app", files), write(folder / "fleet", repo)
    return read_snapshot(*places, None, None, facts=read_facts(facts))


def planned(
    folder: Path, addresses: Addresses, repo: Mapping[str, str] | None = None, **kind: Any
) -> Proposal:
    return propose(snapshot(folder, app(**kind), addresses, repo or clusters()))


def held(proposal: Proposal) -> tuple[AwaitedAddress, ...]:
    """What cart on eu-2 waits for."""
    assert not proposal.problems, proposal.problems
    return proposal.plan.awaited.get(Unit("cart", "eu-2"), ())


def slice_of(where: str, family: str, *addresses: str) -> dict[str, Any]:
    """The EndpointSlice with the addresses of one cluster."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{NAME}-{where}-{family.lower()}",
            "namespace": "shop",
            "labels": {
                "endpointslice.kubernetes.io/managed-by": "switchyard.dev",
                "kubernetes.io/service-name": NAME,
            },
            "annotations": {
                "switchyard.dev/address-of": f"{where}/shop/payment",
                "switchyard.dev/connectivity": "cart to payment",
            },
        },
        "addressType": family,
        "endpoints": [{"addresses": [it], "conditions": {"ready": True}} for it in addresses],
        "ports": [{"name": "tcp-80", "port": 80, "protocol": "TCP"}],
    }


def test_the_client_gets_a_service_with_the_addresses_and_leaves_for_them_alone(
    tmp_path: Path,
) -> None:
    proposal = planned(tmp_path, {"eu-1": ["192.0.2.10", "2001:db8::1"]})

    assert held(proposal) == ()
    found = objects(proposal, "cart", "eu-2")
    assert found[SERVICE]["spec"] == {
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [{"name": "tcp-80", "port": 80, "protocol": "TCP"}],
    }
    assert found[f"EndpointSlice/{NAME}-eu-1-ipv4"] == slice_of("eu-1", "IPv4", "192.0.2.10")
    assert found[f"EndpointSlice/{NAME}-eu-1-ipv6"] == slice_of("eu-1", "IPv6", "2001:db8::1")
    blocks = [{"ipBlock": {"cidr": it}} for it in ("192.0.2.10/32", "2001:db8::1/128")]
    assert found["NetworkPolicy/connect-from-cart"]["spec"]["egress"][0] == {
        "to": blocks,
        "ports": [{"port": 80, "protocol": "TCP"}],
    }
    served = objects(proposal, "payment", "eu-1")
    assert served["NetworkPolicy/connect-to-payment"]["spec"]["ingress"] == [
        {
            "from": [{"ipBlock": {"cidr": "10.2.0.0/16"}}],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]


def test_the_name_is_known_before_the_address(tmp_path: Path) -> None:
    customization = """
        customizations:
          - name: where
            components: [cart]
            target: {kind: Deployment, name: cart}
            mergePatch:
              metadata: {annotations: {at: "${connect.payment.host}:${connect.payment.port}"}}
    """
    proposal = planned(tmp_path, {"eu-1": ["192.0.2.10"]}, more=customization)
    found = objects(proposal, "cart", "eu-2")
    assert found["Deployment/cart"]["metadata"]["annotations"]["at"] == f"{NAME}.shop.svc:80"


def test_only_the_clients_change_waits_for_the_address(tmp_path: Path) -> None:
    proposal = planned(tmp_path, {})

    expected = AwaitedAddress(("eu-1",), "Service shop/payment")
    assert held(proposal) == (expected,)
    server, client = proposal.evaluation.wave_statuses
    assert [each.unit.component for each in server.change.files] == ["payment"] * 4
    assert (client.change.files, client.state) == ((), WaveState.WAITING)
    assert client.gates == (AwaitsAddress((Unit("cart", "eu-2"),), (expected,)),)
    assert not proposal.evaluation.done


def test_an_address_changes_the_digest(tmp_path: Path) -> None:
    digests = {
        planned(tmp_path / str(number), each).digest
        for number, each in enumerate(({}, {"eu-1": ["192.0.2.10"]}, {"eu-1": ["192.0.2.11"]}))
    }
    assert len(digests) == 3


def test_one_of_several_servers_is_enough(tmp_path: Path) -> None:
    where = {"cart": ["eu-2"], "payment": ["eu-1", "eu-3"]}
    proposal = planned(tmp_path / "none", {}, where=where)
    assert held(proposal) == (AwaitedAddress(("eu-1", "eu-3"), "Service shop/payment"),)

    proposal = planned(tmp_path / "one", {"eu-3": ["192.0.2.30"]}, where=where)
    assert held(proposal) == ()
    found = objects(proposal, "cart", "eu-2")
    assert found[f"EndpointSlice/{NAME}-eu-1-ipv4"]["endpoints"] == []
    assert found[f"EndpointSlice/{NAME}-eu-3-ipv4"] == slice_of("eu-3", "IPv4", "192.0.2.30")
    egress = found["NetworkPolicy/connect-from-cart"]["spec"]["egress"]
    assert egress[0]["to"] == [{"ipBlock": {"cidr": "192.0.2.30/32"}}]
    assert all(each["to"] for each in egress)


def test_a_client_that_comes_before_its_server_goes_on_without(tmp_path: Path) -> None:
    call = f"{CALL}, {{from: {{component: payment}}, to: {{component: cart}}}}"
    files = app(call=call)
    files["deploy/cart/service.yaml"] = service("cart", extra=BALANCED)
    proposal = propose(snapshot(tmp_path, files, {}, clusters()))

    assert set(proposal.plan.awaited) == {Unit("cart", "eu-2")}
    assert (
        "payment calls Service shop/cart of eu-2 once that reports its address, which follows as a "
        "change of its own"
    ) in warnings_of(proposal)
    policy = objects(proposal, "payment", "eu-1")["NetworkPolicy/connect-from-payment"]
    assert policy["spec"]["egress"] == []


def test_a_client_in_an_earlier_stage_than_its_server_goes_on_without(tmp_path: Path) -> None:
    stages = """
        rollout:
          stages:
            - {name: clients, clusters: {names: [eu-2]}}
            - {name: servers, clusters: {names: [eu-1]}}
    """
    proposal = planned(tmp_path, {}, more=stages)

    assert held(proposal) == ()
    assert any("cart calls Service shop/payment of eu-1 once" in it for it in warnings_of(proposal))
    assert objects(proposal, "cart", "eu-2")[f"EndpointSlice/{NAME}-eu-1-ipv4"]["endpoints"] == []


def test_what_comes_after_a_client_that_waits_for_an_address_waits_too(tmp_path: Path) -> None:
    where = {**WHERE, "web": ["eu-2", "eu-3"]}
    files = app(where, f"{CALL}, {{from: {{component: web}}, to: {{component: cart}}}}")
    files["deploy/cart/service.yaml"] = service("cart", extra=BALANCED)
    proposal = propose(snapshot(tmp_path, files, {}, clusters()))

    assert set(proposal.plan.awaited) == {Unit("cart", "eu-2"), Unit("web", "eu-3")}
    waves = {each.change.wave.name: each for each in proposal.evaluation.wave_statuses}
    assert waves["all.3"].change.units == {Unit("web", "eu-2")}
    gates = [each for each in waves["all.3"].gates if isinstance(each, AwaitsDependency)]
    (gate,) = [each for each in gates if each.dependency == "cart"]
    assert gate.pending == (PendingUnit(Unit("cart", "eu-2"), NotReadyReason.MERGE, "all.2"),)


def test_a_move_of_the_server_keeps_the_old_address_until_there_is_a_new_one(
    tmp_path: Path,
) -> None:
    first = planned(tmp_path / "first", {"eu-1": ["192.0.2.10"]})
    moved = snapshot(tmp_path / "moved", app({**WHERE, "payment": ["eu-3"]}), {}, clusters())
    base = DeployBase(moved.base.revision, first.files)
    proposal = propose(replace(moved, base=base))

    states = {each.change.wave.name: each for each in proposal.evaluation.wave_statuses}
    assert {name: each.change.clusters for name, each in states.items()} == {
        "all.1": ("eu-3",),
        "all.2": (),
        "remove.3": ("eu-1",),
    }
    (gate,) = [each for each in states["remove.3"].gates if isinstance(each, AwaitsReplacement)]
    assert PendingUnit(Unit("cart", "eu-2"), NotReadyReason.MERGE, "all.2") in gate.pending

    moved = snapshot(
        tmp_path / "reported",
        app({**WHERE, "payment": ["eu-3"]}),
        {"eu-3": ["192.0.2.30"]},
        clusters(),
    )
    proposal = propose(replace(moved, base=base))
    changed = [each for each in proposal.changes if each.wave.name == "all.2"]
    assert [each.path.rpartition("/")[2] for each in changed[0].files] == [
        f"endpointslice-{NAME}-eu-1-ipv4.yaml",
        f"endpointslice-{NAME}-eu-3-ipv4.yaml",
        "networkpolicy-connect-from-cart.yaml",
    ]


def test_what_is_merged_counts_until_something_else_is_reported(tmp_path: Path) -> None:
    first = planned(tmp_path / "first", {"eu-1": ["192.0.2.10", "2001:db8::1"]})
    merged = {path: first.contents[blob] for f in first.files.values() for path, blob in f.items()}

    def again(name: str, addresses: Addresses) -> Proposal:
        facts = {
            where: {"at": "2026-11-28T12:00:00Z", "addresses": {"shop": {"payment": each}}}
            for where, each in addresses.items()
        }
        folders = [
            write(tmp_path / name / each, files)
            for each, files in (("app", app()), ("fleet", clusters()), ("deploy", merged))
        ]
        return propose(read_snapshot(*folders, None, facts=read_facts(facts)))

    silent, told = again("silent", {}), again("told", {"eu-1": ["192.0.2.11"]})

    assert silent.digest == first.digest
    assert [each.files for each in silent.changes] == [(), ()]
    assert {each.path.rpartition("/")[2] for change in told.changes for each in change.files} == {
        f"endpointslice-{NAME}-eu-1-ipv4.yaml",
        f"endpointslice-{NAME}-eu-1-ipv6.yaml",
        "networkpolicy-connect-from-cart.yaml",
    }


@pytest.mark.parametrize(
    ("reported", "pods_of"),
    [("a1b2.elb.example.com", ""), *((f"10.{it}.0.9", f"eu-{it}") for it in (1, 2, 3))],
)
def test_an_address_that_does_not_count_is_waited_for(
    tmp_path: Path, reported: str, pods_of: str
) -> None:
    (found,) = held(planned(tmp_path / "one", {"eu-1": [reported]}))
    refused = RefusedAddress(reported, pods_of)
    assert found == AwaitedAddress(("eu-1",), "Service shop/payment", refused)

    proposal = planned(tmp_path / "two", {"eu-1": ["192.0.2.10", reported]})
    slices = objects(proposal, "cart", "eu-2")
    assert slices[f"EndpointSlice/{NAME}-eu-1-ipv4"] == slice_of("eu-1", "IPv4", "192.0.2.10")


def test_addresses_in_namespaces_of_others_and_of_other_clusters_are_not_read(
    tmp_path: Path,
) -> None:
    made = snapshot(tmp_path, app(), {"eu-9": ["192.0.2.9"], "eu-3": ["192.0.2.3"]}, clusters())
    assert [str(each) for each in made.addresses] == ["Service shop/payment"]
    assert [each.cluster for each in made.addresses] == ["eu-3"]
    assert held(propose(made)) == (AwaitedAddress(("eu-1",), "Service shop/payment"),)

    facts = {"eu-1": {"at": "2026-11-28T12:00:00Z", "addresses": {"bank": {"payment": ["::1"]}}}}
    with pytest.raises(ValueError, match="invalid address '::1'"):
        read_facts(facts)
    facts["eu-1"]["addresses"] = {"bank": {"payment": ["192.0.2.66"]}}  # type: ignore[assignment]
    folders = tmp_path / "app", tmp_path / "fleet"
    assert read_snapshot(*folders, None, None, facts=read_facts(facts)).addresses == {}


@pytest.mark.parametrize(
    ("extra", "tenants", "said"),
    [
        (", type: LoadBalancer", ALLOWED, NO_WAY),
        (BALANCED, TENANT, "EndpointSlice/connect-cart-to-payment-eu-1-ipv4 is reserved for"),
    ],
)
def test_what_will_not_work_is_refused_before_an_address_is_known(
    tmp_path: Path, extra: str, tenants: str, said: str
) -> None:
    files = app()
    files["deploy/payment/service.yaml"] = service("payment", extra=extra)
    (problem,) = propose(snapshot(tmp_path, files, {}, clusters(tenants))).problems
    assert said in str(problem)


def test_long_names_are_refused(tmp_path: Path) -> None:
    name = "p" * 50
    files = app()
    files["deploy/payment/service.yaml"] = service(name, extra=BALANCED).replace(
        f"app: {name}", "app: payment"
    )
    (problem,) = propose(snapshot(tmp_path, files, {}, clusters())).problems
    assert f"the Service connect-cart-to-{name} has more than 63 characters" in str(problem)
