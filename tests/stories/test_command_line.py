"""The command line of a person, at a running service and a forge: see, ask why, approve."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.engine import discovery
from bot.sandbox.demo.site import APP, DEPLOY
from bot.sandbox.forge.server import ThreadedServer
from bot.settings import Settings
from bot.store.inbox import IncomingDelivery
from bot.web.auth import Auth
from bot.web.server import create_app
from tests.fakes.world import REPORT_KEY, World, small_app, small_fleet
from tests.stories.test_commands import under_way

pytestmark = pytest.mark.parametrize("world", ["local"], indirect=True)
Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run `switchyard` as Rita, on the machine of a service without sign-in."""
    settings = Settings(
        fleet="local:fleet/fleet", marker_key="m" * 16, report_key=REPORT_KEY, **world.known
    )
    auth = Auth(settings, discovery.forges(), world.context)
    app = create_app(auth, discovery.agents(), (REPORT_KEY,), lambda: None)
    server = ThreadedServer(app).start()
    monkeypatch.setenv("SWITCHYARD_SERVICE_URL", server.url)
    monkeypatch.setenv("SWITCHYARD_FORGE_URL", world.site.url)
    monkeypatch.setenv("SWITCHYARD_FORGE_TOKEN", world.site.tokens["rita"])

    async def running(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, list(arguments))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    yield running
    server.stop()


def replay(file: Path) -> "subprocess.CompletedProcess[str]":
    """A process, since it sets up logs for good."""
    command = [sys.executable, "-m", "bot", "replay", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_reviewer_sees_asks_why_and_approves(world: World, run: Run) -> None:
    number = await under_way(world)

    code, shown, _ = await run("status")
    assert code == 0
    assert "\nstorefront  " in f"\n{shown}"
    _, shown, _ = await run("status", "storefront")
    assert "canary.1: waiting, " in shown
    assert "waits for 1 approval" in shown
    _, shown, _ = await run("why", "storefront", "web", "one")
    assert "web on one: UNMERGED" in shown
    assert "(automatically, when canary.2 is merged and the clusters report Ready), since " in shown
    assert "canary.1:" not in shown

    code, shown, _ = await run("approve", "storefront", "canary.1")
    assert code == 0
    assert ": /switchyard approve canary.1\nplan " in shown
    await world.settle()
    assert world.merged() == ["canary.1"]
    commands = [each for each in world.rita.comments(APP, number) if "/switchyard" in each["body"]]
    assert commands[-1]["author"]["login"] == "rita"


async def test_what_is_unknown_is_said_with_what_is_known(world: World, run: Run) -> None:
    await under_way(world)

    assert (await run("status", "storefrnot"))[2].endswith("Did you mean storefront?\n")
    assert "did you mean " in (await run("why", "storefront", "wbe"))[2]
    assert (
        "is no wave and no cluster; waves: canary.1"
        in (await run("approve", "storefront", "x\n/y"))[2]
    )


async def test_the_forge_decides_who_may_comment(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    await under_way(world)
    monkeypatch.setenv("SWITCHYARD_FORGE_TOKEN", "of-nobody")

    code, _, said = await run("approve", "storefront")
    assert code == 1
    assert "the token needs the right to comment" in said
    await world.settle()
    assert world.merged() == []


async def test_a_stored_webhook_is_replayed_by_a_process_of_its_own(
    world: World, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    entry = IncomingDelivery("local", "d-1", "push", APP, None, b"{}")
    world.context.store.inbox.put(entry, world.now)
    settings = {"fleet": "local:fleet/fleet", "data_dir": str(world.settings.data_dir)}
    keys = {"marker_key": "m" * 16, "report_key": REPORT_KEY}
    for name, value in {**settings, **keys, **world.known}.items():
        monkeypatch.setenv(f"SWITCHYARD_{name}".upper(), value)

    _, stored, _ = await run("delivery", "local", "d-1")
    file = tmp_path / "delivery.json"
    file.write_text(stored)
    ended = replay(file)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(f"push of local:{APP}\nmakes due: application/storefront\n")
    assert "  would push branch switchyard/storefront/" in ended.stdout
    assert world.rita.requests(DEPLOY, "all") == []
