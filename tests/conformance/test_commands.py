"""What people and the bot rely on from every slash command."""

from collections.abc import AsyncIterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chatops.commands import Changes, Command, Intent, StandingCommand
from bot.chatops.executor import commands
from bot.chatops.parser import MOST_COMMANDS, CommandReader, Help, ParsedCommand
from bot.commandlog.entry import CommandLogEntry, Outcome, overrides
from bot.sandbox.demo.site import APP
from planners.model import Role
from planners.model.overrides import Overrides
from tests.fakes.examples import examples
from tests.fakes.world import World, small_app, small_fleet

every = pytest.mark.parametrize("command", commands().values(), ids=lambda each: each.name)
READER = CommandReader("switchyard", tuple(each.verb for each in commands().values()))
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SHORT = 160
APPROVALS = "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1, users: [rita]}]}"

facts = st.fixed_dictionaries(
    {"target": st.sampled_from(("", "canary.1", "c1")), "reason": st.just("x")},
    optional={
        "gate": st.just("freeze"),
        "revision": st.just("a" * 40),
        "to": st.just("b" * 40),
        "link": st.just("https://forge.example.com/1"),
    },
).map(lambda found: {"gate": "freeze", "revision": "a" * 40, **found})
verbs = st.sampled_from(sorted(commands()))
entries = st.builds(
    CommandLogEntry,
    st.just("app!1#1"),
    st.just("0" * 16),
    st.sampled_from(("rita", "otto")),
    verbs,
    st.just(NOW),
    st.just(Outcome.DONE),
    facts=facts,
)


@every
def test_its_help_is_whole(command: Command) -> None:
    verb = command.verb

    assert verb.name == command.name
    for text in (verb.summary, *(each.summary for each in (*verb.positional, *verb.options))):
        assert text[0].isupper() or text.startswith("tenant/")
        assert text.endswith(".")
        assert len(text) <= SHORT
    (shown,) = READER.read(f"/switchyard {command.name} --help")
    assert isinstance(shown, Help)
    assert verb.summary in shown.text


@every
def test_its_examples_are_read(command: Command) -> None:
    assert command.verb.examples
    for example in command.verb.examples:
        (result,) = READER.read(example)
        assert isinstance(result, ParsedCommand), result
        assert result.verb == command.name


@every
def test_its_class_says_that_it_is_a_command(command: Command) -> None:
    assert type(command).__name__ == f"{command.name.capitalize()}Command"


@every
def test_who_may_only_read_cannot_act(command: Command) -> None:
    assert command.role >= (Role.WRITE if command.is_action else Role.READ)
    if isinstance(command, StandingCommand | Intent):
        assert command.is_action, "it needs a command log"


@every
@given(entry=entries, before=st.lists(entries, max_size=4))
@examples(20)
def test_what_its_entries_mean_is_a_pure_function(
    command: Command, entry: CommandLogEntry, before: list[CommandLogEntry]
) -> None:
    if not isinstance(command, StandingCommand):
        return
    every_one = {name: c for name, c in commands().items() if isinstance(c, StandingCommand)}
    start = overrides(before, every_one)
    inputs = deepcopy((start, entry))

    applied = command.apply(start, entry)

    assert isinstance(applied, Overrides)
    assert (start, entry) == inputs
    assert command.apply(start, entry) == applied


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, "local")
    made.found(small_fleet(policy=APPROVALS))
    made.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    made.ada.push(APP, "shop", small_app(), "Open the shop")
    yield made
    await made.stop()


def refusals(world: World, number: int) -> list[str]:
    """What was refused by comments on the app merge request, but for a full stop."""
    bodies = [each["body"] for each in world.ada.comments(APP, number)]
    return [body for body in bodies if "\n\nRefused: " in body]


def give(world: World, number: int, asked: Sequence[Command]) -> None:
    """Let Ada give the first example of each, in as few comments as may be."""
    for start in range(0, len(asked), MOST_COMMANDS):
        some = asked[start : start + MOST_COMMANDS]
        world.ada.comment(APP, number, "\n".join(each.verb.examples[0] for each in some))


async def test_none_acts_before_the_merge_or_without_its_role(world: World) -> None:
    acting = [each for each in commands().values() if each.is_action]
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    give(world, number, acting)
    await world.settle()

    before = refusals(world, number)
    assert len(before) == len(acting)

    world.ada.merge(APP, number)
    await world.settle()
    elsewhere = [
        each for each in acting if not isinstance(each, Intent) or each.changes is Changes.FLEET
    ]
    give(world, number, elsewhere)
    await world.settle()

    after = refusals(world, number)[len(before) :]
    assert len(after) == len(elsewhere)
    for command in elsewhere:
        assert any(command.name in each and "role" in each for each in after), command.name
    assert world.merged() == []
