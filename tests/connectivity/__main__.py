"""Judges random worlds: many, or one of a seed.

python -m tests.connectivity [--worlds N] [--first SEED] [--kind KIND] [--stop]
"""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.connectivity.laws import violations
from tests.connectivity.worlds import KINDS

CHUNK = 20
SHOWN = 5


def main() -> int:
    """Judge them; 1 where something is not as declared."""
    parser = argparse.ArgumentParser(prog="python -m tests.connectivity", description=__doc__)
    parser.add_argument("--worlds", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, default="", help="only fleets of this kind")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--stop", action="store_true", help="at the first one that is wrong")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.worlds)
    began, failed = time.perf_counter(), 0
    with ProcessPoolExecutor(options.jobs) as pool:
        chunk = 1 if options.stop else CHUNK
        found = pool.map(partial(judged, options.kind), seeds, chunksize=chunk)
        for seed, wrong in zip(seeds, found, strict=True):
            failed += bool(wrong)
            for each in wrong[:SHOWN]:
                print(f"seed {seed}: {each}", flush=True)
            if wrong and options.stop:
                pool.shutdown(wait=False, cancel_futures=True)
                return 1
    took = time.perf_counter() - began
    print(
        f"{len(seeds)} worlds, {failed} not as declared: {took:.0f} s on {options.jobs} processes"
    )
    return int(failed > 0)


def judged(kind: str, seed: int) -> list[str]:
    """What is wrong in one world."""
    return list(violations(seed, kind))


if __name__ == "__main__":
    sys.exit(main())
