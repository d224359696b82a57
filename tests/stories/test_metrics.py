"""What a rollout counts on its way, by what Prometheus would see of it."""

from prometheus_client.parser import text_string_to_metric_families

from bot.report.service_state import ServiceState
from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_app, small_fleet


def scraped(world: World) -> dict[str, float]:
    """The samples as Prometheus' text format names them, those that are not zero."""
    read = ServiceState(world.context, list, lambda: 0.0)
    text = world.context.metrics.text(read).decode()
    return {
        " ".join((each.name.removeprefix("switchyard_"), *each.labels.values())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.value
    }


async def test_a_rollout_is_counted_from_its_webhook_to_its_end(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    found = scraped(world)
    assert found["rollouts progressing"] == 1
    assert found["waits awaits_dependency"] > 0
    assert found["merges_total merged"] == 1
    assert found["webhooks_total local stored"] > 0

    await world.finish()
    found = scraped(world)
    assert found["merges_total merged"] == 6
    assert found["effects_total open_merge_request done"] == 6
    assert found["branches_pushed_total pushed"] >= 6
    assert found["rollouts done"] == 1
    assert found["clusters ready"] == 3
    assert found["rollouts_completed_total no"] == 1
    assert found["rollout_duration_seconds_count"] == 1
    assert found["pass_duration_seconds_count application done"] > 6
    assert found["plan_duration_seconds_count planned"] >= 1
    assert found["results_total plan hit"] > 0
    assert found["reports_total flux recorded"] >= 6
    assert found["git_fetch_duration_seconds_count fetched"] > 0
    assert not [name for name in found if name.startswith("waits")]


async def test_forged_webhooks_and_reports_are_counted_apart(world: World) -> None:
    world.found(small_fleet())
    await world.settle()
    forged = {"x-switchyard-signature-256": "0" * 64, "x-switchyard-event": "push"}
    await world.client.post("/hooks/local", content=b"{}", headers=forged)
    await world.client.post("/reports/flux/one", content=b"{}", headers={"x-signature": "no"})
    await world.client.post("/hooks/nobody", content=b"{}")

    found = scraped(world)
    assert found["webhooks_total local forged"] == 1
    assert found["reports_total flux refused"] == 1
    assert not [name for name in found if "nobody" in name]
