"""Runs `kustomize build` on files from Git. Called by `bot.gather.sources`.

The tool sees a temporary folder of regular files and three environment variables: no credentials,
no settings, no plugins. `renderers.sources.kustomize` has rejected files that would access the
network or run a program before the tool starts.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.child_process import MIB, Limits, ProgramError, below, run, write
from bot.engine import discovery

LIMITS = Limits(seconds=60, memory=1024 * MIB, output=16 * MIB)
OLDEST = 5
"""The oldest supported major version."""

_VERSION = re.compile(r"v(\d+)\.\d+")


class KustomizeError(Exception):
    """The folder cannot be built; the message is the tool's, or says what to install."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program that builds kustomize folders: its version arguments, and its build command."""

    name: str
    version: tuple[str, ...]
    build: str


_TOOLS = (
    _Tool("kustomize", ("version",), "build"),
    _Tool("kubectl", ("version", "--client"), "kustomize"),
)


def build(
    folder: str,
    files: Mapping[str, bytes],
    *,
    search_path: str | None = None,
    limits: Limits = LIMITS,
) -> bytes:
    """Build a folder into YAML documents.

    `files` are all files that the folder may refer to, by path; `folder` is one of their folders.
    `search_path` is where to look for the tool (None: on PATH).

    Raises:
        KustomizeError: the tool is missing, a path is outside the repository, or the tool fails,
            or exceeds a limit.
        SourceError: the files refer to a remote resource or a plugin, or one is not valid YAML
            within the limits of `renderers.yaml`.
    """
    readable = discovery.sources()["kustomize"].check(files, folder)
    command = _command(search_path)
    with TemporaryDirectory(prefix="kustomize-") as folder_name:
        home = Path(folder_name).resolve()
        root = home / "files"
        for path in files:
            _below(root, path)
        target = _below(root, folder or ".")
        for path, content in readable.items():
            write(root, path, content)
        if not target.is_dir():
            raise KustomizeError(f"no kustomization in the folder {folder!r} of the repository")
        try:
            return _run([*command, str(target)], home, limits)
        except KustomizeError as error:
            message = str(error).replace(f"{root}/", "").replace(str(root), ".")
            raise KustomizeError(message.replace(str(home), "~")) from None


def _below(root: Path, path: str) -> Path:
    try:
        return below(root, path)
    except ProgramError as error:
        raise KustomizeError(str(error)) from None


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
            output = _run([program, *arguments], Path(home), LIMITS).decode()
    except (KustomizeError, OSError, UnicodeDecodeError):
        return None
    lines = [line for line in output.splitlines() if "Kustomize" in line] or [output]
    match = _VERSION.search(lines[0])
    return int(match[1]) if match else None


def _run(command: list[str], home: Path, limits: Limits) -> bytes:
    environment = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(home),
    }
    try:
        result = run(command, folder=home, environment=environment, limits=limits)
    except ProgramError as error:
        raise KustomizeError(str(error)) from None
    if result.status != 0:
        raise KustomizeError(
            result.message or f"kustomize exited with status {result.status} and no message"
        )
    return result.stdout
