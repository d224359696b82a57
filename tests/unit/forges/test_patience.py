"""Reads are tried again within a pass; writes are not."""

import asyncio
from typing import Any

import pytest

from bot.forges import ForgeError, TransientForgeError, patient
from bot.forges._patience import PAUSES, READS
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.faults import Faults
from tests.fakes.inline import work_inline
from tests.fakes.world import World, small_app, small_fleet


class Flaky:
    """A forge whose every call fails by a script."""

    def __init__(self, *script: Exception) -> None:
        self.script = list(script)
        self.waited: list[float] = []

    async def repository(self, path: str) -> str:
        return self._next(path)

    async def set_status(self, path: str) -> str:
        return self._next(path)

    def _next(self, path: str) -> str:
        if self.script:
            raise self.script.pop(0)
        return path

    async def pause(self, seconds: float) -> None:
        self.waited.append(seconds)


def of(flaky: Flaky) -> Any:
    forge: Any = flaky
    return patient(forge, flaky.pause)


async def test_a_read_is_tried_again_after_increasing_pauses() -> None:
    flaky = Flaky(*[TransientForgeError("502")] * len(PAUSES))
    assert await of(flaky).repository("a/b") == "a/b"
    assert flaky.waited == list(PAUSES)


async def test_a_read_that_keeps_failing_fails_the_pass() -> None:
    flaky = Flaky(*[TransientForgeError("502")] * (len(PAUSES) + 1))
    with pytest.raises(TransientForgeError):
        await of(flaky).repository("a/b")


async def test_a_limit_is_waited_for_unless_it_is_long() -> None:
    flaky = Flaky(TransientForgeError("429", 60, is_limit=True))
    assert await of(flaky).repository("a/b") == "a/b"
    assert flaky.waited == [60]

    flaky = Flaky(TransientForgeError("429", 600, is_limit=True))
    with pytest.raises(TransientForgeError):
        await of(flaky).repository("a/b")
    assert flaky.waited == []


@pytest.mark.parametrize(
    ("call", "error"),
    [("set_status", TransientForgeError("502")), ("repository", ForgeError("404"))],
)
async def test_writes_and_refusals_are_not_tried_again(call: str, error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(ForgeError):
        await getattr(of(flaky), call)("a/b")
    assert flaky.waited == []


async def test_a_rollout_ends_while_a_third_of_all_reads_fail(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    work_inline(asyncio.get_running_loop())
    faults = Faults()
    world = World(tmp_path, faults=faults)
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    object.__setattr__(world.context, "pause", pause)
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    reads = {"count": 0}
    found = faults.next

    def every_third(method: str, path: str) -> Any:
        fault = found(method, path)
        reads["count"] += method in READS
        if fault is None and method in READS and reads["count"] % 3 == 0:
            faults.add(method, "", status=503)
            return found(method, path)
        return fault

    monkeypatch.setattr(faults, "next", every_third)
    await world.settle()
    await world.finish()

    assert len(world.merged()) == len(world.rita.requests(DEPLOY, "all"))
    assert len(waited) > 10
    await world.stop()
