"""Finds and runs the programs that render sources: kustomize and helm.

A tool gets an environment of its own (no credentials, no settings) and a temporary home.
"""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.child_process import MIB, Limits, ProgramError, run

LIMITS = Limits(seconds=60, memory=1024 * MIB, output=16 * MIB)

_VERSION = re.compile(r"v(\d+)\.\d+")


class ToolError(Exception):
    """The source cannot be rendered; the message is the tool's, or says what to install."""


def run_tool(
    command: Sequence[str],
    home: Path,
    limits: Limits = LIMITS,
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """The output of a tool, which runs in `home` with no more than these environment variables.

    Raises:
        ToolError: it fails or exceeds a limit.
    """
    environment = {
        "PATH": f"{Path(command[0]).parent}{os.pathsep}{os.defpath}",
        "HOME": str(home),
        "TMPDIR": str(home),
        **(variables or {}),
    }
    try:
        result = run(command, folder=home, environment=environment, limits=limits)
    except ProgramError as error:
        raise ToolError(str(error)) from None
    if result.status != 0:
        name = Path(command[0]).name
        raise ToolError(result.message or f"{name} exited with status {result.status}, no message")
    return result.stdout


@cache
def unsuitable(program: str, arguments: tuple[str, ...], oldest: int, name: str) -> str:
    """Why this program cannot be used: `older` than that major version; empty if it can be.

    Where a program prints the versions of several parts, the line with `name` counts.
    """
    with TemporaryDirectory(prefix=f"{name}-") as home:
        try:
            output = run_tool([program, *arguments], Path(home)).decode()
        except (ToolError, OSError, UnicodeDecodeError):
            output = ""
    lines = [line for line in output.splitlines() if name in line.lower()] or [output]
    match = _VERSION.search(lines[0])
    if match is None:
        return "of an unknown version"
    return "older" if int(match[1]) < oldest else ""
