"""Plain manifests: all YAML and JSON files of a folder."""

from dataclasses import dataclass

from planners.model import Json
from renderers.manifest_files import ENDINGS, KUSTOMIZATIONS, read_objects
from renderers.sources import Parameter, Source, SourceError
from renderers.tree import NOT_FOLLOWED, FileTree, unread


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder of plain manifests; other files are ignored."""

    name: str = "manifests"
    summary: str = "A folder of plain manifests."
    tool: str = ""
    parameters: tuple[Parameter, ...] = ()
    per_cluster: bool = False

    def check(self, files: FileTree, folder: str = "") -> FileTree:
        """Reject a kustomize folder: its patches would silently be ignored."""
        del folder
        for file, reason in sorted(unread(files).items()):
            if reason == NOT_FOLLOWED or file.endswith(ENDINGS):
                raise SourceError(reason, file)
        for file in sorted(files):
            if file.rpartition("/")[2] in KUSTOMIZATIONS:
                raise SourceError(
                    "the folder contains a kustomization; use `kustomize:` as the source", file
                )
        if "Chart.yaml" in files:
            raise SourceError(
                "the folder contains a chart; use `helm:` as the source", "Chart.yaml"
            )
        return files

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """All objects of the folder; see `read_objects`."""
        self.check(files)
        found = read_objects(files)
        if not found:
            raise SourceError("no manifests in this folder; add a .yaml file or correct the path")
        return found


SOURCE: Source = Manifests()
