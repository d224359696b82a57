"""Applying and pruning the objects of one unit, against an API server that speaks the protocol."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bot.clusters import ClusterApi
from bot.clusters.units import Outcome, apply_unit
from renderers.inventory import (
    NAMESPACE,
    REVISION_ANNOTATION,
    UNIT_LABEL,
    ApplyState,
    ApplyUnit,
    Entry,
    Inventory,
    inventory_name,
)
from tests.fakes.cluster_api import BOT, FakeCluster

OLD, NEW = "a" * 40, "b" * 40
INVENTORY = ("", "ConfigMap", NAMESPACE, inventory_name("shop", "cart"))


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, replicas: int = 2) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas},
    }


def definition() -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.shop.example.com"},
        "spec": {
            "group": "shop.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1"}],
        },
    }


def widget() -> dict[str, Any]:
    return {
        "apiVersion": "shop.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 3},
    }


class Bench:
    """A cluster with a tenant `shop`, and the unit shop/cart on it."""

    def __init__(self, cluster: FakeCluster, api: ClusterApi, account: str) -> None:
        self.cluster, self.api, self.account = cluster, api, account

    async def apply(self, *items: dict[str, Any], revision: str = OLD) -> Outcome:
        """Apply the unit's objects once."""
        return await apply_unit(
            self.api, ApplyUnit("shop", "cart", revision, self.account, "shop", "local:d/d", items)
        )

    def names(self) -> set[str]:
        """The tenant's objects, as `Kind/name`."""
        return {
            f"{kind}/{name}"
            for _, kind, namespace, name in self.cluster.objects.items
            if namespace == "shop"
        }

    def inventory(self) -> Inventory:
        """The inventory as it is stored."""
        return Inventory.read(self.cluster.objects.items[INVENTORY])

    def writes(self) -> list[tuple[str, str]]:
        """The requests that write, without the object's namespace."""
        return [
            (method, path.rpartition("/")[2])
            for method, path, _ in self.cluster.requests
            if method != "GET"
        ]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    cluster = FakeCluster()
    account = cluster.tenant("shop", "shop")
    async with cluster.serve() as connection:
        yield Bench(cluster, ClusterApi(connection), account)


async def test_objects_are_applied_as_the_tenant_and_recorded_before(bench: Bench) -> None:
    outcome = await bench.apply(deployment("cart"), config("cfg", a="1"))

    assert outcome == Outcome(ApplyState.APPLIED)
    assert bench.names() == {"ConfigMap/cfg", "Deployment/cart"}
    assert bench.writes() == [
        ("POST", "configmaps"),
        ("PATCH", "cfg"),
        ("PATCH", "cart"),
        ("PUT", INVENTORY[3]),
    ]
    writers = {user for method, _, user in bench.cluster.requests if method == "PATCH"}
    assert writers == {bench.account}
    item = bench.cluster.objects.items["", "ConfigMap", "shop", "cfg"]
    assert item["metadata"]["labels"] == {UNIT_LABEL: "shop.cart"}
    assert item["metadata"]["annotations"] == {REVISION_ANNOTATION: OLD}
    assert {each.uid for each in bench.inventory().entries} == {"uid-3", "uid-4", "uid-5"} - {
        bench.cluster.objects.items[INVENTORY]["metadata"]["uid"]
    }


async def test_applying_again_changes_nothing(bench: Bench) -> None:
    await bench.apply(deployment("cart"), config("cfg", a="1"))
    before = {
        address: item["metadata"]["resourceVersion"]
        for address, item in bench.cluster.objects.items.items()
        if address != INVENTORY
    }
    await bench.apply(deployment("cart"), config("cfg", a="1"))

    after = bench.cluster.objects.items
    assert {each: after[each]["metadata"]["resourceVersion"] for each in before} == before


async def test_what_is_not_wanted_any_more_is_deleted_after_the_rest_is_applied(
    bench: Bench,
) -> None:
    await bench.apply(deployment("cart"), config("old"))
    bench.cluster.requests.clear()
    outcome = await bench.apply(deployment("cart"), config("new"), revision=NEW)

    assert outcome == Outcome(ApplyState.APPLIED)
    assert bench.names() == {"ConfigMap/new", "Deployment/cart"}
    assert bench.writes() == [
        ("PUT", INVENTORY[3]),
        ("PATCH", "new"),
        ("PATCH", "cart"),
        ("DELETE", "old"),
        ("PUT", INVENTORY[3]),
    ]
    assert (bench.inventory().revision, bench.inventory().state) == (NEW, ApplyState.APPLIED)


async def test_a_removed_unit_leaves_nothing(bench: Bench) -> None:
    await bench.apply(deployment("cart"), config("cfg"))

    assert await bench.apply(revision=NEW) == Outcome(ApplyState.APPLIED)
    assert bench.names() == set()
    assert INVENTORY not in bench.cluster.objects.items


