"""Many workers on one queue, in threads and in processes, some of them killed."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from threading import Lock, Thread

from bot.store import Store
from tests.fakes.stores import NOON

LEASE = timedelta(seconds=60)
KEYS = [f"application/{number}" for number in range(12)]

WORKER = """
import os, sys
from datetime import datetime, timedelta
from bot.store import Store
url, folder, owner = sys.argv[1:]
now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
store = Store.open(url)
print("ready", flush=True)
sys.stdin.readline()
while claim := store.queue.claim(owner, timedelta(hours=1), now):
    place = os.path.join(folder, claim.key.replace("/", "."))
    os.close(os.open(place, os.O_CREAT | os.O_EXCL))
    if claim.generation < 20:
        store.queue.trigger([claim.key], now)
    os.unlink(place)
    assert store.queue.done(claim, None)
    print(claim.key, claim.generation, flush=True)
store.close()
"""

HOLDER = """
import sys
from datetime import datetime, timedelta
from bot.store import Store
now = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
store = Store.open(sys.argv[1])
print(store.queue.claim("holder", timedelta(seconds=60), now).key, flush=True)
sys.stdin.read()
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_threads_never_hold_a_key_together(store: Store) -> None:
    guard = Lock()
    held: set[str] = set()
    passes: Counter[str] = Counter()
    wrong: list[str] = []

    def work(owner: str) -> None:
        while claim := store.queue.claim(owner, LEASE, NOON):
            with guard:
                wrong.extend({claim.key} & held)
                held.add(claim.key)
                passes[claim.key] += 1
                again = passes[claim.key] < 5
            if again:
                store.queue.trigger([claim.key], NOON)
            with guard:
                held.remove(claim.key)
            if not store.queue.done(claim, None):
                wrong.append(f"{claim} was lost")

    store.queue.trigger(KEYS, NOON)
    threads = [Thread(target=work, args=[f"thread-{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert passes == Counter(dict.fromkeys(KEYS, 5))


def test_processes_never_hold_a_key_together(store: Store, store_url: str, tmp_path: Path) -> None:
    """Each makes a file while it holds a key, which only one of them can."""
    folder = tmp_path / "held"
    folder.mkdir()
    store.queue.trigger(KEYS, NOON)
    workers = [start(WORKER, store_url, str(folder), f"process-{n}") for n in range(2)]
    assert [line(worker) for worker in workers] == ["ready"] * 2

    said = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, _ = worker.communicate()
        said += output.splitlines()

    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(said) == len(set(said))
    assert {entry.split()[0] for entry in said} == set(KEYS)
    assert store.queue.waiting(1) == ()


def test_a_key_of_a_killed_process_is_claimed_when_its_lease_expires(
    store: Store, store_url: str
) -> None:
    store.queue.trigger(["shop"], NOON)
    holder = start(HOLDER, store_url)
    assert line(holder) == "shop"
    store.queue.trigger(["shop"], NOON)

    holder.kill()
    holder.communicate()

    assert store.queue.claim("heir", LEASE, NOON + timedelta(seconds=59)) is None
    heir = store.queue.claim("heir", LEASE, NOON + timedelta(seconds=60))
    assert heir is not None
    assert (heir.key, heir.attempts) == ("shop", 2)
    assert store.queue.done(heir, None)
    assert store.queue.next_due() is None
