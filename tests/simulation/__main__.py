"""Runs simulated worlds: many, or one of a seed with its trace.

python -m tests.simulation [--worlds N] [--first SEED] [--jobs N]
python -m tests.simulation --seed N [--shrink]

With --profile, worlds in which one kind of trouble is dense.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tests.simulation.profiles import PROFILES
from tests.simulation.shrink import Run, shrink
from tests.simulation.world import Outcome, simulate

CHUNK = 4
PROGRESS = 100


def main() -> int:
    """Run them; 1 where a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this world and print its trace")
    parser.add_argument("--shrink", action="store_true", help="leave out what it does not need")
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--until-broken", action="store_true", help="stop at the first failure")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="everything")
    options = parser.parse_args()
    run = partial(simulate, profile=PROFILES[options.profile])
    if options.seed is not None:
        return replay(run, options.seed, shrunk=options.shrink)
    seeds = range(options.first, options.first + options.worlds)
    return many(run, seeds, options.jobs, until_broken=options.until_broken)


def replay(run: Run, seed: int, *, shrunk: bool) -> int:
    """Run one world, and print what happened."""
    outcome = run(seed)
    if shrunk and outcome.violation:
        outcome = shrink(outcome, run)
    print("\n".join(outcome.trace))
    for fault in outcome.faults:
        print(f"fault: {fault}")
    print(f"seed {seed}: {outcome.violation or 'all laws hold'}")
    return int(bool(outcome.violation))


@dataclass
class Tally:
    """Worlds that ran, and what happened in them."""

    jobs: int
    began: float = field(default_factory=time.perf_counter)
    ran: int = 0
    failed: int = 0
    merged: int = 0
    faults: int = 0
    steps: int = 0

    def count(self, outcome: Outcome) -> None:
        """Add one."""
        self.ran += 1
        self.failed += bool(outcome.violation)
        self.merged += outcome.merged
        self.faults += len(outcome.faults)
        self.steps += outcome.steps

    def __str__(self) -> str:
        took = time.perf_counter() - self.began
        return (
            f"{self.ran} worlds, {self.steps} steps, {self.merged} merges, "
            f"{self.faults} faults, {self.failed} broken laws: {took:.0f} s, "
            f"{self.ran / took:.1f} worlds a second on {self.jobs} processes"
        )


def many(run: Run, seeds: range, jobs: int, *, until_broken: bool) -> int:
    """Run worlds in several processes; print those that fail, the progress, and the sum.

    Ctrl-C ends it with the sum so far.
    """
    tally = Tally(jobs)
    with suppress(KeyboardInterrupt):
        for outcome in outcomes(run, seeds, jobs):
            tally.count(outcome)
            if outcome.violation:
                print(f"seed {outcome.seed}: {outcome.violation[:400]}", flush=True)
                if until_broken:
                    break
            if tally.ran % PROGRESS == 0:
                print(tally, file=sys.stderr, flush=True)
    print(tally)
    return int(tally.failed > 0)


def outcomes(run: Run, seeds: range, jobs: int) -> Iterator[Outcome]:
    """What became of each world, without its trace."""
    if jobs == 1:
        yield from map(run, seeds)
        return
    parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        try:
            for found in pool.map(partial(_some, run), parts):
                yield from found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _some(run: Run, seeds: range) -> list[Outcome]:
    return [run(seed).brief for seed in seeds]


if __name__ == "__main__":
    sys.exit(main())
