"""The trials: each takes a rig and returns what it measured."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bot.git.limits import Limits
from bot.store.tables import metadata
from tests.fakes import postgres
from tests.trials.rig import WAVES, Replica, Rig

Measured = dict[str, Any]
Trial = Callable[[Rig], Awaitable[Measured]]

KILLS = int(os.environ.get("KILLS", "200"))
KILLS_EACH = 10
MIRRORS = 3
DEATHS = int(os.environ.get("DEATHS", "6"))
TAKEN_OVER_SECONDS = 10.0
HANDED_OVER_SECONDS = 2.0
"""A write that is on its way is finished first."""
BURST = 5_000
SLOWED = 3.0
ROLLOUTS = int(os.environ.get("ROLLOUTS", "25"))
MINUTES = float(os.environ.get("MINUTES", "0"))


async def one(rig: Rig, **settings: str) -> Replica:
    """One replica that is ready."""
    replica = rig.add(**settings)
    rig.front(replica)
    await rig.until(replica.ready, "ready")
    return replica


async def after_a_wave(rig: Rig) -> str:
    """Push a version and wait until its first wave is merged; its commit."""
    before, revision = rig.merged(), rig.push()
    await rig.until(lambda: rig.merged() > before, "the first wave is merged", 120)
    return revision


async def killed(rig: Rig) -> Measured:
    """SIGKILL at random moments, KILLS times; each rollout outlives KILLS_EACH and then ends."""
    replica, kills = await one(rig), 0
    at = [0] * len(WAVES)
    while kills < KILLS:
        before, each = rig.merged(), min(KILLS_EACH, KILLS - kills)
        rolled_out = asyncio.create_task(rig.finished(rig.push(), 900))
        for _ in range(each):
            await asyncio.sleep(rig.random.uniform(0.2, 8))
            if rolled_out.done():
                break
            at[min(rig.merged() - before, len(WAVES) - 1)] += 1
            replica.kill()
            replica.start()
            kills += 1
        took = await rolled_out
        print(f"  rollout {rig.versions}: {took:.0f} s, {kills} kills", flush=True)
    return {"kills": kills, "rollouts": rig.versions, "kills after 0 to 5 merged waves": at}


async def stopped(rig: Rig) -> Measured:
    """SIGSTOP for three leases in the middle of a rollout, while another replica works."""
    with postgres.database(migrated=True) as url:
        first, second = await one(rig, DATABASE_URL=url), rig.add(DATABASE_URL=url)
        await rig.until(second.ready, "ready")
        revision = await after_a_wave(rig)
        rig.front(second)
        first.signal(signal.SIGSTOP)
        await asyncio.sleep(24)
        first.signal(signal.SIGCONT)
        took = await rig.finished(revision)
        await rig.until(first.ready, "ready again")
        _stop(rig)
        return {"after it went on": took}


def _file(replica: Replica) -> Path:
    return replica.folder / "data/switchyard.db"


def _delete(replica: Replica) -> None:
    for each in _file(replica).parent.glob("switchyard.db*"):
        each.unlink()


def _overwrite(replica: Replica) -> None:
    for each in _file(replica).parent.glob("switchyard.db*"):
        size = each.stat().st_size
        with each.open("r+b") as file:
            file.write(os.urandom(size))


def _empty_mirrors(replica: Replica) -> None:
    for each in (replica.folder / "data/mirrors").glob("*.git"):
        (each / "HEAD").write_bytes(b"")
        (each / "packed-refs.lock").touch()
        for pack in each.glob("objects/pack/*.pack"):
            content = pack.read_bytes()
            pack.unlink()
            pack.write_bytes(content[: len(content) // 2])


def damaged(damage: Callable[[Replica], None]) -> Trial:
    """A fault of files in the middle of a rollout."""

    async def trial(rig: Rig) -> Measured:
        replica = await one(rig)
        revision = await after_a_wave(rig)
        damage(replica)
        took = await rig.finished(revision)
        assert replica.process is not None
        assert replica.process.poll() is None
        await rig.until(replica.ready, "ready again")
        return {"rolled out after": took, "log": _outages(replica)}

    return trial


async def full_disk(rig: Rig) -> Measured:
    """No file can grow for ten seconds."""
    replica = await one(rig)
    revision = await after_a_wave(rig)
    hard = resource.prlimit(replica.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(replica.pid, resource.RLIMIT_FSIZE, (0, hard))
    noticed = await rig.until(_is(replica, "/readyz", 503), "not ready")
    assert await replica.probe("/healthz") == 200
    await asyncio.sleep(10)
    resource.prlimit(replica.pid, resource.RLIMIT_FSIZE, (hard, hard))
    ready = await rig.until(replica.ready, "ready again")
    took = await rig.finished(revision)
    return {"noticed after": noticed, "ready after": ready, "rolled out after": took}


async def read_only(rig: Rig) -> Measured:
    """The volume with database and mirrors is mounted anew in the middle of a rollout: read-only.

    In a mount namespace of the replica (user_namespaces(7): needs no privilege). A volume cannot
    become read-only under open files but by a defect of the disk, so the folder is covered.
    """
    replica = rig.add(0, ("unshare", "--map-root-user", "--mount"))
    rig.front(replica)
    await rig.until(replica.ready, "ready")
    revision, data = await after_a_wave(rig), replica.folder / "data"
    copy = shutil.copytree(data, replica.folder / "copy")
    await _inside(replica, "mount", "--bind", "-o", "ro", str(copy), str(data))
    noticed = await rig.until(_is(replica, "/readyz", 503), "not ready")
    assert await replica.probe("/healthz") == 200
    await asyncio.sleep(10)
    await _inside(replica, "umount", "--lazy", str(data))
    ready = await rig.until(replica.ready, "ready again")
    took = await rig.finished(revision)
    return {"noticed after": noticed, "ready after": ready, "rolled out after": took}


async def _inside(replica: Replica, *command: str) -> None:
    """Run a program in the namespaces of a replica."""
    enter = ("nsenter", "--target", str(replica.pid), "--user", "--mount", "--preserve-credentials")
    process = await asyncio.create_subprocess_exec(*enter, *command)
    assert await process.wait() == 0, command


def _is(replica: Replica, path: str, status: int) -> Callable[[], Awaitable[bool]]:
    async def found() -> bool:
        return await replica.probe(path) == status

    return found


def _backends(url: str) -> list[int]:
    name = url.partition("@/")[2].partition("?")[0]
    return postgres.server().pids(name)


def _crash(url: str) -> None:
    """The server ends all its processes when one is killed, and starts them anew."""
    os.kill(_backends(url)[0], signal.SIGKILL)


def hindered(hinder: Callable[[str], None], relieve: Callable[[str], None], rest: float) -> Trial:
    """PostgreSQL fails for some seconds in the middle of a rollout of two replicas."""

    async def trial(rig: Rig) -> Measured:
        with postgres.database(migrated=True) as url:
            first, second = await one(rig, DATABASE_URL=url), rig.add(DATABASE_URL=url)
            await rig.until(second.ready, "ready")
            revision = await after_a_wave(rig)
            hinder(url)
            await asyncio.sleep(rest)
            relieve(url)
            took = await rig.finished(revision)
            for each in (first, second):
                await rig.until(each.ready, "ready again")
            logs = {each.folder.name: _outages(each) for each in (first, second)}
            _stop(rig)
            return {"rolled out after": took, **logs}

    return trial


def _stop_backends(url: str) -> None:
    for pid in _backends(url):
        os.kill(pid, signal.SIGSTOP)
    STOPPED[url] = _backends(url)


def _go_on(url: str) -> None:
    for pid in STOPPED.pop(url, []):
        os.kill(pid, signal.SIGCONT)


STOPPED: dict[str, list[int]] = {}


def _refuse(url: str) -> None:
    name = url.partition("@/")[2].partition("?")[0]
    postgres.server().execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    for pid in _backends(url):
        postgres.server().execute(f"SELECT pg_terminate_backend({pid})")


def _accept(url: str) -> None:
    name = url.partition("@/")[2].partition("?")[0]
    postgres.server().execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _read_only(url: str) -> None:
    """As on a standby after a failover; connections made meanwhile stay read-only."""
    name = url.partition("@/")[2].partition("?")[0]
    postgres.server().execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    for pid in _backends(url):
        postgres.server().execute(f"SELECT pg_terminate_backend({pid})")


def _writable(url: str) -> None:
    name = url.partition("@/")[2].partition("?")[0]
    postgres.server().execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def _exhaust(url: str) -> None:
    """Others take all connections of the server, and those of the replicas when they end."""
    name = url.partition("@/")[2].partition("?")[0]
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    held = TAKEN.setdefault(url, [])
    for _ in range(10):
        with suppress(psycopg.OperationalError):
            while True:
                address = postgres.server().url("postgres")
                held.append(psycopg.connect(_address(address), autocommit=True))
        if not held[0].execute(end.encode()).fetchall():
            return
    raise AssertionError("the replicas found connections again and again")


def _leave(url: str) -> None:
    for each in TAKEN.pop(url):
        each.close()


TAKEN: "dict[str, list[psycopg.Connection[Any]]]" = {}


def replicas(count: int, ahead: int = 0) -> Trial:
    """Several replicas on PostgreSQL; in each rollout one is killed at random. The worst pauses.

    A wave after a death may take the time to take its rollout over, and that of any other wave.
    """

    async def trial(rig: Rig) -> Measured:
        with postgres.database(migrated=True) as url:
            dies = rig.add(ahead, DATABASE_URL=url)
            others = [rig.add(DATABASE_URL=url) for _ in range(count - 1)]
            for each in rig.replicas:
                await rig.until(each.ready, "ready")
            rig.front(others[0])
            wave = await _longest_wave(rig, rig.push())
            taken, pauses = [], []
            for _ in range(DEATHS):
                revision = await after_a_wave(rig)
                await asyncio.sleep(rig.random.uniform(0, 3))
                before, held = rig.merged(), _claimed(url)
                dies.kill()
                taken.append(await rig.until(partial(_claimed_by_another, url, held), "taken over"))
                pauses.append(
                    taken[-1] + await rig.until(partial(_merged_more, rig, before), "a wave")
                )
                await rig.finished(revision)
                dies.start()
                await rig.until(dies.ready, "ready")
            _stop(rig)
            assert max(taken) <= TAKEN_OVER_SECONDS, taken
            assert max(pauses) <= TAKEN_OVER_SECONDS + wave, (pauses, wave)
            return {
                "taken over after at most": max(taken),
                "longest wait for a merge after a death": max(pauses),
                "and without one": wave,
            }

    return trial


async def terminated(rig: Rig) -> Measured:
    """SIGTERM in the middle of passes, with leases that outlast the trial."""
    with postgres.database(migrated=True) as url:
        settings = {"DATABASE_URL": url, "LEASE_SECONDS": "300"}
        stays, taken = await one(rig, **settings), []
        ends = rig.add(**settings)
        for _ in range(DEATHS):
            await rig.until(ends.ready, "ready")
            revision = await after_a_wave(rig)
            await rig.until(lambda: _claimed(url) is not None, "claimed")
            held = _claimed(url)
            ends.signal(signal.SIGTERM)
            taken.append(await rig.until(partial(_claimed_by_another, url, held), "taken over"))
            assert ends.process is not None
            await asyncio.to_thread(ends.process.wait, 30)
            await rig.finished(revision)
            ends.start()
        assert max(taken) <= HANDED_OVER_SECONDS, taken
        assert await stays.ready()
        _stop(rig)
        return {"the next pass began after at most": max(taken)}


async def _longest_wave(rig: Rig, revision: str) -> float:
    """The longest time between two merges of an undisturbed rollout."""
    rolled_out, longest = asyncio.create_task(rig.finished(revision)), 0.0
    while not rolled_out.done():
        before = rig.merged()
        longest = max(longest, await rig.until(partial(_moved, rig, before, rolled_out), "a wave"))
    await rolled_out
    return longest


def _moved(rig: Rig, before: int, rolled_out: "asyncio.Task[float]") -> bool:
    return _merged_more(rig, before) or rolled_out.done()


def _merged_more(rig: Rig, before: int) -> bool:
    return rig.merged() > before


def _claimed_by_another(url: str, held: int | None) -> bool:
    return _claimed(url) != held


def _claimed(url: str) -> int | None:
    """Which claim of the application's key is running, if any."""
    with psycopg.connect(_address(url)) as connection:
        row = connection.execute(
            "SELECT claimed_generation FROM queue WHERE key = 'application/storefront'"
        ).fetchone()
    return row[0] if row else None


