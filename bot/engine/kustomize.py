"""Runs `kustomize build` on files from Git. Called by `gather`, once the files were checked.

The tool sees a fresh folder of regular files and three environment variables: no credentials, no
home folder with settings, no plugins. What could reach the network or run a program is refused
before it starts, by reading the files (`renderers/sources/kustomize.py`).
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bot.engine import discovery

SECONDS = 60
MOST_BYTES = 16 * 1024 * 1024
OLDEST = 5

_CHUNK = 65536
_VERSION = re.compile(r"v(\d+)\.\d+")
_TOOLS = {
    "kustomize": (("version",), ("build",)),
    "kubectl": (("version", "--client"), ("kustomize",)),
}


class KustomizeError(Exception):
    """The folder cannot be built: the tool's words, or what to install."""


def build(
    folder: str,
    files: Mapping[str, bytes],
    *,
    search_path: str | None = None,
    seconds: float = SECONDS,
    most_bytes: int = MOST_BYTES,
) -> bytes:
    """The YAML documents that kustomize makes of a folder.

    `files` are all files the folder may refer to, by path; `folder` is one of their folders.
    `search_path` says where the tool is looked for (None: on PATH).

    Raises:
        KustomizeError: no tool, a path that leaves the folder, or the tool fails, takes longer than
            `seconds` or writes more than `most_bytes`.
        SourceError: the files name something remote or a plugin.
    """
    discovery.sources()["kustomize"].check(files)
    command = _command(search_path)
    with TemporaryDirectory(prefix="kustomize-") as made:
        home = Path(made).resolve()
        root = home / "files"
        for path, content in files.items():
            _write(root, path, content)
        target = _below(root, folder or ".")
        if not target.is_dir():
            raise KustomizeError(f"there is no folder {folder!r} in the repository")
        try:
            return _run([*command, str(target)], home, seconds, most_bytes)
        except KustomizeError as error:
            words = str(error).replace(f"{root}/", "").replace(str(root), ".")
            raise KustomizeError(words.replace(str(home), "~")) from None


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
    """The tool with its verb; kustomize comes before kubectl, which carries one."""
    old = []
    for name, (version, verb) in _TOOLS.items():
        program = shutil.which(name, path=search_path)
        if program is None:
            continue
        major = _major(program, version)
        if major is not None and major >= OLDEST:
            return (program, *verb)
        old.append(f"{program} is {'older' if major is not None else 'of an unknown version'}")
    found = f" ({'; '.join(old)})" if old else ""
    raise KustomizeError(
        f"a kustomize folder needs `kustomize` {OLDEST} or newer, or a `kubectl` that carries it, "
        f"on PATH{found}; install one of them, or use plain manifests"
    )


@cache
def _major(program: str, arguments: tuple[str, ...]) -> int | None:
    """The version of kustomize, which kubectl prints in a line of its own."""
    try:
        with TemporaryDirectory(prefix="kustomize-") as home:
            printed = _run([program, *arguments], Path(home), SECONDS, _CHUNK).decode()
    except (KustomizeError, OSError, UnicodeDecodeError):
        return None
    lines = [line for line in printed.splitlines() if "Kustomize" in line] or [printed]
    match = _VERSION.search(lines[0])
    return int(match[1]) if match else None


def _run(command: list[str], home: Path, seconds: float, most_bytes: int) -> bytes:
    """What the program prints; it and whatever it started are ended when it is too much."""
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
            printed, complained = _read(process, deadline, most_bytes)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise KustomizeError(f"kustomize took more than {seconds:g} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        words = complained.decode(errors="replace").strip()
        raise KustomizeError(words or f"kustomize ended with status {status} and said nothing")
    return printed


def _read(
    process: subprocess.Popen[bytes], deadline: float, most_bytes: int
) -> tuple[bytes, bytes]:
    """Both outputs to their ends. Raises TimeoutError at the deadline."""
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
                if len(outputs[key.fd]) > most_bytes:
                    raise KustomizeError(f"kustomize writes more than {most_bytes} bytes")
    printed, complained = outputs.values()
    return bytes(printed), bytes(complained)
