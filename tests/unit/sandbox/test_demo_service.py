"""The process of the demonstration's service, and what people are told about it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.demo import kept, service
from bot.sandbox.demo.welcome import Welcome


async def test_a_service_that_does_not_start_is_told_at_once(tmp_path: Path) -> None:
    """It lacks every setting."""
    log = tmp_path / "service.log"
    with pytest.raises(service.ServiceError) as refused:
        async with service.running("http://127.0.0.1:1", {}, log):
            raise AssertionError("it never answers")

    said = str(refused.value).splitlines()
    assert said[0] == f"the service has ended with exit code 1; {log} ends:"
    assert "  SWITCHYARD_FLEET: must be set" in said


async def test_a_service_that_does_not_want_to_end_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "END_SECONDS", 0.1)
    deaf = await asyncio.create_subprocess_shell("trap '' TERM; echo; while :; do :; done",
        stdout=asyncio.subprocess.PIPE)  # fmt: skip
    assert deaf.stdout
    await deaf.stdout.readline()

    await service._end(deaf)

    assert deaf.returncode == -9


@pytest.mark.parametrize("goes_on", [False, True], ids=["new", "kept"])
def test_a_guide_says_what_comes_next(goes_on: bool, tmp_path: Path) -> None:
    tokens = dict.fromkeys(("ada", "rita", "otto"), "t")
    begun = replace(kept.new(9000, ()), tokens=tokens, number=1)
    guide = Welcome(begun, tmp_path, goes_on).guide()

    assert ("approve the canary's four waves" in guide) == (not goes_on)
    assert ("What waits for one of them, with links: http://127.0.0.1:9000/" in guide) == goes_on
    assert "git clone http://ada:t@127.0.0.1:9001/shop/storefront.git && cd storefront" in guide
    assert "SWITCHYARD_SERVICE_URL=http://127.0.0.1:9000 " in guide
    assert f" demo play bump-an-image --data {tmp_path}\n" in guide


def test_the_usual_port_needs_no_address(tmp_path: Path) -> None:
    begun = replace(kept.new(7080, ()), tokens=dict.fromkeys(("ada", "rita", "otto"), "t"))
    assert "SWITCHYARD_SERVICE_URL" not in Welcome(begun, tmp_path, goes_on=False).guide()
