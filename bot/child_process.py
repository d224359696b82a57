"""Runs other programs: kustomize, git. The only importer of subprocess in the service.

`prlimit` of util-linux sets the limits before the program starts, so that not even its first
instruction is without them. The program gets an environment of its own, no terminal, and a process
group that is killed as a whole when the program has ended or exceeds a limit.

Sources: getrlimit(2); RLIMIT_DATA and not RLIMIT_AS limits memory, because the Go runtime reserves
more address space than it uses and does not start without it.
"""

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MIB = 1024 * 1024
OPEN_FILES = 256
SHOWN_BYTES = 2000

_CHUNK = 65536
_NO_MEMORY = (b"out of memory", b"cannot allocate memory", b"memory exhausted")
_CPU_TIME = frozenset({-signal.SIGXCPU, 128 + signal.SIGXCPU})
_FILE_SIZE = frozenset({-signal.SIGXFSZ, 128 + signal.SIGXFSZ})


class ProgramError(Exception):
    """The program cannot be started, or exceeded a limit; the message says which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run.

    `seconds` limits both the time that passes and the CPU time. `memory` (bytes) is per process,
    `output` (bytes) is for each of the two outputs, `file` (bytes) for each file that is written.
    `processes` is the number of processes and threads that may be added to those of the user;
    the superuser is exempt from it.
    """

    seconds: float
    memory: int
    output: int
    file: int = 16 * MIB
    processes: int = 256


@dataclass(frozen=True, slots=True)
class Result:
    """How a program ended: its exit status (negative: the signal), and its outputs."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def message(self) -> str:
        """The beginning of the error output as text; says how much is left out."""
        text = self.stderr[:SHOWN_BYTES].decode(errors="replace").strip()
        more = len(self.stderr) - SHOWN_BYTES
        return f"{text} [{more} more bytes]" if more > 0 else text


def below(root: Path, path: str) -> Path:
    """The place of a file of the repository in a program's folder.

    Raises:
        ProgramError: the path leads out of the folder.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise ProgramError(f"{path!r} is outside the repository")
    return root / parts


def write(root: Path, path: str, content: bytes) -> None:
    """Write a file of the repository into a program's folder. Raises like `below`."""
    target = below(root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    limits: Limits,
    stdin: bytes = b"",
) -> Result:
    """Run a program in a folder, with these environment variables and no others.

    Raises:
        ProgramError: see there; every process of the program has been killed.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        with subprocess.Popen(  # noqa: S603 - an argument list, no shell
            [*_limiter(limits), *command],
            cwd=folder,
            env=dict(environment),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            result = _result(process, name, limits)
    if result.status in _CPU_TIME:
        raise ProgramError(f"{name} used more than {limits.seconds:g} s of CPU time")
    if result.status in _FILE_SIZE:
        raise ProgramError(f"{name} wrote a file of more than {limits.file} bytes")
    if result.status and any(words in result.stderr.lower() for words in _NO_MEMORY):
        raise ProgramError(f"{name} needs more than {limits.memory // MIB} MiB of memory")
    return result


def _limiter(limits: Limits) -> list[str]:
    program = shutil.which("prlimit", path=os.defpath)
    if program is None:
        raise ProgramError("prlimit is not installed: install the package util-linux")
    cpu = max(1, round(limits.seconds))
    return [
        program,
        f"--cpu={cpu}:{cpu + 1}",
        f"--data={limits.memory}",
        f"--fsize={limits.file}",
        f"--nproc={_tasks_of_user() + limits.processes}",
        f"--nofile={OPEN_FILES}",
        "--core=0",
        "--",
    ]


def _tasks_of_user() -> int:
    """The processes and threads of this user, which RLIMIT_NPROC counts together."""
    user, count = os.getuid(), 0
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdigit() and each.stat().st_uid == user:
                count += sum(1 for _ in (each / "task").iterdir())
        except OSError:
            continue  # it ended meanwhile
    return count


def _result(process: subprocess.Popen[bytes], name: str, limits: Limits) -> Result:
    """Read both outputs to their ends, wait for the end, and kill what is left of the group.

    The group is killed while the ended program still has its process id: nobody else can have it.
    """
    deadline = time.monotonic() + limits.seconds
    assert process.stdout is not None
    assert process.stderr is not None
    outputs = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            for each in (*outputs, ended):
                selector.register(each, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise ProgramError(f"{name} took longer than {limits.seconds:g} s")
                for key, _ in ready:
                    chunk = b"" if key.fd == ended else os.read(key.fd, _CHUNK)
                    if not chunk:
                        selector.unregister(key.fd)
                        continue
                    outputs[key.fd] += chunk
                    if len(outputs[key.fd]) > limits.output:
                        raise ProgramError(f"{name} wrote more than {limits.output} bytes")
    finally:
        os.close(ended)
        os.killpg(process.pid, signal.SIGKILL)
    stdout, stderr = outputs.values()
    return Result(process.wait(), bytes(stdout), bytes(stderr))
