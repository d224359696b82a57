"""Runs the targets one after the other: `make fuzz SECONDS=30` or `make fuzz COUNT=2000000`.

Prints one line for each target: inputs, inputs per second, inputs that reached a new path, and
kinds of failure, with the file that reproduces each. SECONDS are for each target; COUNT is for all
together. ONLY names targets. Ctrl-C ends the run; the next one continues with the corpus.
"""

import argparse
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import discovery

CORPUS = Path(__file__).parents[2] / ".fuzz"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run over one target did."""

    name: str
    inputs: int
    seconds: float
    new: int
    failures: tuple[str, ...]

    def __str__(self) -> str:
        rate = self.inputs / self.seconds if self.seconds else 0
        line = f"{self.name:20} {self.inputs:>10,} {rate:>9,.0f}/s {self.new:>8,} new"
        return "\n  ".join([f"{line} {len(self.failures):>3} failures", *self.failures])


def run(name: str, count: int, seconds: int) -> Outcome:
    """Run one target in a child process, and read its log."""
    CORPUS.mkdir(exist_ok=True)
    log = CORPUS / f"{name}.log"
    start = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.child",
        name,
        str(count),
        str(seconds),
        str(CORPUS),
    ]
    with log.open("wb") as stream:
        child = subprocess.Popen(command, stderr=stream, stdout=stream)
        try:
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
    text = log.read_text(errors="replace")
    failures = re.findall(r"^FOUND (.*)$", text, re.MULTILINE)
    if code:
        failures.append(f"the process ended with {code}, see {log}")
    inputs = re.findall(r"(?:stat::number_of_executed_units: |Done )(\d+)", text)
    new = re.findall(r"stat::new_units_added:\s+(\d+)", text)
    took = time.monotonic() - start
    return Outcome(
        name, int(inputs[-1]) if inputs else 0, took, int(new[-1]) if new else 0, tuple(failures)
    )


def main() -> int:
    """Exit code 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("only", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=0, help="for each target")
    parser.add_argument("--count", type=int, default=0, help="inputs for all targets together")
    options = parser.parse_args()
    names = options.only or discovery.names()
    unknown = sorted(set(names) - set(discovery.names()))
    if unknown:
        parser.error(f"unknown target {unknown[0]}; known: {', '.join(discovery.names())}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shares = {name: discovery.load(name).share for name in names}
    whole = sum(shares.values())
    outcomes = []
    try:
        for name in names:
            count = max(1, round(options.count * shares[name] / whole)) if options.count else 0
            outcomes.append(run(name, count, options.seconds or (0 if count else 30)))
            print(outcomes[-1], flush=True)
    except KeyboardInterrupt:
        print("interrupted; the next run continues with the corpus in .fuzz/")
        return INTERRUPTED
    print(
        f"{sum(each.inputs for each in outcomes):,} inputs, "
        f"{sum(len(each.failures) for each in outcomes)} failures"
    )
    return int(any(each.failures for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
