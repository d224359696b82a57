"""What a whole rollout costs at a forge: reads, writes and Git conversations, on a fake GitHub.

Counted is what the bot sends, from the push to the app repo until the last wave is merged and
ready; people and clusters use another door. The clusters are simulated, time passes in steps.
"""

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.table import Row
from bot.engine.propose import Proposal
from bot.forges import GitCredentials
from bot.git import Mirror
from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.site import APP, DEPLOY
from planners.model.snapshot import Snapshot
from tests.fakes.world import World, small_app, small_fleet

SIZES = (12, 100, 1_000)
VARIED = SIZES[0]
SPREAD = 30
COLUMNS = (
    ("clusters", 8),
    ("waves", 6),
    ("passes", 7),
    ("writes", 7),
    ("/MR", 5),
    ("reads", 6),
    ("304", 5),
    ("/MR", 6),
    ("fetches", 8),
    ("pushes", 7),
    ("seconds", 8),
    ("clusters'", 10),
    ("alone", 8),
)
LEGEND = """waves: each is one merge request (MR). passes: how often the bot planned anew.
writes: each MR is opened, has its status set to pending and to success, and is merged.
304: of the reads, those that GitHub answers "not modified" and does not count.
seconds: for all, with the forge and the clusters; clusters': of these, their polls and reports.
alone: the writes with one merge request a cluster and component, at as many writes for each.
Tokens of the App are not counted (one for each repository and hour). All clusters take 2 s to
apply and report in the same step of 3 s: reads follow the passes, and these follow how reports
are spread over time."""
VARIATIONS = f"""spread: each cluster takes another time to apply, up to {SPREAD} s.
opened: the application comes by a merge request; the bot keeps its plan comment up to date."""

Begin = Callable[[World], Awaitable[None]]


@dataclass(slots=True)
class Cost:
    """What one rollout took; `placed` counts components on clusters."""

    clusters: int
    waves: int
    placed: int
    passes: int
    asked: Counter[str]
    seconds: float
    simulated: float

    @property
    def alone(self) -> float:
        """The writes with one merge request for each cluster and component.

        Those outside the deploy repo (the plan's comment) are as many as they are.
        """
        inside = self.asked["write to deploy"]
        return self.asked["write"] - inside + inside / self.waves * self.placed

    def row(self) -> tuple[str, ...]:
        """As in `COLUMNS`."""
        asked, waves = self.asked, self.waves
        reads = asked["read"] + asked["unmodified"]
        whole = (self.clusters, waves, self.passes, asked["write"])
        git = (asked["git-upload-pack"], asked["git-receive-pack"])
        return (
            *map(str, whole),
            f"{asked['write'] / waves:.1f}",
            *map(str, (reads, asked["unmodified"])),
            f"{reads / waves:.1f}",
            *map(str, git),
            f"{self.seconds:.0f}",
            f"{self.simulated:.0f}",
            f"{self.alone:.0f}",
        )


@dataclass(slots=True)
class Meter:
    """Stands before a forge, as its `wrap`, and counts what is asked by how it is answered."""

    asked: Counter[str] = field(default_factory=Counter)
    _app: ASGIApp | None = None

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Stand before this application."""
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request (ASGI)."""
        assert self._app is not None

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                kind = _kind(scope, message["status"])
                self.asked[kind] += 1
                self.asked[f"{kind} to deploy"] += f"/repos/{DEPLOY}/" in scope["path"]
            await send(message)

        await self._app(scope, receive, counted)


def _kind(scope: Scope, status: int) -> str:
    """What to count a request as; a Git conversation once, by its service."""
    path, query = scope["path"], scope["query_string"].decode()
    if ".git/" in path:
        begins = path.endswith("/info/refs") and status == 200
        return query.removeprefix("service=") if begins else "rest of git"
    if path.endswith("/access_tokens"):
        return "token"
    if scope["method"] != "GET":
        return "write"
    return "unmodified" if status == 304 else "read"


class _Once:
    """The clusters' mirror, whose folders are read once for each commit and not by each cluster.

    One by one, 1,000 clusters take a quarter longer: each walks the folder of all clusters.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._read: tuple[str, dict[str, dict[str, bytes]]] = ("", {})

    def fetch(self, url: str, credentials: GitCredentials | None) -> None:
        """Fetch all branches."""
        self._mirror.fetch(url, credentials)

    def head(self, branch: str) -> str | None:
        """The newest fetched commit of a branch."""
        return self._mirror.head(branch)

    def files(self, sha: str, prefix: str) -> dict[str, bytes]:
        """The files of a cluster's folder."""
        if self._read[0] != sha:
            folders: dict[str, dict[str, bytes]] = {}
            for path, content in self._mirror.files(sha, "clusters").items():
                cluster, _, name = path.partition("/")
                folders.setdefault(f"clusters/{cluster}", {})[name] = content
            self._read = sha, folders
        return self._read[1].get(prefix, {})


