"""How a component's folder becomes Kubernetes objects: one file per kind of source.

Each file exports `SOURCE: Source`. Nothing here runs a program or reads a disk: the shell hands in
the files; a source that needs a tool (kustomize) says so and finds the tool's output among them.
"""

from typing import Protocol

from planners.model import Json
from renderers.manifest_files import SourceError
from renderers.tree import FileTree

__all__ = ["Source", "SourceError"]


class Source(Protocol):
    """One way to write down manifests."""

    @property
    def name(self) -> str:
        """The key in a component's `source`, such as `manifests`."""

    @property
    def summary(self) -> str:
        """What its folder holds, as a sentence; documents and reference pages show it."""

    @property
    def tool(self) -> str:
        """The program whose output `objects` reads, run by the shell; empty if it reads files."""

    def check(self, files: FileTree) -> None:
        """Refuse files that would make rendering unsafe, before any tool sees them.

        Raises:
            SourceError: with the place and the reason.
        """

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The Kubernetes objects, in the order of file names and then of documents.

        Raises:
            SourceError: a file is no valid YAML or an object has no apiVersion, kind or name.
        """
