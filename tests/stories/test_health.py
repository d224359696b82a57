"""Webhooks that were lost or switched off, rules that are missing: mended, or said."""

from html import unescape

import pytest

from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET
from bot.worker import setup_check
from tests.fakes.world import World, small_app, small_fleet

ADDRESS = "http://127.0.0.1:7080/hooks"
on_github = pytest.mark.parametrize("world", ["github"], indirect=True)
on_gitlab = pytest.mark.parametrize("world", ["gitlab"], indirect=True)


async def first_page(world: World) -> str:
    return unescape((await world.client.get("/")).text)


@on_github
async def test_what_was_not_taken_is_asked_for_again(world: World) -> None:
    world.github.hook_url = f"{ADDRESS}/github"
    world.found(small_fleet())
    await world.settle()
    world.deaf = True
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    assert world.merged() == []

    world.deaf = False
    await setup_check.check(world.context)
    await world.github_hooks.redeliver()
    await world.settle()
    assert world.merged() == ["canary.1"]
    tried = len(world.github.deliveries)
    await setup_check.check(world.context)
    await world.github_hooks.redeliver()
    assert len(world.github.deliveries) == tried


@on_github
async def test_a_delivery_that_is_never_taken_is_given_up(world: World) -> None:
    world.github.hook_url = f"{ADDRESS}/github"
    world.found(small_fleet())
    await world.settle()
    world.deaf = True
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    lost = world.github.deliveries[-1].guid
    for each in world.github.deliveries:
        each.status = each.status or 502
    for _ in range(5):
        world.deaf = False
        await setup_check.check(world.context)
        world.github_hooks.refuse = True
        await world.github_hooks.redeliver()

    assert sum(each.guid == lost for each in world.github.deliveries) == 3


@on_github
async def test_a_wrong_address_and_an_open_door_are_said_on_the_first_page(world: World) -> None:
    world.github.hook_url = "https://elsewhere.example.com/hooks/github"
    world.site.made.forge.repositories[DEPLOY].required_statuses.clear()
    world.found(small_fleet())
    await setup_check.check(world.context)

    text = await first_page(world)
    assert (
        f"webhook URL is https://elsewhere.example.com/hooks/github, not {ADDRESS}/github" in text
    )
    assert f"{DEPLOY}: branch main does not require the status switchyard/order" in text
    world.github.hook_url = f"{ADDRESS}/github"
    world.github.required[DEPLOY] = ["switchyard/order"]
    await setup_check.check(world.context)
    assert "For those who set this up" not in await first_page(world)


@on_github
async def test_what_the_app_lacks_is_said_with_who_can_add_it(world: World) -> None:
    world.github.hook_url = f"{ADDRESS}/github"
    world.github.permissions["issues"] = "none"
    world.github.events.remove("issue_comment")
    world.github.granted["statuses"] = "read"
    world.found(small_fleet())
    await setup_check.check(world.context)

    text = await first_page(world)
    assert "the App lacks the permission issues: read; add it in the App's settings" in text
    assert "the App does not subscribe to issue_comment; add it in the App's settings" in text
    assert (
        "the installation of the App on fleet lacks the permission statuses: write; an owner of "
        "fleet can accept it in the settings of fleet, GitHub Apps"
    ) in text


@on_gitlab
async def test_a_webhook_that_gitlab_switched_off_is_woken(world: World) -> None:
    hook = {
        "id": 5,
        "url": f"{ADDRESS}/gitlab",
        "push_events": True,
        "merge_requests_events": True,
        "note_events": False,
        "pipeline_events": False,
        "enable_ssl_verification": True,
        "alert_status": "disabled",
        "disabled_until": None,
    }
    for path in (APP, FLEET, DEPLOY):
        world.site.made.forge.repositories[path].roles[BOT] = "maintain"
    world.gitlab.hooks = {DEPLOY: [dict(hook)], APP: [{**hook, "alert_status": "executable"}]}
    world.found(small_fleet())
    await setup_check.check(world.context)

    assert world.gitlab.tested == [5]
    text = await first_page(world)
    assert f"{DEPLOY}: GitLab had disabled the webhook (disabled)" in text
    assert f"{APP}: the webhook does not send note_events" in text
    assert f"{DEPLOY}: the webhook does not send pipeline_events" in text
    assert f"{APP}: the webhook does not send pipeline_events" not in text
    assert f"{FLEET}: no webhook has the URL {ADDRESS}/gitlab" in text
    world.site.made.forge.repositories[DEPLOY].roles[BOT] = "write"
    await setup_check.check(world.context)
    assert f"{DEPLOY}: the token cannot read webhooks" in await first_page(world)
