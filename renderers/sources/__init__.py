"""The kinds of source that turn a component's folder into Kubernetes objects: one file each.

Each file exports `SOURCE: Source`; its `name` is the key in a component's `source`. Nothing here
runs a program or reads the disk: the shell passes the files in. For a source that needs a tool
(kustomize), `bot.engine` runs the tool after `check` and adds its output to the files.
"""

from typing import Protocol

from planners.model import Json
from renderers.manifest_files import SourceError
from renderers.tree import FileTree

__all__ = ["Source", "SourceError", "output_file"]


def output_file(tool: str) -> str:
    """The file in which the output of a source's tool is handed in."""
    return f"{tool}-output.yaml"


class Source(Protocol):
    """One kind of source."""

    @property
    def name(self) -> str:
        """The key in a component's `source`, such as `manifests`."""

    @property
    def summary(self) -> str:
        """What its folder holds, as a sentence; documents and reference pages show it."""

    @property
    def tool(self) -> str:
        """The program whose output `objects` reads, run by the shell; empty if it reads files."""

    def check(self, files: FileTree) -> FileTree:
        """Reject files that are unsafe to render; the files that a tool may read.

        Raises:
            SourceError: with file, line and reason.
        """

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The Kubernetes objects, in the order of file names and then of documents.

        Raises:
            SourceError: a file is not valid YAML, or an object has no apiVersion, kind or name.
        """