class _Measured(World):
    """A world on the fake GitHub that counts passes, and the seconds its clusters take."""

    def __init__(self, folder: Path, meter: Meter) -> None:
        self.passes, self.simulated = 0, 0.0
        super().__init__(folder, "github", meter.wrap)
        self.agents: Any = _Once(self.agents)

    def start_bot(self) -> None:
        """Start the bot; its passes are counted where they plan."""
        super().start_bot()
        propose = self.context.propose

        async def counted(snapshot: Snapshot) -> Proposal:
            self.passes += 1
            return await propose(snapshot)

        self.context = replace(self.context, propose=counted)

    async def report(self) -> bool:
        """Every cluster pulls and says what is new."""
        start = time.perf_counter()
        said = await super().report()
        self.simulated += time.perf_counter() - start
        return said


async def _pushed(world: World) -> None:
    """The application comes by a push."""
    world.ada.push(APP, "main", small_app(), "Open the shop")


async def _spread(world: World) -> None:
    """The same, and each cluster takes another time to apply."""
    for number, name in enumerate(world.clusters):
        seconds = 2 + (SPREAD - 2) * number / (len(world.clusters) - 1)
        world.behave(name, apply_time=timedelta(seconds=seconds))
    await _pushed(world)


async def _opened(world: World) -> None:
    """The application comes by a merge request, merged when the bot has shown its plan."""
    world.ada.push(APP, "main", {"README.md": b"Soon.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    world.ada.merge(APP, number)


def measure(size: int, begin: Begin = _pushed) -> Cost:
    """Roll out to so many clusters, and count."""
    meter = Meter()
    with tempfile.TemporaryDirectory() as folder:
        world = _Measured(Path(folder), meter)
        seconds, waves, requests = asyncio.run(_timed(world, size, begin))
    assert len(requests) == waves, (len(requests), waves)
    assert all(each["state"] == "merged" for each in requests)
    placed = sum(
        len(each.applied) for each in world.clusters.values() if isinstance(each, SimulatedCluster)
    )
    return Cost(size, waves, placed, world.passes, meter.asked, seconds, world.simulated)


async def _timed(world: World, size: int, begin: Begin) -> tuple[float, int, list[dict[str, Any]]]:
    """Roll out; the seconds, the waves, and the merge requests of the deploy repo."""
    try:
        start = time.perf_counter()
        await _roll_out(world, size, begin)
        seconds = time.perf_counter() - start
        return seconds, len(world.view().waves), world.rita.requests(DEPLOY, "all")
    finally:
        await world.stop()


async def _roll_out(world: World, size: int, begin: Begin) -> None:
    world.found(small_fleet(tuple(f"c{number:05}" for number in range(size))))
    await begin(world)
    await world.settle()
    await world.finish()


def run(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Print how each count grows, and two variations; return the rows of the largest rollout."""
    print("\nOne rollout of three components in two stages, on a fake GitHub: what the bot asks")
    print(" ".join(f"{name:>{width}}" for name, width in COLUMNS))
    found = [_shown(measure(size)) for size in sizes]
    if len(sizes) > 1:
        _growth(found[0], found[-1])
        _shown(measure(VARIED, _spread), "spread")
        _shown(measure(VARIED, _opened), "opened")
    print(LEGEND)
    if len(sizes) > 1:
        print(VARIATIONS)
    most, name = found[-1], f"rollout to {found[-1].clusters:,} clusters, for each merge request"
    return [
        Row(f"{name}: reads", most.asked["read"] / most.waves, 10, "calls"),
        Row(f"{name}: writes", most.asked["write"] / most.waves, 3, "calls"),
    ]


def _shown(cost: Cost, name: str = "") -> Cost:
    cells = zip(cost.row(), COLUMNS, strict=True)
    line = " ".join(f"{value:>{width}}" for value, (_, width) in cells)
    print(f"{line}  {name}".rstrip(), flush=True)
    return cost


def _growth(small: Cost, large: Cost) -> None:
    """How often the smallest rollout's cost the largest one takes."""
    pairs = zip(small.row(), large.row(), COLUMNS, strict=True)
    cells = [f"{_ratio(first, last):>{width}}" for first, last, (_, width) in pairs]
    print(" ".join(cells) + "  times")


def _ratio(small: str, large: str) -> str:
    first, last = (float(re.sub(r"[^\d.]", "", each)) for each in (small, large))
    return f"{last / first:.1f}" if first else "-"
