"""Changes of the fleet repo: clusters that are drained, and freezes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bot.chatops.intents import LONGEST_NAME, name_for
from bot.chatops.parser import InvalidValueError, Kind
from bot.context import Context
from bot.documents import read_fleet
from bot.documents.edits import Changes
from bot.effects.intent_requests import ChangeRefusedError
from bot.gather.documents import fleet_at
from bot.gather.repository import Checkout, fetch
from bot.wording.prose import say
from planners.model import Cluster, Fleet, Json
from planners.model.selectors import Selector

MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class FleetFiles:
    """The fleet repo at the newest commit of its default branch."""

    checkout: Checkout
    files: Mapping[str, bytes]
    fleet: Fleet

    def cluster(self, name: str) -> Cluster:
        """The cluster of that name.

        Raises:
            ChangeRefusedError: there is none.
        """
        found = next((each for each in self.fleet.clusters if each.name == name), None)
        if found is None:
            raise ChangeRefusedError(say("unknown cluster {}", name))
        return found

    def check(self, changes: Changes) -> None:
        """Hold the files with the changes to what `switchyard check` does.

        Raises:
            ChangeRefusedError: with the mistakes and their places.
        """
        files = {path: found for path, found in self.files.items() if path not in changes}
        files |= {path: found for path, found in changes.items() if found is not None}
        problems = read_fleet(files).problems
        if problems:
            raise ChangeRefusedError("; ".join(str(each) for each in problems[:MOST_PROBLEMS]))


async def fleet_files(context: Context) -> FleetFiles:
    """Fetch the fleet repo.

    Raises:
        GatherError, ForgeError, GitError: it cannot be read.
    """
    checkout = await fetch(context, context.fleet)
    files = await asyncio.to_thread(checkout.mirror.files, checkout.head)
    return FleetFiles(checkout, files, await fleet_at(context, checkout, checkout.head))


@dataclass(frozen=True, slots=True)
class Meant:
    """Some clusters as a command names them: for a document, for the planners, and for a name.

    `parts` says the same in lines: a cluster's name, or keys and values of labels in turn.
    """

    written: Mapping[str, Json]
    selector: Selector
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name that only these have: a cluster's own where it is short, else with a digest."""
        if len(self.parts) == 1 and len(self.parts[0]) <= LONGEST_NAME:
            return self.parts[0]
        return name_for(*self.parts) if self.parts else name_for("everything")

    def __str__(self) -> str:
        return str(self.selector)


def meant(fleet: Fleet, text: str) -> Meant:
    """The clusters that a word means: one by its name, some by labels, all without a word.

    Raises:
        ChangeRefusedError: it means none.
    """
    if not text:
        return Meant({}, Selector())
    if any(each.name == text for each in fleet.clusters):
        return Meant({"names": [text]}, Selector(names=(text,)), (text,))
    try:
        selector = Kind.SELECTOR.read(text)
    except InvalidValueError as error:
        message = say("unknown cluster {}, and {}", text, error.text)
        raise ChangeRefusedError(message) from error
    assert isinstance(selector, Selector)
    if not any(selector.matches(each) for each in fleet.clusters):
        raise ChangeRefusedError(say("{} selects no cluster of the fleet", text))
    parts = tuple(word for pair in sorted(selector.match_labels.items()) for word in pair)
    return Meant({"matchLabels": dict(selector.match_labels)}, selector, parts)