def _address(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:")


def _stop(rig: Rig) -> None:
    for each in rig.replicas:
        each.kill()


async def burst(rig: Rig) -> Measured:
    """5,000 webhooks about a thousand merge requests arrive while a rollout runs."""
    replica = await one(rig)
    await rig.finished(rig.push())
    undisturbed = await rig.finished(rig.push())
    sending = asyncio.create_task(rig.hooks(replica, BURST, BURST // 5))
    slowed = await rig.finished(rig.push())
    stored = await sending
    assert slowed <= SLOWED * undisturbed, (slowed, undisturbed)
    return {"undisturbed": undisturbed, "with a burst": slowed, "burst stored in": stored}


async def soak(rig: Rig) -> Measured:
    """Rollouts of one process, ROLLOUTS and for MINUTES at least: what it uses stays bounded.

    Each mirror keeps its packs open until there are so many that they are repacked.
    """
    replica, began = await one(rig), time.monotonic()
    sizes: list[dict[str, int]] = []
    while len(sizes) < ROLLOUTS or time.monotonic() - began < MINUTES * 60:
        await rig.finished(rig.push(), 600)
        sizes.append(_size(replica))
        print(f"  {time.monotonic() - began:.0f} s, rollout {len(sizes)}: {sizes[-1]}", flush=True)
    third = len(sizes) // 3
    for name in ("memory MiB", "threads"):
        assert sizes[-1][name] <= sizes[third][name] * 1.25, (name, sizes)
    packs = MIRRORS * (Limits().packs + 1)
    assert sizes[-1]["packs"] <= packs, sizes
    assert sizes[-1]["descriptors"] <= sizes[0]["descriptors"] + packs, sizes
    return {"rollouts": len(sizes), "after a third": sizes[third], "at the end": sizes[-1]}


def _size(replica: Replica) -> dict[str, int]:
    process = Path(f"/proc/{replica.pid}")
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    mirrors = replica.folder / "data/mirrors"
    return {
        "memory MiB": int(status["VmRSS"].split()[0]) // 1024,
        "threads": int(status["Threads"]),
        "descriptors": sum(1 for _ in (process / "fd").iterdir()),
        "database KiB": sum(each.stat().st_size for each in _file(replica).parent.glob("*.db*"))
        // 1024,
        "mirrors KiB": sum(_bytes(each) for each in mirrors.rglob("*")) // 1024,
        "packs": sum(1 for _ in mirrors.glob("*/objects/pack/*.pack")),
        "loose objects": sum(1 for _ in mirrors.glob("*/objects/??/*")),
        **{f"{name} rows": count for name, count in rows(replica).items()},
    }


def _bytes(path: Path) -> int:
    """The size of a file, which the service may have deleted meanwhile."""
    with suppress(FileNotFoundError):
        return path.stat().st_size if path.is_file() else 0
    return 0


def rows(replica: Replica) -> dict[str, int]:
    """How many rows each table of a replica's own database has."""
    with closing(sqlite3.connect(f"file:{_file(replica)}?mode=ro", uri=True)) as connection:
        return {
            table.name: connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]
            for table in metadata.sorted_tables
        }


def _outages(replica: Replica) -> int:
    """How many times its log says that the database is not available."""
    return replica.log().count("database not available")


TRIALS: dict[str, Trial] = {
    "replicas": replicas(2),
    "three-replicas": replicas(3),
    "clock-ahead": replicas(2, ahead=600),
    "stopped": stopped,
    "terminated": terminated,
    "database-deleted": damaged(_delete),
    "database-damaged": damaged(_overwrite),
    "disk-full": full_disk,
    "disk-read-only": read_only,
    "mirrors-damaged": damaged(_empty_mirrors),
    "postgresql-crashed": hindered(_crash, lambda _: None, 0),
    "postgresql-stalled": hindered(_stop_backends, _go_on, 40),
    "postgresql-away": hindered(_refuse, _accept, 15),
    "postgresql-read-only": hindered(_read_only, _writable, 15),
    "postgresql-full": hindered(_exhaust, _leave, 15),
    "burst": burst,
    "soak": soak,
    "killed": killed,
}
"""In the order in which they run; each checks order and number of merge requests at its end."""
