"""What a log means for its rollout: finds the commands that stay in effect and applies them."""

from collections.abc import Iterable, Mapping
from functools import cache

from bot.commandlog.entry import CommandLogEntry, StandingEffect, overrides
from bot.engine.discovery import discover
from planners.model.overrides import Overrides


def standing_overrides(entries: Iterable[CommandLogEntry]) -> Overrides:
    """The overrides that the entries of a log add up to, by the commands that there are."""
    return overrides(entries, _effects())


@cache
def _effects() -> Mapping[str, StandingEffect]:
    """The commands that stay in effect."""
    every = discover("bot.chatops.commands", "COMMAND")
    return {name: each for name, each in every.items() if isinstance(each, StandingEffect)}
