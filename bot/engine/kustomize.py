"""Runs `kustomize build` on files from Git. Called by `bot.gather.sources`.

The tool sees a temporary folder of regular files and three environment variables: no credentials,
no settings, no plugins. `renderers.sources.kustomize` has rejected files that would access the
network or run a program before the tool starts.
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bot.engine import discovery

SECONDS = 60
MAX_BYTES = 16 * 1024 * 1024
OLDEST = 5
"""The oldest supported major version."""

_CHUNK = 65536
_VERSION = re.compile(r"v(\d+)\.\d+")


class KustomizeError(Exception):
    """The folder cannot be built; the message is the tool's, or says what to install."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program that builds kustomize folders: its version arguments, and its build command."""

    name: str
    version: tuple[str, ...]
    build: str


@dataclass(frozen=True, slots=True)
class _Output:
    stdout: bytes
    stderr: bytes


_TOOLS = (
    _Tool("kustomize", ("version",), "build"),
    _Tool("kubectl", ("version", "--client"), "kustomize"),
)


def build(
    folder: str,
    files: Mapping[str, bytes],
    *,
    search_path: str | None = None,
    seconds: float = SECONDS,
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """Build a folder into YAML documents.

    `files` are all files that the folder may refer to, by path; `folder` is one of their folders.
    `search_path` is where to look for the tool (None: on PATH).

    Raises:
        KustomizeError: the tool is missing, a path is outside the repository, or the tool fails,
            takes longer than `seconds` or writes more than `max_bytes`.
        SourceError: the files refer to a remote resource or a plugin.
    """
    discovery.sources()["kustomize"].check(files)
    command = _command(search_path)
    with TemporaryDirectory(prefix="kustomize-") as folder_name:
        home = Path(folder_name).resolve()
        root = home / "files"
        for path, content in files.items():
            _write(root, path, content)
        target = _below(root, folder or ".")
        if not target.is_dir():
            raise KustomizeError(f"no folder {folder!r} in the repository")
        try:
            return _run([*command, str(target)], home, seconds, max_bytes)
        except KustomizeError as error:
            message = str(error).replace(f"{root}/", "").replace(str(root), ".")
            raise KustomizeError(message.replace(str(home), "~")) from None


def _below(root: Path, path: str) -> Path:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise KustomizeError(f"{path!r} is outside the repository")
    return root / parts


def _write(root: Path, path: str, content: bytes) -> None:
    target = _below(root, path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _command(search_path: str | None) -> tuple[str, ...]:
    """The first suitable tool with its build command: kustomize, or kubectl, which includes it."""
    unsuitable = []
    for tool in _TOOLS:
        program = shutil.which(tool.name, path=search_path)
        if program is None:
            continue
        major = _major_version(program, tool.version)
        if major is not None and major >= OLDEST:
            return (program, tool.build)
        reason = "older" if major is not None else "of an unknown version"
        unsuitable.append(f"{program} is {reason}")
    found = f" ({'; '.join(unsuitable)})" if unsuitable else ""
    raise KustomizeError(
        f"kustomize folders need `kustomize` {OLDEST} or newer, or a `kubectl` that includes it, "
        f"on PATH{found}: install one of them, or use plain manifests"
    )


@cache
def _major_version(program: str, arguments: tuple[str, ...]) -> int | None:
    """The major version of kustomize, which kubectl prints on a separate line."""
    try:
        with TemporaryDirectory(prefix="kustomize-") as home:
            output = _run([program, *arguments], Path(home), SECONDS, _CHUNK).decode()
    except (KustomizeError, OSError, UnicodeDecodeError):
        return None
    lines = [line for line in output.splitlines() if "Kustomize" in line] or [output]
    match = _VERSION.search(lines[0])
    return int(match[1]) if match else None


def _run(command: list[str], home: Path, seconds: float, max_bytes: int) -> bytes:
    """The program's output; beyond a limit, the program and its children are killed."""
    environment = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(home),
    }
    with subprocess.Popen(  # noqa: S603 - an argument list, no shell
        command,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            deadline = time.monotonic() + seconds
            output = _read(process, deadline, max_bytes)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise KustomizeError(f"kustomize took longer than {seconds:g} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        message = output.stderr.decode(errors="replace").strip()
        raise KustomizeError(message or f"kustomize exited with status {status} and no message")
    return output.stdout


def _read(process: subprocess.Popen[bytes], deadline: float, max_bytes: int) -> _Output:
    """Read both outputs to their ends; raises TimeoutError at the deadline."""
    assert process.stdout is not None
    assert process.stderr is not None
    outputs = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            selector.register(output, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                outputs[key.fd] += chunk
                if not chunk:
                    selector.unregister(key.fd)
                if len(outputs[key.fd]) > max_bytes:
                    raise KustomizeError(f"kustomize wrote more than {max_bytes} bytes")
    stdout, stderr = outputs.values()
    return _Output(bytes(stdout), bytes(stderr))
