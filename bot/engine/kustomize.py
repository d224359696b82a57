"""Runs `kustomize build` on files from Git. Called by `bot.gather.sources`.

The tool sees a temporary folder of regular files and three environment variables: no credentials,
no settings, no plugins. `renderers.sources.kustomize` has rejected files that would access the
network or run a program before the tool starts.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.child_process import Limits, ProgramError, below, write
from bot.engine import discovery
from bot.engine.render_tools import LIMITS, ToolError, run_tool, unsuitable

_LOGGED = re.compile(
    r'^[EF][0-9]{4} [0-9:.]+ +[0-9]+ [a-z_]+\.go:[0-9]+\] "command failed" '
    r'err=("(?:[^"\\]|\\["\\/bfnrt])*")',
    re.MULTILINE,
)
OLDEST = 5
"""The oldest supported major version."""


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
        ToolError: the tool is missing, a path is outside the repository, or the tool fails,
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
            raise ToolError(f"no kustomization in the folder {folder!r} of the repository")
        try:
            return run_tool([*command, str(target)], home, limits)
        except ToolError as error:
            message = str(error).replace(f"{root}/", "").replace(str(root), ".")
            raise ToolError(_without_log(message.replace(str(home), "~"))) from None


def _without_log(message: str) -> str:
    """What kustomize or kubectl says, without the line of the log and `Error:` before it.

    Source: k8s.io/klog/v2, `printS` (a header, the message, then keys with quoted values);
    k8s.io/component-base/cli, `run.go` ("command failed").
    """
    match = _LOGGED.search(message)
    said = str(json.loads(match[1])) if match else message
    return re.sub(r"\A[Ee]rror: ", "", said)


def _below(root: Path, path: str) -> Path:
    try:
        return below(root, path)
    except ProgramError as error:
        raise ToolError(str(error)) from None


def _command(search_path: str | None) -> tuple[str, ...]:
    """The first suitable tool with its build command: kustomize, or kubectl, which includes it."""
    refused = []
    for tool in _TOOLS:
        program = shutil.which(tool.name, path=search_path)
        if program is None:
            continue
        reason = unsuitable(program, tool.version, OLDEST, "kustomize")
        if not reason:
            return (program, tool.build)
        refused.append(f"{program} is {reason}")
    found = f" ({'; '.join(refused)})" if refused else ""
    raise ToolError(
        f"kustomize folders need `kustomize` {OLDEST} or newer, or a `kubectl` that includes it, "
        f"on PATH{found}: install one of them, or use plain manifests"
    )
