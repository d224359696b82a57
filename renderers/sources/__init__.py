"""The kinds of source that turn a component's folder into Kubernetes objects: one file each.

Each file exports `SOURCE: Source`; its `name` is the key in a component's `source`. Nothing here
runs a program or reads the disk: the shell passes the files in. For a source that needs a tool
(kustomize, Helm), `bot.engine` runs the tool after `check` and passes its output instead.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from planners.model import Json
from renderers.manifest_files import SourceError
from renderers.tree import FileTree

__all__ = ["Parameter", "ParameterKind", "Source", "SourceError"]


class ParameterKind(StrEnum):
    """What the value of a parameter is: the source's folder, files of the app repo, a name, ...

    A source whose first parameter is a CHART may be outside of the app repo: at an address, or
    named in a REPOSITORY, with a VERSION and the DIGEST of its content.
    """

    FOLDER = "folder"
    FILES = "files"
    NAME = "name"
    CHART = "chart"
    REPOSITORY = "repository"
    VERSION = "version"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a source that is written as a mapping; `name` is in snake case."""

    name: str
    kind: ParameterKind
    summary: str


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

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The keys of a source that is more than a folder; the first is its folder."""

    @property
    def per_cluster(self) -> bool:
        """Whether its tool runs for each set of values and each version of Kubernetes."""

    def check(self, files: FileTree, folder: str = "") -> FileTree:
        """Reject files that are unsafe to render; the files that a tool may read.

        `folder` is that of the source in `files`, for a source that may leave its folder.

        Raises:
            SourceError: with file, line and reason.
        """

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The Kubernetes objects, in the order of file names and then of documents.

        Raises:
            SourceError: a file is not valid YAML, or an object has no apiVersion, kind or name.
        """
