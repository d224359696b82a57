"""New images for all twelve components of a fleet: from the push to the merge requests, warm.

The bot's own passes run over a forge in memory and Git repositories on disk; the planner has a
process of its own, as in the service. Beside it, `git fast-import` writes the same commits. CPU
seconds count the service and its planner, and are those of one pass: other work on the machine
changes them less than the time that passes.
"""

import asyncio
import ctypes
import gc
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench import fleets
from bench.table import Row
from bot.effects import apply as applying
from bot.effects.push import BOT
from bot.engine.packed_input import pack_input, unpack_input
from bot.engine.plans import Plans
from bot.engine.process import Planner
from bot.engine.propose import propose
from bot.gather import snapshot as gathering
from bot.git import BranchUpdate, Mirrors
from bot.sandbox.demo.site import APP, DEPLOY
from bot.wording.merge_requests import trailers
from bot.worker import dispatch, reconcile
from bot.worker.worker import work_one
from planners.gating.declared_gates import actions_of
from tests.fakes.world import World

SIZES = (100, 1_000, 10_000)
LEASE = timedelta(minutes=10)
STAGES = (
    (reconcile, "gather_rollout", "gather"),
    (gathering, "read_base", "- main"),
    (gathering, "read_ledger", "- ledger"),
    (gathering, "read_proposed", "- proposed"),
    (reconcile, "apply", "write"),
    (applying, "_commit", "- commits"),
    (applying, "push", "- push"),
    (applying, "_open", "- open"),
    (reconcile, "plan_comment", "comment"),
    (reconcile, "show_plan", "diffs page"),
    (reconcile, "show", "rollout page"),
)
GIT = ("- commits", "- push")


@dataclass(slots=True)
class Cost:
    """What one image bump took; `stages` are CPU seconds, `imported` those of `git fast-import`.

    `cpu` and `megabytes` are until the branches are pushed, with what was there before; then the
    forge in memory merges all of them. `after` is that of two passes more, which find them there.
    """

    clusters: int
    cpu: float
    seconds: float
    after: float
    megabytes: float
    requests: int
    imported: float
    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def git(self) -> float:
        """CPU seconds of Git's part."""
        return sum(self.stages[each] for each in GIT)


