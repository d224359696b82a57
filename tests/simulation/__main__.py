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
from functools import partial

from tests.simulation.profiles import PROFILES
from tests.simulation.shrink import Run, shrink
from tests.simulation.world import Outcome, simulate

CHUNK = 4


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


def many(run: Run, seeds: range, jobs: int, *, until_broken: bool) -> int:
    """Run worlds in several processes; print those that fail, and how fast it was."""
    began, ran, failed, merged, faults = time.perf_counter(), 0, 0, 0, 0
    for outcome in outcomes(run, seeds, jobs):
        ran += 1
        merged, faults = merged + outcome.merged, faults + len(outcome.faults)
        if outcome.violation:
            failed += 1
            print(f"seed {outcome.seed}: {outcome.violation[:400]}", flush=True)
            if until_broken:
                break
    took = time.perf_counter() - began
    print(
        f"{ran} worlds, {merged} merges, {faults} faults, {failed} broken laws: "
        f"{took:.0f} s, {ran / took:.1f} worlds a second on {jobs} processes"
    )
    return int(failed > 0)


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
