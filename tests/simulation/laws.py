"""What must hold in every world, at every change, whatever goes wrong.

The laws are told by what is on the forge and by what agents truthfully said, in terms of their own:
nothing of the bot's planners is used to judge what the bot did.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import pygit2

from bot.commandlog.entry import decode_entries
from bot.sandbox.demo.site import APP, BOT, DEPLOY
from bot.sandbox.forge.records import MergeRequest
from planners.model import Repo
from planners.model.snapshot import Snapshot
from tests.simulation.loop import Process
from tests.simulation.service import MARKERS, READ_AT
from tests.simulation.site import Happening

if TYPE_CHECKING:
    from tests.simulation.world import World

MAX_AGE = timedelta(minutes=6)
LEASE = 16.0
"""Seconds after which a process that was stopped knows that it lost its key."""
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
    _planning: list[tuple[Process, float]] = field(default_factory=list)
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
        elif happening.action == "merged":
            self._merged(request)

    @contextmanager
    def planning(self, process: Process, snapshot: Snapshot) -> Iterator[None]:
        """A process plans, and no other does, unless one of both was stopped for some time.

        Such a one notices a lease later that it has lost meanwhile.
        """
        if snapshot.revision.sha != self.world.forge.git.head(APP, "main"):
            yield  # a preview of a merge request, which has a key of its own
            return
        now = self.world.loop.time()
        for other, since in self._planning:
            if other.dead or other is process or since <= self.world.database.lost_at:
                continue
            if max(process.stopped_until, other.stopped_until) + LEASE < now:
                self.world.violate(f"{process.name} plans while {other.name} does")
        self._planning.append((process, now))
        try:
            yield
        finally:
            self._planning.remove((process, now))

    def _once(self, request: MergeRequest, key: tuple[str, str]) -> None:
        """One merge request for each wave: none beside an open one, none for what was merged."""
        self.opened[key] += 1
        if self.opened[key] > 1 and key not in self.closed:
            self.world.violate(f"{request.source} has a second merge request for one commit")
        opened = [each.source for each in self.world.forge.requests_of(DEPLOY, "open")]
        if len(opened) != len(set(opened)):
            self.world.violate(f"two open merge requests for one wave: {sorted(opened)}")

    def _merged(self, request: MergeRequest) -> None:
        """What a wave needs is ready at the merged commit; and it is what people let through.

        A person merges what the order status of the last pass allows, so that those words count
        which were known then.
        """
        for unit in sorted(self._units(request)):
            for needed in self._needs(unit):
                self._see_ready(request, unit, needed)
                self._see_order(request, needed)
        if request.merged_by == BOT:
            self._see_approved(request)
            self._see_unchanged(request)
            self._see_not_held(request)

    def _as_of(self) -> float:
        """When the facts were read on which the running pass decides."""
        read_at = READ_AT.get()
        return (read_at - self.world.start).total_seconds() if read_at else 0.0

    def _see_approved(self, request: MergeRequest) -> None:
        """What a rule is about merges as somebody approved it who may."""
        world = self.world
        change = self.change(request.head)
        canary = any(path.startswith(f"clusters/{world.scenario.canary}/") for path, _ in change)
        if not world.scenario.approved or not canary:
            return
        allowed = {world.people.hand("rita").user.id, world.people.hand("otto").user.id}
        as_of = self._as_of()
        for each in world.people.given:
            stands = each.until is None or each.until > as_of
            same = each.wave == request.source and self.change(each.head) == change
            if stands and same and each.by in allowed:
                return
        if world.people.approved_by_command:
            return
        world.violate(f"!{request.number} ({request.source}) was merged unapproved")

    def _see_unchanged(self, request: MergeRequest) -> None:
        """Nothing merges but the bot's one commit on main."""
        git = self.world.opened(DEPLOY)
        commit = git[request.head].peel(pygit2.Commit)
        if request.head in self.world.people.foreign:
            self.world.violate(f"!{request.number} was merged with a commit by rita")
        base = git[request.base].peel(pygit2.Commit)
        for path, blob in self.change(request.head):
            merged = git[request.merge_sha or ""].peel(pygit2.Commit)
            if _tree(merged, path) != blob:
                self.world.violate(f"!{request.number} was merged with other content of {path}")
        if len(commit.parents) != 1 or not self._contains(str(base.id), str(commit.parents[0].id)):
            self.world.violate(f"!{request.number} was not one commit on main")

    def _see_not_held(self, request: MergeRequest) -> None:
        since = self.world.people.held.get(request.number)
        if since is not None and since < self._as_of():
            self.world.violate(f"!{request.number} was merged in spite of its label")

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

    def _see_order(self, request: MergeRequest, needed: Unit) -> None:
        """A change of what a wave needs merges first, if it was proposed before the pass."""
        read_at = READ_AT.get() or self.world.start
        for other in self.world.people.ours("open"):
            earlier = datetime.fromisoformat(other.created_at) < read_at
            if other is not request and earlier and needed in self._units(other):
                self.world.violate(f"!{request.number} was merged before !{other.number}")

    def _see_ready(self, request: MergeRequest, unit: Unit, needed: Unit) -> None:
        base = request.base
        change = self._last_change(needed, base)
        about = f"{unit[0]} on {unit[1]} was merged (!{request.number})"
        if change is None:
            self.world.violate(f"{about} before {needed[0]} on {needed[1]}, which it needs")
            return
        as_of = self._as_of()
        component, cluster = needed
        words = [
            each
            for each in self.world.agents[cluster].heard.get(component, ())
            if self._contains(each.revision, change)
        ]
        fresh = [
            each
            for each in words
            if each.ready and each.arrived >= as_of - MAX_AGE.total_seconds() - 1
        ]
        if not fresh:
            said = "said long ago" if any(each.ready for each in words) else "never said"
            self.world.violate(f"{about}, and {component} on {cluster} {said} that it is ready")
            return
        newest = max(each.second for each in fresh)
        later = (each for each in words if not each.ready and each.second > newest)
        if any(each.acknowledged and each.acknowledged < as_of for each in later):
            self.world.violate(f"{about}, and {component} on {cluster} said last it is not ready")

    def at_end(self) -> None:
        """What must hold when all is done: each command has one outcome, each hook was handled."""
        self._see_one_comment()
        self._see_commands()
        missing = self.world.acknowledged - self.world.database.hooks()
        if missing:
            self.world.violate(f"{len(missing)} acknowledged hooks are not in the store")

    def _see_one_comment(self) -> None:
        for request in self.world.forge.requests_of(APP):
            homes = [
                each
                for each in request.comments
                if each.author == BOT and each.body.startswith("<!-- switchyard:home")
            ]
            if len(homes) > 1:
                self.world.violate(f"{len(homes)} plan comments on {APP}!{request.number}")

    def _see_commands(self) -> None:
        people = self.world.people
        for request in self.world.forge.requests_of(APP):
            ours = [each.body for each in request.comments if each.author == BOT]
            replies = [found for body in ours if (found := self._marker("reply", body))]
            counted = Counter((each["to"], each["said"]) for each in replies)
            for (to, _), count in counted.items():
                if count > 1:
                    self.world.violate(f"{count} replies to comment {to} of {APP}!{request.number}")
            logged = self._logged(ours)
            if len(logged) != len(set(logged)):
                self.world.violate(f"a command was run twice: {sorted(logged)}")
            done = {to for to, _ in counted} | {where.rpartition("#")[2] for where, _ in logged}
            asked = {str(comment) for number, comment in people.commanded if number == people.home}
            if request.number == people.home and asked - done:
                self.world.violate(f"comments without an outcome: {sorted(asked - done)}")

    def _logged(self, bodies: list[str]) -> list[tuple[str, str]]:
        """The commands in the newest log of a merge request."""
        logs = [found for body in bodies if (found := self._marker("record", body))]
        newest = max(logs, key=lambda each: int(each["entry_count"]), default=None)
        entries = decode_entries(newest) if newest else ()
        return [each.key for each in entries if each.where]

    def _marker(self, kind: str, body: str) -> dict[str, str] | None:
        return MARKERS.read(kind, Repo("local", APP), body)

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
