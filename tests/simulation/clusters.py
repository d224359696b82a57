"""The clusters of a world: agents like Flux that pull, apply and report, each with its troubles.

What an agent truthfully said is kept as `Heard`, for the laws to judge merges by.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any

import pygit2

from bot.keys import agent_key
from bot.sandbox.demo.agents import Behaviour, Report, SimulatedCluster
from bot.sandbox.demo.site import DEPLOY
from tests.simulation.service import REPORT_KEY

if TYPE_CHECKING:
    from tests.simulation.world import World

ACCOUNTS = {"switchyard-shop": frozenset({"shop"})}
RETRIES = (2.0, 5.0, 15.0, 30.0)
ACCEPTED = 202
IDLE_SECONDS = 240.0

_FILES: dict[str, dict[str, bytes]] = {}
"""The files of every folder of a cluster that any world has had, by the id of its tree."""


@dataclass(slots=True)
class Heard:
    """A word of an agent: what it said of a revision, when, and when the bot acknowledged it.

    It `arrived` when the bot could first know it: how old a word is, the bot tells by that.
    """

    ready: bool | None
    revision: str
    second: datetime
    arrived: float = -inf
    acknowledged: float | None = None


@dataclass(slots=True)
class Agent:
    """One cluster and the agent in it."""

    world: "World"
    name: str
    skew: timedelta
    cluster: SimulatedCluster = field(init=False)
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    sent: list[tuple[Report, Heard | None]] = field(default_factory=list)
    last_step: tuple[str, float, Behaviour] | None = None

    def __post_init__(self) -> None:
        behaviour = Behaviour(
            apply_time=timedelta(seconds=1 + 9 * self.world.faults.number(f"{self.name} applies")),
            interval=timedelta(minutes=4),
            accounts=ACCOUNTS,
        )
        key = agent_key(REPORT_KEY, "flux", self.name)
        self.cluster = SimulatedCluster(self.name, key, behaviour)

    def behave(self, **how: Any) -> None:
        """Change how the cluster fares from now on."""
        self.cluster.behaviour = replace(self.cluster.behaviour, **how)

    async def trouble(self) -> None:
        """Fall silent, fail or lie about the revision for a while, where the seed says so."""
        faults, world = self.world.faults, self.world
        kind = faults.choose(f"{self.name} trouble", "", "", "silent", "failing", "stuck", "flaps")
        if not kind or not faults.allow(f"{self.name} {kind}"):
            return
        await asyncio.sleep(world.faulty * 0.5 * faults.number(f"{self.name} begins"))
        world.note(f"{self.name}: {kind}")
        everything = frozenset(world.scenario.components)
        if kind == "silent":
            self.behave(silent=True)
        elif kind == "stuck":
            self.behave(stuck_at=world.forge.git.head(DEPLOY, "main"))
        while kind in {"failing", "flaps"} and faults.active:
            self.behave(failing=everything)
            await asyncio.sleep(5 + 40 * faults.next(f"{self.name} fails"))
            if kind == "flaps":
                self.behave(failing=frozenset())
                await asyncio.sleep(5 + 40 * faults.next(f"{self.name} works"))

    async def run(self) -> None:
        """Pull and report, until the world ends: every two seconds, or as slowly as a real one."""
        pace = self.world.faults.choose(f"{self.name} pulls", 1, 1, 10)
        while True:
            await asyncio.sleep(pace * (1 + 2 * self.world.faults.next("poll")))
            head = self.world.forge.git.head(DEPLOY, "main")
            if head is not None and self._is_due(head):
                self.step(head)

    def _is_due(self, head: str) -> bool:
        """Whether a step could bring anything new."""
        behaviour, now = self.cluster.behaviour, self.world.loop.time()
        last, self.last_step = self.last_step, (head, now, behaviour)
        if last is None or last[0] != head or last[2] != behaviour:
            return True
        if any(not each.is_healthy for each in self.cluster.applied.values()):
            return True
        if now - last[1] < IDLE_SECONDS:
            self.last_step = last
            return False
        return True

    def step(self, head: str) -> None:
        """Apply what is on main and send what is new."""
        now = self.world.now() + self.skew
        for report in self.cluster.step(now, head, files_of(self.world, head, self.name)):
            heard = self._heard(report)
            self.sent.append((report, heard))
            self.world.spawn(self._send(report, heard))
            fault = self.world.faults.draw("report")
            if fault == "double":
                self.world.spawn(self._send(report, heard))
            elif fault == "replay":
                self.world.spawn(self._replay())
            elif fault == "forge":
                self.world.spawn(self._forge(report, head))

    async def _replay(self) -> None:
        """Send an old report again, later, as somebody who has recorded it would."""
        await asyncio.sleep(60 * self.world.faults.next("replay"))
        index = int(self.world.faults.next("replay") * len(self.sent))
        report, heard = self.sent[index]
        self.world.note("replay", cluster=self.name, component=report.component)
        await self._post(report, heard)

    async def _forge(self, report: Report, head: str) -> None:
        """Claim, without the cluster's key, that a component is ready at the newest commit."""
        event = json.loads(report.body)
        event |= {"reason": "ReconciliationSucceeded", "severity": "info"}
        event["metadata"] |= {"revision": f"main@sha1:{head}"}
        body = json.dumps(event).encode()
        key = agent_key(REPORT_KEY, "flux", f"not-{self.name}")
        signature = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        self.world.note("forged report", cluster=self.name, component=report.component)
        if await self._post(replace(report, body=body, headers={"X-Signature": signature})) == 202:
            self.world.violate("a forged report was accepted")

    async def _send(self, report: Report, heard: Heard | None) -> None:
        """Send with retries, as notification-controller does; it gives up in the end."""
        fault = self.world.faults.draw("report")
        if fault == "drop":
            self.world.note("report lost", cluster=self.name, component=report.component)
            return
        if fault == "late":
            await asyncio.sleep(60 * self.world.faults.next("late"))
        for pause in RETRIES:
            if await self._post(report, heard) == ACCEPTED:
                return
            await asyncio.sleep(pause)

    async def _post(self, report: Report, heard: Heard | None = None) -> int | None:
        world = self.world
        await asyncio.sleep(0.2 * world.faults.next("latency"))
        if heard is not None and heard.arrived < 0:
            heard.arrived = world.loop.time()
        losses = world.losses
        status = await world.post(f"/reports/flux/{self.name}", report.headers, report.body)
        kept = status == ACCEPTED and losses == world.losses
        if heard is not None and heard.acknowledged is None and kept:
            heard.acknowledged = world.loop.time()
        return status

    def _heard(self, report: Report) -> Heard | None:
        """What a report says, if it is about a revision and what the cluster really pulled."""
        event = json.loads(report.body)
        revision = event["metadata"].get("revision", "").rpartition(":")[2]
        pulled, component = self.cluster.fetched, report.component
        if not revision or pulled is None or not component:
            return None
        if self._content(revision, component) != self._content(pulled[0], component):
            return None  # it lies: what it applied is something else
        ready = {"ReconciliationSucceeded": True, "Progressing": None}.get(event["reason"], False)
        second = datetime.fromisoformat(event["timestamp"])
        heard = Heard(ready, revision, second)
        self.heard.setdefault(component, []).append(heard)
        self.world.note(f"{self.name}: {component} {event['reason']}", at=revision[:8])
        return heard

    def _content(self, commit: str, component: str) -> str:
        """The id of what a component is on this cluster, at a commit of the deploy repo."""
        tree = self.world.opened(DEPLOY)[commit].peel(pygit2.Tree)
        path = f"clusters/{self.name}/apps/shop/storefront/{component}"
        return str(tree[path].id) if path in tree else ""


def files_of(world: "World", commit: str, cluster: str) -> Mapping[str, bytes]:
    """The files of a cluster's folder at a commit of the deploy repo."""
    git = world.opened(DEPLOY)
    tree = git[commit].peel(pygit2.Tree)
    try:
        folder = tree[f"clusters/{cluster}"]
    except KeyError:
        return {}
    assert isinstance(folder, pygit2.Tree)
    key = str(folder.id)
    if key not in _FILES:
        _FILES[key] = dict(_walk(folder, ""))
    return _FILES[key]


def _walk(tree: pygit2.Tree, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in tree:
        if isinstance(each, pygit2.Tree):
            found += _walk(each, f"{prefix}{each.name}/")
        elif isinstance(each, pygit2.Blob):
            found.append((f"{prefix}{each.name}", each.data))
    return found