async def test_objects_that_finalizers_keep_stay_recorded(bench: Bench) -> None:
    kept = config("kept")
    kept["metadata"]["finalizers"] = ["example.com/backup"]
    await bench.apply(kept)
    outcome = await bench.apply(revision=NEW)

    assert outcome.state is ApplyState.APPLYING
    assert outcome.again is not None
    assert "ConfigMap/kept" in outcome.message
    assert [each.name for each in bench.inventory().entries] == ["kept"]

    bench.cluster.objects.release(("", "ConfigMap", "shop", "kept"))
    assert await bench.apply(revision=NEW) == Outcome(ApplyState.APPLIED)
    assert INVENTORY not in bench.cluster.objects.items


@pytest.mark.parametrize("lost", range(5))
async def test_a_lost_answer_is_made_up_for(bench: Bench, lost: int) -> None:
    """The server does the write, the answer is lost: for each write of an update in turn."""
    await bench.apply(deployment("cart"), config("old"))
    wanted = (deployment("cart"), config("new"))
    bench.cluster.requests.clear()
    bench.cluster.lost_answer = lost
    outcomes = [await bench.apply(*wanted, revision=NEW) for _ in range(2)]

    assert bench.cluster.lost_answer is None
    assert outcomes[-1] == Outcome(ApplyState.APPLIED)
    assert bench.names() == {"ConfigMap/new", "Deployment/cart"}
    assert {each.name for each in bench.inventory().entries} == {"cart", "new"}
    assert all(each.uid for each in bench.inventory().entries)


async def test_a_lost_inventory_is_rebuilt_from_what_the_cluster_has(bench: Bench) -> None:
    await bench.apply(deployment("cart"), config("old"))
    copied = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "cart-x", "namespace": "shop", "labels": {UNIT_LABEL: "shop.cart"}},
    }
    bench.cluster.add(copied, "endpointslice-controller")
    bench.cluster.objects.items.pop(INVENTORY)
    await bench.apply(deployment("cart"), revision=NEW)

    assert bench.names() == {"Deployment/cart", "EndpointSlice/cart-x"}
    assert [each.name for each in bench.inventory().entries] == ["cart"]


async def test_an_unreadable_inventory_counts_as_lost(bench: Bench) -> None:
    await bench.apply(deployment("cart"), config("old"))
    bench.cluster.objects.patch(INVENTORY, ("data",), {"inventory.json": "[" * 9000}, "kubectl")
    await bench.apply(deployment("cart"), revision=NEW)

    assert bench.names() == {"Deployment/cart"}


async def test_other_managers_are_named_and_nothing_is_forced(bench: Bench) -> None:
    await bench.apply(deployment("cart"))
    address = ("apps", "Deployment", "shop", "cart")
    bench.cluster.objects.patch(address, ("spec", "replicas"), 9, "kube-controller-manager")
    outcome = await bench.apply(deployment("cart"), revision=NEW)

    assert outcome.state is ApplyState.STALLED
    assert "kube-controller-manager manages fields" in outcome.message
    assert bench.cluster.objects.items[address]["spec"] == {"replicas": 9}
    assert bench.inventory().state is ApplyState.STALLED
    assert bench.inventory().message == outcome.message


async def test_what_people_changed_with_kubectl_is_set_back(bench: Bench) -> None:
    await bench.apply(deployment("cart"))
    address = ("apps", "Deployment", "shop", "cart")
    bench.cluster.objects.patch(address, ("spec", "replicas"), 9, "kubectl-edit")

    assert await bench.apply(deployment("cart")) == Outcome(ApplyState.APPLIED)
    assert bench.cluster.objects.items[address]["spec"] == {"replicas": 2}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({}, "was not applied by Switchyard"),
        ({UNIT_LABEL: "shop.web"}, "belongs to shop.web"),
    ],
)
async def test_objects_of_others_are_not_taken(
    bench: Bench, labels: dict[str, str], words: str
) -> None:
    theirs = config("cfg", a="theirs")
    theirs["metadata"] |= {"namespace": "shop", "labels": labels}
    bench.cluster.add(theirs)
    outcome = await bench.apply(config("cfg", a="ours"))

    assert outcome.state is ApplyState.STALLED
    assert words in outcome.message
    assert bench.cluster.objects.items["", "ConfigMap", "shop", "cfg"]["data"] == {"a": "theirs"}
    await bench.apply(revision=NEW)
    assert bench.names() == {"ConfigMap/cfg"}


async def test_an_object_is_handed_over_by_its_label(bench: Bench) -> None:
    theirs = config("cfg", a="theirs")
    theirs["metadata"] |= {"namespace": "shop", "labels": {UNIT_LABEL: "shop.cart"}}
    bench.cluster.add(theirs, "kubectl-client-side-apply")

    assert await bench.apply(config("cfg", a="ours")) == Outcome(ApplyState.APPLIED)
    assert bench.cluster.objects.items["", "ConfigMap", "shop", "cfg"]["data"] == {"a": "ours"}


