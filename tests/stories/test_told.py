"""Channels tell people what a rollout needs, that it failed and that it ended: each once."""

from datetime import timedelta
from typing import Any

import httpx

from bot.report.model import SETUP_CHECKS
from bot.sandbox.demo.site import APP, DEPLOY
from bot.worker.announce import SOURCE, Announcer
from tests.fakes.channels import HOOK_URL, KEY, TEAMS_URL, TOKEN, Channels
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import wave_request

SLACK = "{channel: ops, kind: slack, to: [C0123ABCDEF], events: [needs, failures, ends]}"
HOOK = "{channel: hook, kind: webhook, events: [needs, failures, ends]}"
APPROVAL = "approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1, users: [rita]}]"


BANK = (
    b"apiVersion: switchyard.dev/v1alpha1\nkind: Tenant\nmetadata: {name: bank}\n"
    b"spec: {namespace: bank}\n"
)


async def opened(world: World, *notify: str, approval: str = APPROVAL) -> Channels:
    channels = Channels()
    world.outbound = channels.outbound
    world.known["notify_secrets"] = {"ops": TOKEN, "hook": HOOK_URL, "teams": TEAMS_URL}
    world.known["notify_keys"] = {"hook": KEY.decode()}
    await world.stop_bot()
    world.start_bot()
    policy = f"{{{approval}, notify: [{', '.join(notify)}]}}"
    world.found({**small_fleet(("one",), policy=policy), "tenants/bank.yaml": BANK})
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    return channels


async def tell(world: World) -> None:
    """Let the service send what is due."""

    async def idle() -> None:
        raise AssertionError("not called")

    announcer = Announcer(world.context, idle)
    while await announcer.send_due():
        pass


def texts(channels: Channels) -> list[str]:
    return [each["text"] for each in channels.told["slack.com"]]


async def approve_all(world: World) -> None:
    for request in world.rita.requests(DEPLOY):
        world.rita.approve(DEPLOY, int(request["number"]))
    await world.finish()


async def test_who_must_act_and_the_end_are_told_in_one_thread(world: World) -> None:
    channels = await opened(world, SLACK)
    await tell(world)
    (first,) = texts(channels)
    assert first.startswith("storefront: ")
    assert "rita" in first
    assert "|Plan and current state>" in first

    await approve_all(world)
    await tell(world)
    told = channels.told["slack.com"]
    assert "rolled out: 1 cluster ready" in told[-1]["text"]
    assert {each.get("thread_ts") for each in told[1:]} == {"1700000000.000001"}
    assert sum("rolled out" in each for each in texts(channels)) == 1


async def test_nothing_is_told_unless_a_policy_says_so(world: World) -> None:
    quiet = SLACK.replace("needs, failures, ends", "failures")
    other = HOOK.replace("events", "tenants: [bank], events")
    channels = await opened(world, quiet, other)
    await approve_all(world)
    await tell(world)

    assert not any(channels.told.values())


async def test_neither_a_restart_nor_another_replica_nor_a_lost_database_repeats(
    world: World,
) -> None:
    channels = await opened(world, SLACK)
    await tell(world)
    await world.stop_bot()
    world.start_bot()
    await world.sweep()
    await world.settle()
    await tell(world)
    assert len(texts(channels)) == 1

    await world.lose_database()
    await world.sweep()
    await world.settle()
    await tell(world)
    assert len(texts(channels)) == 1


async def test_two_replicas_that_send_at_once_tell_once(world: World) -> None:
    channels = await opened(world, SLACK)
    store = world.context.store.messages
    (due,) = store.due(world.now)

    assert [store.take(due), store.take(due)] == [True, False]
    await tell(world)
    assert texts(channels) == []


async def test_a_failure_is_told_with_what_to_do(world: World) -> None:
    channels = await opened(world, SLACK, approval="approvals: []")
    world.behave("one", failing=frozenset({"redis"}))
    await world.advance(3)
    await world.advance(3)
    await tell(world)

    (told,) = texts(channels)
    assert "held: " in told
    assert "Repair " in told


async def refused(world: World, *answers: httpx.Response | Exception, by: str = SLACK) -> Channels:
    channels = await opened(world, by)
    channels.refusals += answers
    await tell(world)
    return channels


def shown(world: World) -> tuple[str, ...]:
    found: Any = world.context.store.views.load(SETUP_CHECKS, SOURCE)
    return found.warnings if found else ()


async def test_a_channel_that_is_away_holds_nothing_up_and_is_told_of_later(world: World) -> None:
    away = httpx.Response(503)
    channels = await refused(world, away)
    assert texts(channels) == []
    assert "slack.com answered with status 503 (pending)" in shown(world)[0]

    world.rita.approve(DEPLOY, int(wave_request(world, "canary.1")["number"]))
    await world.settle()
    assert "canary.1" in world.merged()
    world.now += timedelta(minutes=1)
    await tell(world)
    assert any("rita" in each for each in texts(channels))
    assert shown(world) == ()


async def test_what_may_have_arrived_is_repeated_only_where_receivers_recognise_it(
    world: World,
) -> None:
    channels = await refused(world, httpx.ReadTimeout("slow"))
    world.now += timedelta(minutes=1)
    await tell(world)
    assert texts(channels) == []
    assert "(unsure)" in shown(world)[0]


async def test_a_webhook_is_repeated_under_the_same_identity(world: World) -> None:
    channels = await refused(world, httpx.ReadTimeout("slow"), by=HOOK)
    world.now += timedelta(minutes=1)
    await tell(world)
    (told,) = channels.told["hooks.example.com"]
    assert channels.ids == [told["data"]["id"]]


async def test_a_channel_that_refuses_for_good_is_given_up(world: World) -> None:
    channels = await refused(world, httpx.Response(403))
    world.now += timedelta(days=1)
    await tell(world)
    assert texts(channels) == []
    assert "(given up)" in shown(world)[0]


async def test_after_a_day_it_is_given_up(world: World) -> None:
    channels = await refused(world, httpx.Response(503))
    channels.refusals += [httpx.Response(503)]
    world.now += timedelta(days=1, minutes=1)
    await tell(world)
    assert "(given up)" in shown(world)[0]


async def test_a_message_that_was_being_sent_when_the_service_ended_is_not_repeated(
    world: World,
) -> None:
    channels = await opened(world, SLACK, HOOK)
    store = world.context.store.messages
    ops = next(each for each in store.due(world.now) if each.channel == "ops")
    assert store.take(ops)

    channels.refusals += [httpx.Response(503)]
    await tell(world)
    world.now += timedelta(minutes=1)
    await tell(world)
    assert texts(channels) == []
    assert len(channels.told["hooks.example.com"]) == 1
    assert store.faults(world.now - timedelta(days=1)) == {
        "ops": "the service ended while it sent a message (sending)"
    }
