"""Starts programs on loopback, each with a log of its own, and stops them in reverse order."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
POLL_SECONDS = 0.5
STOP_SECONDS = 15
TAIL = 15


class RigError(RuntimeError):
    """The rig itself failed: a program did not start, or did not answer in time."""


class Processes:
    """The running programs; `folder` holds their logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a program; its output goes to `<name>.log`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**inherited, **(environment or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._running.append((name, process))

    def check(self) -> None:
        """Raise if any program has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
                ending = "\n".join(lines[-TAIL:])
                raise RigError(f"{name} ended with code {process.returncode}:\n{ending}")

    def settle(self, seconds: float) -> None:
        """Let the programs run for a time; raises RigError when one ends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop all programs, the last started first."""
        for _, process in reversed(self._running):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def wait(self, what: str, find: Callable[[], Found | None], seconds: float) -> Found:
        """Poll until `find` returns something; raises RigError when a program ends or too late."""
        deadline = time.monotonic() + seconds
        while True:
            found = find()
            if found:
                return found
            self.check()
            if time.monotonic() > deadline:
                raise RigError(f"waited {seconds:.0f} s for {what}")
            time.sleep(POLL_SECONDS)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
