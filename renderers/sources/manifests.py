"""Plain manifests: every YAML or JSON file of a folder."""

from dataclasses import dataclass

from planners.model import Json
from renderers.manifest_files import KUSTOMIZATIONS, read_objects
from renderers.sources import Source, SourceError
from renderers.tree import FileTree


@dataclass(frozen=True, slots=True)
class Manifests:
    """A folder of plain manifests; other files in it are ignored."""

    name: str = "manifests"
    summary: str = "A folder of plain manifests."
    tool: str = ""

    def check(self, files: FileTree) -> None:
        """Refuse a kustomize folder, whose patches would silently be left out."""
        for file in sorted(files):
            if file.rpartition("/")[2] in KUSTOMIZATIONS:
                raise SourceError("a kustomization; write `kustomize:` as the source", file)

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """See `read_objects`."""
        self.check(files)
        found = read_objects(files)
        if not found:
            raise SourceError("no manifest in this folder: add a .yaml file, or mend the path")
        return found


SOURCE: Source = Manifests()
