"""Feeds inputs to one target, and keeps each kind of failure once."""

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from traceback import FrameSummary

from tests.fuzz import FOUND, Target

MAX_CPU_SECONDS = 1.0
"""On one input; a test that runs beside others has no such limit."""
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Session:
    """One run over a target; `report` gets a line for each new kind of failure."""

    name: str
    target: Target
    report: Callable[[str], None]
    folder: Path = FOUND
    max_cpu_seconds: float = MAX_CPU_SECONDS
    inputs: int = 0
    _known: set[str] = field(default_factory=set)

    def feed(self, data: bytes) -> None:
        """Check one input; a failure is stored and does not end the run."""
        self.inputs += 1
        start = time.process_time()
        try:
            self.target.check(data)
        except Exception as error:  # noqa: BLE001 - whatever is not declared is a failure
            self._fail(data, _kind(error))
        used = time.process_time() - start
        if used > self.max_cpu_seconds:
            self._fail(data, "slow", f"{used:.1f} s")

    def _fail(self, data: bytes, kind: str, detail: str = "") -> None:
        if kind in self._known:
            return
        self._known.add(kind)
        file = self.folder / self.name / hashlib.sha1(data).hexdigest()[:16]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.report(f"FOUND {file} {kind} {detail}".rstrip())


def _kind(error: Exception) -> str:
    """The type of an error and where in the project it came from: one kind of failure."""
    frames = [each for each in traceback.extract_tb(error.__traceback__) if _is_ours(each)]
    last = frames[-1]
    return f"{type(error).__name__} at {Path(last.filename).relative_to(ROOT)}:{last.lineno}"


def _is_ours(frame: FrameSummary) -> bool:
    return frame.filename.startswith(str(ROOT)) and "/.venv/" not in frame.filename
