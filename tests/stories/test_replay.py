"""A stored webhook replayed: what it makes due and what passes would do, with nothing written."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.cli.replay import DeliveryFile, replay_delivery
from bot.sandbox.demo.site import APP, DEPLOY, FLEET
from bot.store import Store
from bot.store.inbox import IncomingDelivery
from tests.fakes.world import World, small_app, small_fleet


def stored(world: World) -> str:
    """All that the database holds."""
    views = world.context.store.views
    return json.dumps([views.list(""), world.context.store.inbox.pending(100)], default=str)


async def replayed(world: World, repository: str, number: int | None = None) -> list[str]:
    """The lines of a replay; nothing was written by it."""
    before, requests = stored(world), world.rita.requests(DEPLOY, "all")
    given = DeliveryFile(
        forge=world.places.get(repository, "local"),
        id="1",
        event="push",
        repository=repository,
        number=number,
    )
    with closing(Store.open_dry(world.settings.store_url)) as store:
        found = replay_delivery(replace(world.context, store=store), given)
        lines = [line async for line in found]
    assert stored(world) == before
    assert world.rita.requests(DEPLOY, "all") == requests
    return lines


async def test_a_push_that_was_never_handled(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")

    lines = await replayed(world, APP)

    assert lines[:3] == [
        f"push of {world.places[APP]}:{APP}",
        "makes due: application/storefront",
        "",
    ]
    assert lines[3].startswith("storefront: plan ")
    assert any(each.startswith("  would push branch switchyard/storefront/") for each in lines)
    assert any(each.startswith("  would open a merge request for ") for each in lines)


async def test_a_push_that_was_handled_would_change_nothing(world: World) -> None:
    world.found(small_fleet(policy="{approvals: [{clusters: {}, count: 1}]}"))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    would = [each for each in await replayed(world, APP) if each.startswith("  would ")]

    assert all("look again at" in each or "change nothing" in each for each in would)


async def test_a_merge_request_is_planned_and_shown(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.ada.push(APP, "next", small_app(web="2.0.0"), "Bump web")
    number = world.ada.open(APP, "next", "Bump web")

    lines = await replayed(world, APP, number)

    key = f"review/{world.places[APP]}:{APP}!{number}"
    assert f"makes due: {key}" in lines
    assert f"  would show it on {world.places[APP]}:{APP}!{number}:" in lines
    assert "    rest.3: 4 created" in lines


async def test_what_concerns_nobody_and_what_is_wrong(world: World) -> None:
    world.found(small_fleet())
    assert (await replayed(world, "shop/other"))[1:] == [
        "makes nothing due: no application, deploy repo or fleet is in this repository"
    ]
    world.ada.push(APP, "main", {"switchyard.yaml": b"kind: x"}, "Break it")

    assert any("storefront: no plan: " in each for each in await replayed(world, FLEET))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "forge: Field required"),
        (b"[", "Invalid JSON"),
        (b'{"forge": "x", "id": "1", "event": "", "repository": "a/b", "number": -1}', "number: "),
    ],
)
def test_a_file_that_is_no_delivery(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "delivery.json"
    file.write_bytes(content)

    assert main(["replay", str(file)]) == 1
    assert said in capsys.readouterr().err


def test_a_stored_delivery_is_printed_as_replay_reads_it(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"FLEET": world.settings.fleet, "MARKER_KEY": "m" * 16, "REPORT_KEY": "r" * 16}
    for name, value in {**values, "DATA_DIR": str(world.settings.data_dir)}.items():
        monkeypatch.setenv(f"SWITCHYARD_{name}", value)
    entry = IncomingDelivery("local", "d-1", "push", APP, 7, b'{"a": "\xc3\xbc"}', "ada")
    world.context.store.inbox.put(entry, world.now)

    assert main(["delivery", "local", "d-1"]) == 0
    shown = DeliveryFile.model_validate_json(capsys.readouterr().out)
    assert (shown.repository, shown.number, shown.body) == (APP, 7, '{"a": "ü"}')
    assert main(["delivery", "local", "d-2"]) == 1
    assert "no delivery d-2 of local is stored" in capsys.readouterr().err
    monkeypatch.setenv("SWITCHYARD_DATA_DIR", str(world.settings.data_dir / "none"))
    assert main(["delivery", "local", "d-1"]) == 1
    assert "run this where the service runs" in capsys.readouterr().err
    assert not (world.settings.data_dir / "none").exists()
