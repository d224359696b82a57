"""Plays series: many, or one of a seed with its trace.

python -m tests.properties.rules [--series N] [--first SEED] [--jobs N]
python -m tests.properties.rules --seed N [--whole]

Every fiftieth series is played in front of the whole core as well (--whole: each of them, and only
there).
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.properties.rules.play import Outcome, play
from tests.properties.rules.whole import play_whole

CHUNK = 20
WHOLE_EACH = 50


def main() -> int:
    """Play them; 1 where a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.properties.rules", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this series and print its trace")
    parser.add_argument("--whole", action="store_true", help="only in front of the whole core")
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--until-broken", action="store_true", help="stop at the first failure")
    options = parser.parse_args()
    if options.seed is not None:
        outcome = (play_whole if options.whole else play)(options.seed, traced=True)
        print("\n".join(outcome.trace))
        print(f"seed {options.seed}: {outcome.violation or 'all laws hold'}")
        return int(bool(outcome.violation))
    seeds = range(options.first, options.first + options.series)
    return many(seeds, options.jobs, whole=options.whole, until_broken=options.until_broken)


def many(seeds: range, jobs: int, *, whole: bool, until_broken: bool) -> int:
    """Play series in several processes; print those that fail, and how long it took."""
    began, played, failed, moves, merged, faults = time.perf_counter(), 0, 0, 0, 0, 0
    for name, outcome in _outcomes(seeds, jobs, whole=whole):
        played, moves = played + 1, moves + outcome.moves
        merged, faults = merged + outcome.merged, faults + outcome.faults
        if outcome.violation:
            failed += 1
            print(f"seed {outcome.seed}{name}: {outcome.violation[:300]}", flush=True)
            if until_broken:
                break
    took = time.perf_counter() - began
    print(
        f"{played} series, {moves} steps of rules, {merged} merges, {faults} faults, "
        f"{failed} broken laws: {took:.0f} s on {jobs} processes"
    )
    return int(failed > 0)


def _outcomes(seeds: range, jobs: int, *, whole: bool) -> Iterator[tuple[str, Outcome]]:
    if jobs == 1:
        yield from _some(seeds, whole=whole)
        return
    parts = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs) as pool:
        try:
            for found in pool.map(partial(_listed, whole=whole), parts):
                yield from found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _listed(seeds: range, *, whole: bool) -> list[tuple[str, Outcome]]:
    return list(_some(seeds, whole=whole))


def _some(seeds: range, *, whole: bool) -> Iterator[tuple[str, Outcome]]:
    for seed in seeds:
        if not whole:
            yield "", play(seed)
        if whole or seed % WHOLE_EACH == 0:
            yield " --whole", play_whole(seed)


if __name__ == "__main__":
    sys.exit(main())
