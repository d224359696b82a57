"""What people do in a world: they push, approve, take approvals back, close, hold and help."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.sandbox.demo.site import APP, BOT, DEPLOY
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import MergeRequest
from planners.gating.dependencies import HOLD_LABEL
from tests.fakes.hands import Hand
from tests.simulation.laws import Change

if TYPE_CHECKING:
    from tests.simulation.world import World

TRAILING_SECONDS = 3.0
"""How long after it was taken back an approval may count: for a merge that is on its way."""


@dataclass(slots=True)
class Given:
    """An approval, and what was approved; `until` is when it was taken back."""

    login: str
    wave: str
    change: Change
    since: float
    until: float | None = None


@dataclass(slots=True)
class People:
    """The people of a world; what they approved is kept for the laws."""

    world: "World"
    given: list[Given] = field(default_factory=list)
    versions: int = 0

    def hand(self, login: str) -> Hand:
        return Hand(login, self.world.forge)

    async def develop(self) -> None:
        """Push a first version, and maybe others."""
        world = self.world
        for number in range(1, 4):
            if number > 1 and not world.faults.allow(f"version {number}"):
                continue
            if number > 1 and world.faults.number(f"wants version {number}") > 0.5:
                continue
            await asyncio.sleep(2 + 60 * (number > 1) * world.faults.number(f"push {number}"))
            self.versions = number
            self.hand("ada").push(APP, "main", world.scenario.app(f"1.{number}.0"), "Change")
            world.note("ada: push", version=number)

    def see_approved(self, request: MergeRequest) -> None:
        """What a rule is about merges as somebody approved it who may."""
        world = self.world
        change = world.laws.change(request.head)
        canary = any(path.startswith(f"clusters/{world.scenario.canary}/") for path, _ in change)
        if not world.scenario.approved or not canary:
            return
        now = world.loop.time()
        counts = [
            each
            for each in self.given
            if each.change == change
            and each.login == "rita"
            and each.wave == request.source
            and (each.until is None or now - each.until < TRAILING_SECONDS)
        ]
        if not counts:
            world.violate(f"!{request.number} ({request.source}) was merged unapproved")

    def approve(self, login: str, request: MergeRequest) -> None:
        """Approve a merge request as it stands."""
        change = self.world.laws.change(request.head)
        self.hand(login).approve(DEPLOY, request.number)
        self.given.append(Given(login, request.source, change, self.world.loop.time()))
        self.world.note(f"{login}: approve", number=request.number)

    async def review(self) -> None:
        """Approve what is open, once in a while, until the end."""
        while True:
            await asyncio.sleep(5 + 20 * self.world.faults.next("review"))
            for request in self.world.forge.requests_of(DEPLOY, "open"):
                if request.author == BOT and self.world.scenario.approved:
                    held = request.reviews.get("rita")
                    if held is None or held[0] != request.head:
                        self.approve("rita", request)

    def help(self) -> None:
        """Put right what people have done: reopen, take holds away."""
        for request in self.world.forge.requests_of(DEPLOY):
            if request.author != BOT:
                continue
            try:
                if request.state == "closed" and request.closed_by != BOT:
                    self.hand("otto").set_state(DEPLOY, request.number, "open")
                if HOLD_LABEL in request.labels:
                    self.hand("otto").label(DEPLOY, request.number, HOLD_LABEL, present=False)
            except RequestError as error:
                self.world.note("otto cannot help", error=str(error))
