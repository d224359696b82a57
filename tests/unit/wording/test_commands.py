"""The commands that a comment proposes: each is one that the bot would read, and makes sense."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chatops.executor import commands
from bot.chatops.parser import CommandReader, ParsedCommand
from bot.engine.propose import propose
from bot.wording import commands as wording
from planners.model import Readiness, Unit
from planners.model.overrides import Cancellation, Hold, Overrides, Pause
from planners.model.snapshot import MergeRefusal
from tests.fakes.builders import NOW
from tests.fakes.comments import IMAGE, Told, approved_by, sources, world
from tests.fakes.states import begun

READER = CommandReader("switchyard", tuple(each.verb for each in commands().values()))
HOLD = Hold("canary.1", "rita", "look", NOW)
PAUSE = Pause("cluster/c1", "otto", "disks", NOW)


def steered(**told: object) -> Told:
    return world().change(overrides=Overrides(**told))  # type: ignore[arg-type]


def refused() -> Told:
    told = world()
    told.world.pass_once()
    refusal = MergeRefusal("the queue is closed", NOW + timedelta(minutes=1))
    told.world._change(1, refusal=lambda _: refusal)
    return told


def replaced() -> Told:
    """Another revision is merged over the first one."""
    told = world().installed()
    told.change(sources=sources(f"{IMAGE}:1.5.0")).world.finish()
    return told


def silent() -> Told:
    told = world()
    told.world.settle()
    told.world.later(timedelta(hours=2))
    return told


CASES = {
    "approval": (world(policies=(approved_by("rita"),)), "approve canary.1"),
    "hold": (steered(holds=(HOLD,)), "resume canary.1"),
    "rollout held": (steered(holds=(replace(HOLD, target=""),)), "resume"),
    "pause": (steered(pauses=(PAUSE,)), "resume cluster/c1"),
    "refused": (refused(), "merge canary.1"),
    "silent": (silent(), 'skip c1 --reason "..."'),
    "running": (world(), 'cancel --reason "..."'),
    "merged": (replaced(), 'rollback --reason "..."'),
}


def proposed(told: Told, *, preview: bool = False) -> list[str]:
    told.world.pass_once()
    found = wording.commands(propose(told.world.snapshot), preview=preview)
    return [each.strip("`") for each in found]


@pytest.mark.parametrize("case", CASES)
def test_what_is_proposed_fits_and_is_read(case: str) -> None:
    told, expected = CASES[case]
    found = proposed(told)

    assert f"/switchyard {expected}" in found
    for line in found:
        (result,) = READER.read(line)
        assert isinstance(result, ParsedCommand) or line == "/switchyard help"


def test_of_a_first_rollout_nothing_earlier_is_restored() -> None:
    assert '/switchyard rollback --reason "..."' not in proposed(world().installed())


def test_a_cluster_that_is_skipped_is_not_skipped_again() -> None:
    told = begun()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash loop")
    assert '/switchyard skip c1 --reason "..."' in proposed(told)

    told.change(overrides=Overrides(skipped={"c1": "otto: no power"}))
    assert '/switchyard skip c1 --reason "..."' not in proposed(told)


def test_before_the_merge_only_what_is_answered_then() -> None:
    found = proposed(world(), preview=True)

    verbs = [line.split()[1] for line in found]
    assert verbs == ["plan", "why", "diff", "explain", "help"]
    assert not any(commands()[verb].is_action for verb in verbs[:-1])


def test_what_is_cancelled_is_neither_held_nor_cancelled_again() -> None:
    told = steered(cancelled=Cancellation("a" * 40, "rita", "newer"))

    verbs = [line.split()[1] for line in proposed(told)]
    assert verbs == ["why", "status", "help"]
