"""How a component's folder becomes Kubernetes objects: one file per kind of source.

Each file exports `SOURCE: Source`. Nothing here runs a program or reads a disk: the shell hands in
the files; a source that needs a tool (kustomize) says so and finds the tool's output among them.
"""

from typing import Protocol

from planners.model import Json
from renderers.tree import FileTree


class SourceError(Exception):
    """The files cannot be used: `file`, `line`, `column` (from 1) say where, the text why."""

    def __init__(self, message: str, file: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.file, self.line, self.column = file, line, column


class Source(Protocol):
    """One way to write down manifests."""

    @property
    def name(self) -> str:
        """The key in a component's `source`, such as `manifests`."""

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
