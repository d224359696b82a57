"""What must hold in every world, at every change, whatever goes wrong.

The laws are told by what is on the forge and by what agents truthfully said, in terms of their own:
nothing of the bot's planners is used to judge what the bot did.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

import pygit2

from bot.sandbox.demo.site import BOT, DEPLOY
from bot.sandbox.forge.records import MergeRequest
from tests.simulation.service import READ_AT
from tests.simulation.site import Happening

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_AGE = timedelta(minutes=6)
OWN_PATH = re.compile(
    r"clusters/(?P<cluster>[^/]+)/(apps/shop/(?P<app>[^/]+)/(?P<component>[^/]+)/|sync/.*)"
)

Unit: TypeAlias = tuple[str, str]
"""A component and its cluster."""
Change: TypeAlias = frozenset[tuple[str, str | None]]
"""Paths and the blobs that they get."""


@dataclass(slots=True)
class Laws:
    """Watches a world."""

    world: "World"
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)
    closed: set[tuple[str, str]] = field(default_factory=set)
    _changed: dict[tuple[Unit, str], str | None] = field(default_factory=dict)

    def on_change(self, happening: Happening) -> None:
        """See that the laws hold after a change of the forge."""
        if happening.repository != DEPLOY or happening.number is None:
            return
        request = self.world.forge.request(DEPLOY, happening.number)
        if request.author != BOT:
            return
        key = (request.source, request.head)
        if happening.action == "opened":
            self._once(request, key)
        elif happening.action == "closed":
            self.closed.add(key)
        elif happening.action == "merged" and request.merged_by == BOT:
            self._merged(request)

    def _once(self, request: MergeRequest, key: tuple[str, str]) -> None:
        """One merge request for each wave: none beside an open one, none for what was merged."""
        self.opened[key] += 1
        if self.opened[key] > 1 and key not in self.closed:
            self.world.violate(f"{request.source} has a second merge request for one commit")
        opened = [each.source for each in self.world.forge.requests_of(DEPLOY, "open")]
        if len(opened) != len(set(opened)):
            self.world.violate(f"two open merge requests for one wave: {sorted(opened)}")

    def _merged(self, request: MergeRequest) -> None:
        """What a wave needs is ready at the merged commit; and it has been approved as it is."""
        for unit in self._units(request):
            for needed in self._needs(unit):
                self._see_ready(request, unit, needed)
        self.world.people.see_approved(request)

    def _units(self, request: MergeRequest) -> set[Unit]:
        """The units that a merge changes or adds."""
        return {
            (match["component"], match["cluster"])
            for path, new in self.change(request.head)
            if new and (match := OWN_PATH.match(path)) and match["component"]
        }

    def change(self, head: str) -> Change:
        """What a commit changes: the bot writes one commit for a wave."""
        git = self.world.opened(DEPLOY)
        commit = git[head].peel(pygit2.Commit)
        diff = git.diff(str(commit.parents[0].id), head)
        assert isinstance(diff, pygit2.Diff)
        zero = "0" * 40
        return frozenset(
            (
                each.new_file.path or each.old_file.path,
                str(each.new_file.id).replace(zero, "") or None,
            )
            for each in diff.deltas
        )

    def _needs(self, unit: Unit) -> Iterator[Unit]:
        """The units that must be ready before this one, by the application's document."""
        component, cluster = unit
        plan = self.world.scenario
        for dependency in plan.dependencies.get(component, ()):
            where = plan.clusters if dependency.everywhere else (cluster,)
            yield from ((dependency.component, each) for each in where)
        if plan.staged and cluster != plan.canary:
            yield from ((each, plan.canary) for each in plan.components)

    def _see_ready(self, request: MergeRequest, unit: Unit, needed: Unit) -> None:
        base = request.base
        change = self._last_change(needed, base)
        about = f"{unit[0]} on {unit[1]} was merged (!{request.number})"
        if change is None:
            self.world.violate(f"{about} before {needed[0]} on {needed[1]}, which it needs")
            return
        read_at = READ_AT.get()
        as_of = (read_at - self.world.start).total_seconds() if read_at else 0.0
        component, cluster = needed
        words = [
            each
            for each in self.world.agents[cluster].heard.get(component, ())
            if self._contains(each.revision, change)
        ]
        fresh = [
            each
            for each in words
            if each.ready and each.sent >= as_of - MAX_AGE.total_seconds() - 1
        ]
        if not fresh:
            said = "said long ago" if any(each.ready for each in words) else "never said"
            self.world.violate(f"{about}, and {component} on {cluster} {said} that it is ready")
            return
        newest = max(each.second for each in fresh)
        later = (each for each in words if not each.ready and each.second > newest)
        if any(each.acknowledged and each.acknowledged < as_of for each in later):
            self.world.violate(f"{about}, and {component} on {cluster} said last it is not ready")

    def _contains(self, tip: str, commit: str) -> bool:
        return self.world.forge.git.contains(DEPLOY, tip, commit)

    def _last_change(self, unit: Unit, tip: str) -> str | None:
        """The newest first-parent commit that changed a unit's folder; None if it is not there."""
        key = (unit, tip)
        if key not in self._changed:
            self._changed[key] = self._find_change(unit, tip)
        return self._changed[key]

    def _find_change(self, unit: Unit, tip: str) -> str | None:
        git, (component, cluster) = self.world.opened(DEPLOY), unit
        path = f"clusters/{cluster}/apps/shop/storefront/{component}"
        commit = git[tip].peel(pygit2.Commit)
        tree = _tree(commit, path)
        if tree is None:
            return None
        while commit.parents and _tree(commit.parents[0], path) == tree:
            commit = commit.parents[0]
        return str(commit.id)


def _tree(commit: pygit2.Commit, path: str) -> str | None:
    try:
        return str(commit.tree[path].id)
    except KeyError:
        return None
