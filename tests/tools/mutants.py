"""Mutants: copies of the product with one known defect each, and the table of who finds them."""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

ROOT = Path(__file__).parents[2]
PRODUCT = ("bot", "planners", "plugins", "renderers", "tests/fakes")
SHOWN = 110


class Defect(Protocol):
    """A defect: `old` stands once in a file, and becomes `new`."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...


D = TypeVar("D", bound=Defect)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The seed that shows a defect, and what is wrong there; `found`: only with the defect."""

    seed: str = "none"
    said: str = "**not found**"
    found: bool = False


def arguments(prog: str) -> argparse.ArgumentParser:
    """The arguments of every table."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--only", nargs="*", default=[], help="words of the names to try")
    return parser


def print_table(
    defects: Iterable[D], only: Sequence[str], column: str, judge: Callable[[D], Verdict]
) -> int:
    """Try the defects whose names have one of the words, or all; 1 where one is not found."""
    missed = 0
    print(f"| defect | found in seed | {column} | seconds |\n|---|---|---|---|")
    for each in defects:
        if only and not any(word in each.name for word in only):
            continue
        began = time.perf_counter()
        verdict = judge(each)
        missed += not verdict.found
        took = time.perf_counter() - began
        print(f"| {each.name} | {verdict.seed} | {verdict.said[:SHOWN]} | {took:.0f} |", flush=True)
    return int(missed > 0)


def run_mutant(
    defect: Defect, judge: str, ignored: Sequence[str], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run the package `judge`, a folder below the root, in a copy that has the defect."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in (*PRODUCT, judge):
            patterns = shutil.ignore_patterns("__pycache__", "test_*", *ignored)
            shutil.copytree(ROOT / name, folder / name, ignore=patterns)
        (folder / "tests" / "__init__.py").touch()
        apply(defect, folder)
        command = [sys.executable, "-m", judge.replace("/", "."), *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def apply(defect: Defect, folder: Path) -> None:
    """Make the replacement below a folder. Raises ValueError where the text is not there once."""
    file = folder / defect.path
    text = file.read_text()
    if text.count(defect.old) != 1:
        raise ValueError(f"{defect.path} does not have this once: {defect.old}")
    file.write_text(text.replace(defect.old, defect.new))
