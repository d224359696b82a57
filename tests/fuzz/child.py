"""Runs one target in a process of its own: `python -m tests.fuzz.child NAME COUNT SECONDS FOLDER`.

With Atheris, libFuzzer chooses what to mutate by the coverage of our packages; a crash of the
process or a minute for one input ends the run, and the log names the file of that input. Without
Atheris, the same mutations of the corpus run blindly, ten times as fast.
"""

import hashlib
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

try:
    import atheris
except ImportError:
    atheris = None

from tests.fuzz import MAX_BYTES

if TYPE_CHECKING:
    from tests.fuzz.mutate import Mutator
    from tests.fuzz.session import Session

OWN_MUTATIONS = 3
"""Of five mutations; libFuzzer makes the others."""

INSTRUMENTED = ["bot", "planners", "plugins", "renderers", "jsonpatch", "jsonpointer"]


def main(name: str, count: int, seconds: int, folder: Path) -> None:
    """Run until COUNT inputs or SECONDS; 0 is no limit."""
    with ExitStack() as stack:
        if atheris is not None:
            stack.enter_context(atheris.instrument_imports(include=INSTRUMENTED))
        from tests.fuzz import discovery  # noqa: PLC0415 - what it imports is to be instrumented
        from tests.fuzz.mutate import Mutator  # noqa: PLC0415
        from tests.fuzz.session import Session  # noqa: PLC0415

        target = discovery.load(name)
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [*target.seeds(), *discovery.found_inputs(name)]
    for seed in seeds:
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    session = Session(name, target, lambda line: print(line, file=sys.stderr, flush=True))
    mutator = Mutator(seeds, target.words)
    if atheris is None:
        inputs = [file.read_bytes() for file in sorted(corpus.iterdir())]
        _run_blindly(session, mutator, inputs, count, seconds)
        return

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 5 < OWN_MUTATIONS:
            return mutator.mutate(data, seed)[:max_size]
        return bytes(atheris.Mutate(data, max_size))

    options = [
        f"-runs={count or -1}", f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}",
        "-timeout=60", "-report_slow_units=60", "-rss_limit_mb=2048", "-print_final_stats=1",
        f"-artifact_prefix={folder}/{name}-", str(corpus),
    ]  # fmt: skip
    atheris.Setup([name, *options], session.feed, custom_mutator=mutate)
    atheris.Fuzz()


def _run_blindly(
    session: "Session", mutator: "Mutator", inputs: Sequence[bytes], count: int, seconds: int
) -> None:
    random = SystemRandom()
    start = time.monotonic()
    while session.inputs < count or not count:
        if seconds and time.monotonic() - start > seconds:
            break
        session.feed(mutator.mutate(random.choice(inputs), random.getrandbits(32)))
    print(f"stat::number_of_executed_units: {session.inputs}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
