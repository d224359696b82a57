"""Clusters behind Azure: what the bot writes there, what it believes, and what survives."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.report.model import ROLLOUTS
from bot.sandbox.demo.site import APP
from bot.store.keys import agent_key
from tests.fakes.arm import Fault
from tests.fakes.arm.server import LOST
from tests.fakes.azure_world import SUBSCRIPTION, AzureWorld
from tests.fakes.inline import work_inline
from tests.fakes.world import manifest

ONE = "/arc-one/"
HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "


@pytest.fixture
async def azure(tmp_path: Path) -> AsyncIterator[AzureWorld]:
    work_inline(asyncio.get_running_loop())
    world = AzureWorld(tmp_path)
    yield world
    await world.stop()


def fleet(scope: str = "cluster") -> dict[str, bytes | None]:
    """Two clusters at edge and core, one tenant, two applications of one repository."""
    files = {
        f"clusters/{name}.yaml": (
            f"{HEAD}Cluster\nmetadata: {{name: {name}, labels: {{tier: {tier}}}}}\nspec:\n"
            f"  agent: azure-arc\n  azureArc:\n    subscription: {SUBSCRIPTION}\n"
            f"    resourceGroup: edge\n    resource: arc-{name}\n    scope: {scope}\n"
        )
        for name, tier in (("one", "edge"), ("two", "core"))
    }
    files |= {
        "tenants/shop.yaml": (
            f"{HEAD}Tenant\nmetadata: {{name: shop}}\nspec:\n  namespace: shop\n"
            f"  deploy: local:fleet/deploy\n  clusters: {{}}\n"
        ),
    }
    for name in ("storefront", "billing"):
        files[f"applications/{name}.yaml"] = (
            f"{HEAD}Registration\nmetadata: {{name: {name}}}\nspec: {{application: {name}, "
            f"tenant: shop, app: 'local:{APP}', deploy: 'local:fleet/deploy', path: {name}}}\n"
        )
    return {path: text.encode() for path, text in files.items()}


def app(name: str, *components: str, image: str = "1.0.0") -> dict[str, bytes | None]:
    """An application in a folder of its own."""
    parts = "".join(
        f"    - {{name: {each}, source: {{manifests: deploy/{each}}}}}\n" for each in components
    )
    text = (
        f"{HEAD}Application\nmetadata: {{name: {name}}}\nspec:\n  tenant: shop\n  components:\n"
        f"{parts}  placement:\n    - components: [{', '.join(components)}]\n"
        f"      allOf: [{{matchLabels: {{tier: edge}}}}]\n"
    )
    files: dict[str, bytes | None] = {f"{name}/switchyard.yaml": text.encode()}
    for each in components:
        files[f"{name}/deploy/{each}/deployment.yaml"] = manifest(f"{name}-{each}", image)
    return files


def writes(world: AzureWorld) -> list[str]:
    """What was written for the first cluster, in order."""
    return [
        f"{how} {path.rpartition('/')[2]}"
        for how, path in world.arm.requests
        if how != "GET" and ONE in path
    ]


async def begin(world: AzureWorld, scope: str = "cluster") -> None:
    """Roll both applications out."""
    world.found(fleet(scope))
    files = {**app("storefront", "web", "cart"), **app("billing", "api")}
    world.ada.push(APP, "main", files, "Begin")
    await world.settle()
    await world.roll_out("storefront", "billing")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("cluster", ["PUT switchyard"]),
        ("namespace", ["PUT switchyard", "PUT switchyard-billing", "PUT switchyard-storefront"]),
    ],
)
async def test_a2_two_applications_on_one_cluster_survive_each_other(
    azure: AzureWorld, scope: str, expected: list[str]
) -> None:
    """In EMCO the second replaced the kustomizations of the first, whose objects were pruned."""
    await begin(azure, scope)
    everything = ["billing-api", "storefront-cart", "storefront-web"]
    assert azure.applied("one", "shop") == everything
    assert sorted(set(writes(azure))) == expected

    before = len(writes(azure))
    azure.ada.push(APP, "main", app("storefront", "web", "cart", image="2.0.0"), "Newer")
    await azure.settle()
    await azure.roll_out("storefront")
    assert azure.applied("one", "shop") == everything
    assert len(writes(azure)) == before

    gone = app("storefront", "web", image="2.0.0")
    gone["storefront/deploy/cart/deployment.yaml"] = None
    azure.ada.push(APP, "main", gone, "No cart")
    await azure.settle()
    await azure.roll_out("storefront")
    for _ in range(4):
        await azure.advance(60)
    assert azure.applied("one", "shop") == ["billing-api", "storefront-web"]


async def test_what_azure_refuses_stands_with_the_components(azure: AzureWorld) -> None:
    """And is tried again: later each time, until somebody has mended it."""
    azure.arm.faults += [Fault("GET", 403, "AuthorizationFailed", where=ONE) for _ in range(3)]
    azure.found(fleet())
    azure.ada.push(APP, "main", {**app("storefront", "web"), **app("billing", "api")}, "Begin")
    await azure.settle()
    await azure.advance(5)
    words = azure.context.store.reports.of_application("")
    assert [(each.cluster, each.readiness) for each in words] == [("one", "STALLED")]
    assert "403 AuthorizationFailed" in words[0].message
    assert "next attempt at 12:01" in words[0].message
    assert writes(azure) == []
    await azure.advance(5)
    view = azure.context.store.views.load(ROLLOUTS, "tenant-shop")
    assert view is not None
    assert any("403 AuthorizationFailed" in each.message for each in view.units), view.units

    await azure.roll_out("storefront", "billing")
    assert writes(azure) == ["PUT switchyard"]
    words = azure.context.store.reports.of_application("")
    assert {each.component: each.readiness for each in words}["api"] == "READY"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("PUT", LOST, where=ONE),
        Fault("PUT", 429, "TooManyRequests", {"Retry-After": "45"}, where=ONE),
    ],
    ids=["lost answer", "too many requests"],
)
async def test_a_fault_of_azure_delays_a_rollout_and_loses_nothing(
    azure: AzureWorld, fault: Fault
) -> None:
    azure.arm.faults.append(fault)
    await begin(azure)
    assert azure.applied("one", "shop") == ["billing-api", "storefront-cart", "storefront-web"]
    assert len(writes(azure)) == (1 if fault.status == LOST else 2)


async def test_a_component_that_fails_holds_its_rollout_and_no_other(azure: AzureWorld) -> None:
    await begin(azure)
    azure.azure("one").flux.failing.add("storefront.web")
    azure.ada.push(APP, "main", app("storefront", "web", "cart", image="2.0.0"), "Broken")
    await azure.settle()
    for _ in range(6):
        await azure.advance(30)
    assert any("health check failed" in str(each) for each in azure.view().units)
    azure.ada.push(APP, "main", app("billing", "api", image="2.0.0"), "Fine")
    await azure.settle()
    await azure.roll_out("billing")


async def test_a_cluster_that_does_not_reach_azure_is_not_ready_by_its_old_status(
    azure: AzureWorld,
) -> None:
    await begin(azure)
    azure.azure("one").flux.silent = True
    azure.ada.push(APP, "main", app("storefront", "web", "cart", image="2.0.0"), "Newer")
    await azure.settle()
    for _ in range(4):
        await azure.advance(60)
    assert not azure.view().done
    azure.azure("one").flux.silent = False
    await azure.roll_out("storefront")


async def test_a_cluster_that_falls_silent_is_heard_no_more(azure: AzureWorld) -> None:
    """Azure repeats its last status for ever."""
    await begin(azure)
    azure.azure("one").flux.silent = True
    await azure.advance(60)
    heard = azure.context.store.reports.of_application("billing")[0].received_at
    for _ in range(3):
        await azure.advance(600)
    assert azure.context.store.reports.of_application("billing")[0].received_at == heard
    azure.azure("one").flux.silent = False
    await azure.advance(60)
    await azure.advance(60)
    assert azure.context.store.reports.of_application("billing")[0].received_at > heard


async def test_a_changed_configuration_is_put_right(azure: AzureWorld) -> None:
    """Such as by somebody who adds a kustomization by hand; what is called otherwise is theirs."""
    await begin(azure)
    there = azure.azure("one").resources["switchyard"].properties["kustomizations"]
    there["more"] = {"path": "./clusters/two/sync", "prune": True}
    await azure.advance(60)
    await azure.advance(60)
    assert list(azure.configurations("one")["switchyard"]["kustomizations"]) == ["sync"]
    assert writes(azure) == ["PUT switchyard"] * 2
    entries = azure.context.store.audit.of(agent_key("azure-arc"), 9)
    assert [(each.kind, each.fields["cluster"]) for each in entries].count(("put", "one")) == 2


async def test_without_a_database_the_same_configuration_is_found_again(azure: AzureWorld) -> None:
    await begin(azure)
    await azure.lose_database()
    await azure.sweep()
    await azure.roll_out("storefront", "billing")
    assert writes(azure) == ["PUT switchyard"]


async def test_an_application_that_moves_takes_its_configuration_along(azure: AzureWorld) -> None:
    """With scope `namespace`: the old one goes when its folder has left the deploy repo."""
    await begin(azure, "namespace")
    moved = app("storefront", "web", "cart")
    text = moved["storefront/switchyard.yaml"] or b""
    moved["storefront/switchyard.yaml"] = text.replace(b"tier: edge", b"tier: core")
    azure.ada.push(APP, "main", moved, "Move")
    await azure.settle()
    await azure.roll_out("storefront")
    for _ in range(3):
        await azure.advance(60)
    assert azure.applied("one", "shop") == ["billing-api"]
    assert azure.applied("two", "shop") == ["storefront-cart", "storefront-web"]
    assert sorted(azure.configurations("one")) == ["switchyard", "switchyard-billing"]
    assert sorted(azure.configurations("two")) == ["switchyard", "switchyard-storefront"]


async def test_the_simulated_flux_prunes_what_a_configuration_leaves_out(azure: AzureWorld) -> None:
    """As the real one does, so that the stories above could fail."""
    await begin(azure, "namespace")
    there = azure.azure("one").resources["switchyard-billing"].properties["kustomizations"]
    there.clear()
    azure.arm.step(azure.now)
    assert azure.applied("one", "shop") == ["storefront-cart", "storefront-web"]
