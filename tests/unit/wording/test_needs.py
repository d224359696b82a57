"""What a rollout needs of people: one item for each thing to do, with the command that does it."""

from dataclasses import replace

from bot.chatops.executor import commands
from bot.chatops.parser import CommandReader, ParsedCommand
from bot.wording.needs import MOST, needs, section
from planners.model import Freeze, Policy, Readiness, Unit
from planners.model.gate_rules import GatePhase, GateState, OnTimeout
from planners.model.gates import AwaitsGate
from planners.model.overrides import Cancellation, Hold, Overrides, Pause
from planners.model.selectors import Selector
from tests.fakes.builders import NOW, clusters
from tests.fakes.comments import Told, approved_by, world
from tests.fakes.hostile import everywhere
from tests.fakes.states import awaiting, begun, failed_canary

READER = CommandReader("switchyard", tuple(each.verb for each in commands().values()))


def proposed(told: Told) -> list[tuple[str, list[str], tuple[str, ...]]]:
    told.world.pass_once()
    found = needs(told.proposal())
    return [(str(each.what), [line.text for line in each.commands], each.later) for each in found]


def test_waves_of_the_same_approvers_are_one_item() -> None:
    told = world(policies=(approved_by("rita"),))

    assert proposed(told) == [("**Approve** canary.1", ["approve canary.1"], ("canary.2",))]


def test_a_hold_and_a_pause_name_the_commands_that_end_them() -> None:
    hold, pause = Hold("", "rita", "look", NOW), Pause("cluster/c1", "otto", "disks", NOW)
    told = world().change(overrides=Overrides(holds=(hold,), pauses=(pause,)))

    found = [commands for _, commands, _ in proposed(told)]

    assert found == [["resume"], ["resume cluster/c1"]]
    for (each,) in found:
        (result,) = READER.read(f"/switchyard {each}")
        assert isinstance(result, ParsedCommand)


def test_what_time_or_clusters_end_needs_nobody() -> None:
    freeze = Freeze("sale", Selector(), NOW, NOW.replace(hour=23), "the sale")

    assert proposed(begun()) == []
    assert proposed(world(policies=(Policy("calm", freezes=(freeze,)),))) == []


def test_what_is_cancelled_needs_nobody() -> None:
    cancelled = Cancellation("a" * 40, "rita", "newer")

    assert proposed(awaiting("rita").change(overrides=Overrides(cancelled=cancelled))) == []


def test_after_a_failed_canary_what_ran_before_can_be_restored() -> None:
    told = begun()
    told.world.report(Unit("redis", "c1"), Readiness.STALLED, "crash loop")
    skip, rollback = (f'{verb} --reason "..."' for verb in ("skip c1", "rollback"))
    assert proposed(told)[0][1] == [skip], "nothing ran before a first rollout"

    told = failed_canary()
    assert proposed(told)[0][1] == [skip, rollback]

    told.change(application=replace(told.world.snapshot.application, stages=()))
    told.world.snapshot = replace(told.world.snapshot, observations={})
    told.world.finish()
    told.world.report(Unit("web", "c2"), Readiness.STALLED, "crash loop")
    assert proposed(told)[0][1] == [rollback], "no wave waits for a cluster any more"


def test_the_cluster_to_skip_is_one_that_a_wave_waits_for() -> None:
    told = failed_canary()
    told.world.report(Unit("redis", "c0"), Readiness.STALLED, "crash loop")
    told.change(overrides=Overrides(skipped={"c0": "otto: no power"}))
    canary = replace(clusters(1)[0], name="c0")
    told.change(clusters=(canary, *told.world.snapshot.clusters))

    assert proposed(told)[0][1][0] == 'skip c1 --reason "..."'


def test_a_gate_that_failed_after_a_wave_names_the_rollback_and_one_before_it_does_not() -> None:
    told = failed_canary()
    proposal = told.proposal()
    found = {}
    for phase in GatePhase:
        gate = AwaitsGate("smoke", phase, "canary.1", GateState.FAILED, OnTimeout.HOLD)
        waiting = replace(proposal.evaluation.wave_statuses[1], gates=(gate,))
        evaluation = replace(proposal.evaluation, wave_statuses=(waiting,))
        (need,) = needs(replace(proposal, evaluation=evaluation))
        found[phase] = [each.text.split()[0] for each in need.commands]

    assert found == {GatePhase.BEFORE: ["override"], GatePhase.AFTER: ["override", "rollback"]}


def test_of_many_the_first_are_shown_and_the_others_counted() -> None:
    proposal, _ = everywhere("web", "x")
    count = len(needs(proposal))

    assert count > MOST
    assert section(proposal, "!").endswith(
        f"- and {count - MOST} more things: see the closed gates"
    )


def test_the_command_stands_alone_in_a_fence_that_is_indented() -> None:
    told = awaiting("rita")

    assert "\n  ```\n  /switchyard approve all.1\n  ```" in section(told.proposal(), "!")


def test_approvals_that_do_not_count_are_named() -> None:
    told = awaiting("rita")
    statuses = told.proposal().evaluation.wave_statuses
    gates = [replace(gate, stale=("rita",)) for gate in statuses[0].gates]  # type: ignore[type-var,call-arg]
    changed = replace(statuses[0], gates=tuple(gates))
    evaluation = replace(told.proposal().evaluation, wave_statuses=(changed, *statuses[1:]))

    (need,) = needs(replace(told.proposal(), evaluation=evaluation))

    assert str(need.why) == "by rita (clusters with canary=true; approval by rita is outdated)"
