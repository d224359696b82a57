"""What people do in a world: they push, approve, take back, close, hold, command, interfere, help.

What they approved and what they forbade is kept for the laws. `hands` are their accounts, which may
get other logins.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pygit2

from bot.sandbox.demo.site import APP, BOT, DEPLOY
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import MergeRequest
from planners.gating.dependencies import HOLD_LABEL
from tests.fakes.hands import Hand

if TYPE_CHECKING:
    from tests.simulation.world import World

VERSIONS = 3
COMMANDS = (
    "/switchyard status",
    "/switchyard why",
    '/switchyard hold --reason "looking"',
    "/switchyard resume",
    "/switchyard approve",
    "/switchyard nonsense",
)


@dataclass(slots=True)
class Given:
    """An approval of a commit by the account `by`; `until` is when it was withdrawn."""

    by: int
    wave: str
    head: str
    since: float
    until: float | None = None


@dataclass(slots=True)
class People:
    """The people of a world."""

    world: "World"
    given: list[Given] = field(default_factory=list)
    held: dict[int, float] = field(default_factory=dict)
    commanded: list[tuple[int, int]] = field(default_factory=list)
    approvals: set[int] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    overwritten: dict[str, tuple[str, str]] = field(default_factory=dict)
    versions: int = 0
    home: int = 0
    logins: dict[str, str] = field(default_factory=dict)

    def hand(self, name: str) -> Hand:
        """The account of somebody, whatever its login is now."""
        return Hand(self.logins.get(name, name), self.world.forge)

    async def develop(self) -> None:
        """Merge a first version, and maybe others, at times and of parts that the seed draws."""
        world, faults = self.world, self.world.faults
        for number in range(1, VERSIONS + 1):
            wanted = number == 1 or faults.number(f"wants version {number}") < 0.4
            if not wanted or not (number == 1 or faults.allow(f"version {number}")):
                return
            await asyncio.sleep(2 + (number > 1) * world.faulty * 0.6 * faults.number(f"p{number}"))
            self.versions = number
            self._release(number)

    def _release(self, number: int) -> None:
        world, ada = self.world, self.hand("ada")
        part = world.faults.choose(f"changed in {number}", *world.scenario.components, "")
        files = world.scenario.app(f"1.{number}.0", "" if number == 1 else part)
        branch = f"change-{number}"
        ada.push(APP, branch, files, f"Change {number}")
        if number == 1:  # the branch of the first commit is the default branch
            ada.push(APP, "main", {"README.md": b"The shop.\n"}, "Begin")
            ada.push(APP, branch, files, f"Change {number}")
        self.home = ada.open(APP, branch, f"Change {number}")
        ada.merge(APP, self.home)
        world.note("ada merges", version=number, part=part or "all")

    async def act(self) -> None:
        """Do something now and then, while things go wrong."""
        world = self.world
        acts = self._acts()
        names = world.faults.choose("acts", tuple(sorted(acts)))
        longest = world.faults.choose("longest pause", 30)
        while names:
            await asyncio.sleep(2 + longest * world.faults.next("pause of people"))
            name = world.faults.pick("act", *names)
            requests = self.ours("open")
            if not requests or not world.faults.allow(f"act#{world.faults.count('act')} {name}"):
                continue
            request = requests[int(world.faults.next("whom") * len(requests))]
            try:
                acts[name](request)
            except RequestError as error:
                world.note(f"not allowed: {name}", error=str(error))

    def _acts(self) -> dict[str, Callable[[MergeRequest], None]]:
        return {
            "approve": lambda request: self.approve("rita", request),
            "approve own": lambda request: self.approve("ada", request),
            "approve without role": lambda request: self.approve("eve", request),
            "withdraw": self._withdraw,
            "close": self._close,
            "hold": lambda request: self._label(request, present=True),
            "release": lambda request: self._label(request, present=False),
            "push": self._interfere,
            "command": self._command,
            "rename": self._rename,
            "merge": self._merge,
        }

    def ours(self, state: str) -> list[MergeRequest]:
        """The bot's merge requests, newest first."""
        found = self.world.forge.requests_of(DEPLOY, state)
        return [each for each in found if each.author == BOT]

    def approve(self, name: str, request: MergeRequest) -> None:
        """Approve a merge request as it stands."""
        hand = self.hand(name)
        hand.approve(DEPLOY, request.number)
        now = self.world.loop.time()
        self.given.append(Given(hand.user.id, request.source, request.head, now))
        self.world.note(f"{name} approves", number=request.number, head=request.head[:8])

    @property
    def approved_by_command(self) -> bool:
        """Whether rita approved by a command on the newest merge request."""
        return self.home in self.approvals

    def _withdraw(self, request: MergeRequest) -> None:
        hand = self.hand("rita")
        hand.withdraw(DEPLOY, request.number)
        for each in self.given:
            if (each.by, each.wave) == (hand.user.id, request.source) and each.until is None:
                each.until = self.world.loop.time()
        self.world.note("rita takes back", number=request.number)

    def _close(self, request: MergeRequest) -> None:
        self.hand("otto").set_state(DEPLOY, request.number, "closed")
        self.world.note("otto closes", number=request.number)

    def _label(self, request: MergeRequest, *, present: bool) -> None:
        self.hand("otto").label(DEPLOY, request.number, HOLD_LABEL, present=present)
        if present:
            self.held.setdefault(request.number, self.world.loop.time())
        else:
            self.held.pop(request.number, None)
        self.world.note("otto holds" if present else "otto lets go", number=request.number)

    def _interfere(self, request: MergeRequest) -> None:
        """Push a commit onto the bot's branch, in its name; with its message and trailers too."""
        hand, branch = self.hand("rita"), request.source
        head, path = request.head, f"clusters/{self.world.scenario.canary}/extra.yaml"
        claims = BOT if self.world.faults.next("claims") < 0.5 else ""
        message = "Add an object"
        if self.world.faults.next("message") < 0.5:
            message = self.world.opened(DEPLOY)[head].peel(pygit2.Commit).message.rstrip()
        sha = hand.push(DEPLOY, branch, {path: b"kind: Extra\n"}, message, claims)
        own, _ = self.overwritten.get(branch, (head, ""))
        self.overwritten[branch] = (own, sha)
        self.foreign.add(sha)
        self.world.note("rita pushes onto a branch", branch=branch, head=sha[:8])

    def _command(self, request: MergeRequest) -> None:
        text = self.world.faults.pick("command", *COMMANDS)
        hand = self.hand("rita")
        hand.comment(APP, self.home, str(text))
        comment = self.world.forge.request(APP, self.home).comments[-1]
        self.commanded.append((self.home, comment.id))
        if text == "/switchyard approve":
            self.approvals.add(self.home)
        self.world.note("rita comments", number=self.home, text=text)
        del request

    def _rename(self, request: MergeRequest) -> None:
        """Give rita another login; somebody else takes the old one."""
        del request
        forge, old = self.world.forge, self.hand("rita").login
        if old != "rita":
            return
        new = self.logins["rita"] = "margarita"
        forge.users[new] = replace(forge.users.pop(old), login=new)
        for repository in forge.repositories.values():
            roles = repository.roles.items()
            repository.roles = {new if who == old else who: role for who, role in roles}
        for path in forge.repositories:
            for each in forge.requests_of(path):
                each.author = new if each.author == old else each.author
                each.merged_by = new if each.merged_by == old else each.merged_by
                if old in each.reviews:
                    each.reviews[new] = each.reviews.pop(old)
                for comment in each.comments:
                    comment.author = new if comment.author == old else comment.author
        self.world.note("rita is margarita now")

    def _merge(self, request: MergeRequest) -> None:
        """Merge by hand what the forge lets people merge."""
        self.hand("otto").merge(DEPLOY, request.number)
        self.world.note("otto merges", number=request.number)

    async def review(self) -> None:
        """Approve what is open, once in a while, until the end; some take long to begin."""
        faults = self.world.faults
        await asyncio.sleep(self.world.faulty * faults.choose("first review", 0.0, 0.0, 1.0))
        pause = 10
        while self.world.scenario.approved:
            await asyncio.sleep(pause + 40 * faults.next("review"))
            unread = [each for each in self.ours("open") if not self._has_read(each)]
            for request in unread[-faults.choose("reviewed at once", 0) :]:
                self.approve("rita", request)
            pause = faults.choose("pause of reviewers", pause)

    def _has_read(self, request: MergeRequest) -> bool:
        """Whether rita approved what it proposes now."""
        held = request.reviews.get(self.hand("rita").login)
        return held is not None and held[0] == request.head

    def help(self) -> None:
        """Put right what people have done: branches, holds, closed merge requests."""
        otto = self.hand("otto")
        newest = {each.source: each.number for each in reversed(self.ours("all"))}
        for branch, (head, foreign) in self.overwritten.items():
            if self.world.forge.git.head(DEPLOY, branch) == foreign:
                self._try(otto.reset, DEPLOY, branch, head)
        for each in self.ours("all"):
            if HOLD_LABEL in each.labels:
                self._label(each, present=False)
            head = self.world.forge.git.head(DEPLOY, each.source) or each.head
            lost = each.state == "closed" and each.closed_by != BOT
            if lost and head not in self.foreign and each.number == newest[each.source]:
                self._try(otto.set_state, DEPLOY, each.number, "open")
        self._try(self.hand("rita").comment, APP, self.home, "/switchyard resume")

    def _try(self, act: Callable[..., object], *arguments: object) -> None:
        try:
            act(*arguments)
        except RequestError as error:
            self.world.note("not allowed", error=str(error))