async def test_an_object_that_was_replaced_is_not_deleted(bench: Bench) -> None:
    await bench.apply(config("cfg"), config("other"))
    del bench.cluster.objects.items["", "ConfigMap", "shop", "cfg"]
    again = config("cfg")
    again["metadata"] |= {"namespace": "shop", "labels": {UNIT_LABEL: "shop.cart"}}
    bench.cluster.add(again)
    await bench.apply(config("other"), revision=NEW)

    assert bench.names() == {"ConfigMap/cfg", "ConfigMap/other"}
    assert [each.name for each in bench.inventory().entries] == ["other"]


async def test_custom_resources_wait_for_their_definition(bench: Bench) -> None:
    bench.account = ""
    bench.cluster.objects.access[BOT].namespaces = None
    outcome = await bench.apply(widget(), definition())

    assert outcome.state is ApplyState.APPLYING
    assert "is not established yet" in outcome.message
    assert bench.names() == set()

    bench.cluster.objects.settle()
    assert await bench.apply(widget(), definition()) == Outcome(ApplyState.APPLIED)
    assert bench.names() == {"Widget/w"}


async def test_a_kind_that_nobody_defines_waits(bench: Bench) -> None:
    outcome = await bench.apply(widget())

    assert outcome.state is ApplyState.APPLYING
    assert "c1 serves no Widget in shop.example.com/v1" in outcome.message


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (config("x") | {"metadata": {"name": "x", "namespace": "kube-system"}}, "cannot patch"),
        (definition(), "cannot patch resource"),
        (config("x") | {"dta": {}}, ".dta: field not declared in schema"),
        (
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "x"},
                "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            },
            "attempting to grant RBAC permissions not currently held",
        ),
        (
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "x"},
                "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            },
            "at the cluster scope",
        ),
    ],
    ids=["namespace", "definition", "field", "escalation", "cluster-wide"],
)
async def test_what_the_server_refuses_stalls_with_its_reason(
    bench: Bench, item: dict[str, Any], words: str
) -> None:
    outcome = await bench.apply(item)

    assert outcome.state is ApplyState.STALLED
    assert words in outcome.message
    assert bench.inventory().message == outcome.message


async def test_an_account_that_may_not_be_acted_for_applies_nothing(bench: Bench) -> None:
    bench.account = "system:serviceaccount:switchyard-system:switchyard-other"
    outcome = await bench.apply(config("cfg"))

    assert outcome.state is ApplyState.STALLED
    assert "cannot impersonate" in outcome.message


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "17"}, 17), ({}, 2), ({"Retry-After": "x"}, 2)]
)
async def test_a_busy_server_is_asked_again_later(
    bench: Bench, headers: dict[str, str], seconds: int
) -> None:
    bench.cluster.faults.append(web.json_response({}, status=429, headers=headers))
    outcome = await bench.apply(config("cfg"))

    assert outcome.state is ApplyState.APPLYING
    assert outcome.again is not None
    assert outcome.again.total_seconds() == seconds
    assert await bench.apply(config("cfg")) == Outcome(ApplyState.APPLIED)


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    bench.cluster.faults.append(web.Response(status=307, headers={"Location": "/api/v1/elsewhere"}))
    outcome = await bench.apply(config("cfg"))

    assert "redirects, which is not followed" in outcome.message
    assert not any(path.endswith("elsewhere") for _, path, _ in bench.cluster.requests)


async def test_without_the_namespace_of_inventories_nothing_is_applied(bench: Bench) -> None:
    del bench.cluster.objects.items["", "Namespace", "", NAMESPACE]
    outcome = await bench.apply(config("cfg"))

    assert outcome.state is ApplyState.STALLED
    assert f"c1 has no namespace {NAMESPACE}" in outcome.message
    assert bench.names() == set()


async def test_lists_are_read_in_pages(bench: Bench) -> None:
    bench.cluster.page = 2
    await bench.apply(*(config(f"c{number}") for number in range(5)))
    resource = await bench.api.resource("v1", "ConfigMap")
    listed = await bench.api.list(resource, f"{UNIT_LABEL}=shop.cart", namespace="shop")

    assert [each["metadata"]["name"] for each in listed.items] == [f"c{n}" for n in range(5)]
    assert {each["kind"] for each in listed.items} == {"ConfigMap"}


async def test_secrets_are_never_read_whole(bench: Bench) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"k": "eA=="},
    }
    await bench.apply(secret)
    found = await bench.api.get(Entry("v1", "Secret", "shop", "s"))

    assert found is not None
    assert "data" not in found
