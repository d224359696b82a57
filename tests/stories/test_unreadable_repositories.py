"""Repositories that Switchyard cannot read concern only the applications that need them."""

from html import unescape

import pytest

from bot.sandbox.demo.site import APP, BOT
from bot.worker import setup_check
from tests.fakes.world import World, small_app, small_fleet

on_github = pytest.mark.parametrize("world", ["github"], indirect=True)
on_each_forge = pytest.mark.parametrize("world", ["memory", "github", "gitlab"], indirect=True)
ALL = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
HEAD = "apiVersion: switchyard.dev/v1alpha1\nkind: "
APP_OF_BANK, DEPLOY_OF_BANK = "bank/app", "bank/deploy"


def two_applications(tenant: str = "bank", quota: str = "") -> dict[str, bytes | None]:
    """A small fleet with a second application, `till`, in repositories of its own."""
    limit = f", quota: {{pods: '{quota}'}}" if quota else ""
    made = {
        "tenants/bank.yaml": f"{HEAD}Tenant\nmetadata: {{name: bank}}\nspec: {{namespace: bank}}\n",
        "tenants/shop.yaml": (
            f"{HEAD}Tenant\nmetadata: {{name: shop}}\nspec: {{namespace: shop{limit}}}\n"
        ),
        "applications/till.yaml": (
            f"{HEAD}Registration\nmetadata: {{name: till}}\nspec: {{application: till, "
            f"tenant: {tenant}, app: 'local:{APP_OF_BANK}', deploy: 'local:{DEPLOY_OF_BANK}'}}\n"
        ),
    }
    return {**small_fleet(), **{path: text.encode() for path, text in made.items()}}


def create(world: World, *paths: str) -> None:
    """Create repositories with a first commit, on the forge of this world."""
    for path in paths:
        world.forge.create_repository(path, {BOT: "write", "otto": "admin"})
        world.otto.push(path, "main", {"README.md": b"Bank.\n"}, "Begin")


async def rolled_out(world: World, fleet: dict[str, bytes | None]) -> list[str]:
    """The waves merged of the shop, by a service that starts with an empty database."""
    world.places["bank/"] = world.places[APP]
    world.found(fleet)
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.lose_database()
    await world.sweep()
    await world.finish()
    return world.merged()


async def test_a_deleted_app_repo_stops_its_own_application_alone(world: World) -> None:
    create(world, DEPLOY_OF_BANK)

    assert await rolled_out(world, two_applications()) == ALL


@on_each_forge
async def test_a_deleted_deploy_repo_stops_its_own_application_alone(world: World) -> None:
    create(world, APP_OF_BANK)

    assert await rolled_out(world, two_applications()) == ALL


async def test_an_empty_deploy_repo_stops_nobody(world: World) -> None:
    create(world, APP_OF_BANK)
    world.forge.create_repository(DEPLOY_OF_BANK, {BOT: "write"})

    assert await rolled_out(world, two_applications("shop", quota="50")) == ALL


@on_github
async def test_a_suspended_installation_stops_its_own_account_alone(world: World) -> None:
    create(world, APP_OF_BANK, DEPLOY_OF_BANK)
    world.github.suspended = {"bank"}

    assert await rolled_out(world, two_applications()) == ALL
    await setup_check.check(world.context)

    page = unescape((await world.client.get("/")).text)
    assert f"{DEPLOY_OF_BANK} cannot be checked: the installation of the GitHub App on bank" in page
    assert "fleet/deploy cannot be checked" not in page


async def test_a_quota_is_not_counted_without_one_of_its_deploy_repos(world: World) -> None:
    create(world, APP_OF_BANK)
    world.found(two_applications("shop", quota="50"))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    assert world.merged() == []
    (problem,) = world.view().problems
    assert problem.startswith(
        f"local:{DEPLOY_OF_BANK} cannot be read, but application till there counts for storefront: "
    )
    create(world, DEPLOY_OF_BANK)
    await world.sweep()
    await world.finish()
    assert world.merged() == ALL
