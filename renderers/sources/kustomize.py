"""Kustomize folders: refused when building them could reach the network or run a program.

The tool itself is run by the shell, after `check`; what it printed comes in as one file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from planners.model import Json
from renderers import yamlio
from renderers.sources import Source, SourceError
from renderers.sources.manifests import KUSTOMIZATIONS, read_objects
from renderers.tree import FileTree

OUTPUT_FILE = "kustomize-output.yaml"

_FORBIDDEN = {
    "helmCharts": "Helm charts are fetched and run",
    "helmChartInflationGenerator": "Helm charts are fetched and run",
    "helmGlobals": "Helm charts are fetched and run",
    "generators": "generators are plugins that run programs",
    "transformers": "transformers are plugins that run programs",
    "validators": "validators are plugins that run programs",
}
_REFERENCES = (
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "patchesStrategicMerge",
)


@dataclass(frozen=True, slots=True)
class Kustomize:
    """A folder with a kustomization, built by `kustomize` or `kubectl`."""

    name: str = "kustomize"

    def check(self, files: FileTree) -> None:
        """Refuse remote references, plugins and paths out of the repository.

        Raises:
            SourceError: with file and line.
        """
        for file in sorted(files):
            if file.rpartition("/")[2] in KUSTOMIZATIONS:
                _check(file, files[file])

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The objects in the tool's output."""
        return read_objects({OUTPUT_FILE: files[OUTPUT_FILE]})


def _check(file: str, content: bytes) -> None:
    try:
        documents = yamlio.load_documents(content)
    except yamlio.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error
    for document in documents:
        if not isinstance(document.value, dict):
            raise SourceError("a kustomization is a mapping", file)
        for key, why in _FORBIDDEN.items():
            if key in document.value:
                raise SourceError(f"{key} is refused: {why}", file, *document.places[(key,)])
        for path, text in _references(document.value):
            place = document.places.get(path, (1, 1))
            if _is_remote(text):
                raise SourceError(
                    f"{text!r} is refused: a remote reference; copy it into the repository",
                    file,
                    *place,
                )
            if _leaves(file, text):
                raise SourceError(f"{text!r} leads out of the repository", file, *place)


def _references(value: dict[str, Json]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every path or address that the tool would open, with where it is written."""
    for key in _REFERENCES:
        for index, text in _items(value.get(key)):
            if isinstance(text, str) and "\n" not in text:
                yield (key, index), text
    for key in ("patches", "patchesJson6902", "replacements"):
        for index, entry in _items(value.get(key)):
            if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                yield (key, index, "path"), str(entry["path"])
    openapi = value.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield ("openapi", "path"), str(openapi["path"])
    yield from _generated(value)


def _generated(value: dict[str, Json]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The files of ConfigMap and Secret generators, `name=file` or `file`."""
    for key in ("configMapGenerator", "secretGenerator"):
        for index, entry in _items(value.get(key)):
            if isinstance(entry, dict):
                for kind in ("files", "envs"):
                    for position, text in _items(entry.get(kind)):
                        yield (key, index, kind, position), str(text).rpartition("=")[2]


def _items(value: Json) -> Iterator[tuple[int, Json]]:
    yield from enumerate(value if isinstance(value, list) else [])


def _is_remote(text: str) -> bool:
    """What kustomize would hand to git or fetch (kustomize documentation, "remote targets")."""
    head = text.partition("/")[0]
    host = "." in head.strip(".") and "/" in text and not text.startswith((".", "/"))
    looks_like_host = host and not text.endswith((".yaml", ".yml", ".json"))
    return (
        "://" in text
        or "?ref=" in text
        or "?version=" in text
        or text.startswith(("git@", "git::", "github.com", "gh:"))
        or looks_like_host
    )


def _leaves(file: str, text: str) -> bool:
    if text.startswith("/"):
        return True
    depth = file.count("/")
    for part in text.split("/"):
        if part == "..":
            depth -= 1
        elif part not in {"", "."}:
            depth += 1
        if depth < 0:
            return True
    return False


SOURCE: Source = Kustomize()