@dataclass(slots=True)
class Stages:
    """CPU seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    pushed: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def timing(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same, timed."""
        call = getattr(work, "__call__", work)  # noqa: B004 # an object may be called, too
        if asyncio.iscoroutinefunction(work) or asyncio.iscoroutinefunction(call):

            async def timed_later(*args: Any, **named: Any) -> Any:
                start = _cpu()
                done = await work(*args, **named)
                self._took(stage, start)
                return done

            return timed_later

        def timed(*args: Any, **named: Any) -> Any:
            start = _cpu()
            done = work(*args, **named)
            self._took(stage, start)
            return done

        return timed

    def _took(self, stage: str, start: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + _cpu() - start
        if stage == "- push":
            self.pushed = _cpu(), time.perf_counter(), _peak()


class Measured(World):
    """A world whose bot plans in a process of its own, and whose stages are timed."""

    def __init__(self, folder: Path, stages: Stages) -> None:
        self.stages = stages
        super().__init__(folder)
        plans = stages.timing("propose", Plans(Planner(600, 4096), self.context.results))
        self.context = replace(self.context, propose=plans)

    async def passes(self, most: int = 10) -> None:
        """All that is due, at most so many passes."""
        await self.flush_hooks()
        await dispatch.drain(self.context)
        for _ in range(most):
            if not await work_one(self.context, "bench", LEASE):
                return

    async def merge_all(self) -> None:
        """Merge the whole first rollout as one commit: the bot's own passes would take hours.

        A process of its own writes it, so that its memory is no part of the measurement.
        """
        gathered = await gathering.gather_rollout(self.context, "store")
        deploy, packed = gathered.deploy, pack_input(gathered.snapshot)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            mirrors = self.folder / "bot/mirrors"
            commit = pool.submit(_write_all, packed, mirrors, deploy.head, self.now).result()
        url, access = await self.context.reach(deploy.repo, deploy.info)
        assert deploy.mirror.push(url, access, {"all": BranchUpdate(commit, None)}) == {"all": None}
        self.otto.reset(DEPLOY, "main", commit)
        self.otto.delete_branch(DEPLOY, "all")


def _write_all(packed: bytes, mirrors: Path, head: str, now: datetime) -> str:
    """Write the whole rollout of a packed snapshot as one commit; its id."""
    snapshot = unpack_input(packed)
    proposal = propose(snapshot)
    assert not proposal.problems, proposal.problems[:3]
    files = {f.path: proposal.contents[f.new or ""] for c in proposal.changes for f in c.files}
    plan, change = proposal.plan, proposal.changes[0]
    actions = actions_of(snapshot.base, plan, change)
    message = "All\n\n" + trailers(plan, proposal.digest, change, actions)
    mirror = Mirrors(mirrors).of(plan.deploy)
    return mirror.commit(head, files, message=message, author=BOT, at=now)


def _processes() -> tuple[int, ...]:
    """This process and those it has started."""
    files = Path("/proc/self/task").glob("*/children")
    return os.getpid(), *(int(each) for file in files for each in file.read_text().split())


def _cpu() -> float:
    """Seconds of all processes, and of those that have ended."""
    ticks = 0
    for pid in _processes():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _peak() -> float:
    """The most memory that the processes took together, in MB, at the worst since `_forget`."""
    found = 0
    for pid in _processes():
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found += next(int(each.split()[1]) for each in lines if each.startswith("VmHWM"))
    return found / 1024


def _forget() -> None:
    """Return what the set-up has freed, and measure peaks from here."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    for pid in _processes():
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def fleet(size: int) -> dict[str, bytes | None]:
    """The registration, the tenant, and so many clusters of five variants."""
    told = {path: text for path, text in fleets.FLEET.items() if path != "clusters/one.yaml"}
    told["applications/store.yaml"] = (
        told["applications/store.yaml"]
        .replace("local:shop/store", f"local:{APP}")
        .replace("local:fleet/deploy", f"local:{DEPLOY}")
    )
    for number in range(size):
        name = f"c{number:05}"
        labels = f"{{variant: v{number % fleets.VARIANTS}, region: r{number % 7}}}"
        told[f"clusters/{name}.yaml"] = fleets.FLEET["clusters/one.yaml"].replace(
            "{name: one}", f"{{name: {name}, labels: {labels}}}"
        )
    return {path: text.encode() for path, text in told.items()}


def measure(size: int) -> Cost:
    """Bump all images on so many clusters, and say what it took."""
    stages = Stages()
    before = [(module, name, getattr(module, name)) for module, name, _ in STAGES]
    for module, name, stage in STAGES:
        setattr(module, name, stages.timing(stage, getattr(module, name)))
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_bumped(Measured(Path(folder), stages), size))
    finally:
        for module, name, work in before:
            setattr(module, name, work)


async def _bumped(world: Measured, size: int) -> Cost:
    try:
        world.describe(fleet(size))
        world.otto.push(DEPLOY, "main", {"README.md": b"For clusters.\n"}, "Begin")
        world.ada.push(APP, "main", fleets.application(), "First")
        await world.merge_all()
        await world.passes()
        _forget()
        world.stages.seconds.clear()
        cpu, start = _cpu(), time.perf_counter()
        new = {p: t.replace(b":1.0.0", b":1.0.1") for p, t in fleets.application().items()}
        world.ada.push(APP, "images", new, "New images")
        world.ada.merge(APP, world.ada.open(APP, "images", "New images"))
        await world.passes(1)
        stages, done = dict(world.stages.seconds), _cpu()
        pushed, at, megabytes = world.stages.pushed
        await world.passes(2)
        return Cost(
            clusters=size,
            cpu=pushed - cpu,
            seconds=at - start,
            after=_cpu() - done,
            megabytes=megabytes,
            requests=len(world.rita.requests(DEPLOY)),
            imported=_imported(world.folder),
            stages=stages,
        )
    finally:
        await world.stop()


def _imported(folder: Path) -> float:
    """CPU seconds of `git fast-import` for the commits of the branches, on the same main."""
    deploy = next(folder.glob(f"**/{DEPLOY}.git"))
    bare = folder / "imported.git"
    clone = ["clone", "-q", "--bare", "--single-branch", "--branch", "main", f"file://{deploy}"]
    _git(folder, *clone, str(bare))
    listed = _git(deploy, "for-each-ref", "--format=%(refname)", "refs/heads/switchyard/")
    branches = listed.decode().split()
    assert branches, "nothing was pushed"
    stream = _git(deploy, "fast-export", "--reference-excluded-parents", *branches, "^main")
    before = _cpu_of_children()
    _git(bare, "fast-import", "--quiet", stream=stream)
    return _cpu_of_children() - before


def _git(folder: Path, *arguments: str, stream: bytes = b"") -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, input=stream, check=True, capture_output=True).stdout


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Measure, print, and return the rows of the largest fleet."""
    print(f"\nNew images of {len(fleets.COMPONENTS)} components, {fleets.VARIANTS} variants, warm")
    print("clusters   CPU s       s   after      MB  requests  Git CPU s  fast-import")
    found = []
    for size in sizes:
        cost = measure(size)
        found.append(cost)
        print(
            f"{size:>8} {cost.cpu:>7.2f} {cost.seconds:>7.2f} {cost.after:>7.2f} "
            f"{cost.megabytes:>7.0f} {cost.requests:>9} {cost.git:>10.2f} {cost.imported:>12.2f}"
        )
        stages = (f"{stage} {seconds:.2f}" for stage, seconds in cost.stages.items())
        print(f"{'':>8} of which {', '.join(stages)}", flush=True)
    most = found[-1]
    growth = most.cpu / found[0].cpu if len(found) > 1 else None
    name = f"image bump, 12 components, {most.clusters:,} clusters"
    return [
        Row(f"{name}, CPU", most.cpu, 5, "s", growth=growth),
        Row(f"{name}, memory", most.megabytes, 500, "MB"),
        Row(f"{name}, Git beside fast-import", most.git / most.imported, 2, "times"),
    ]
