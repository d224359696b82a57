"""Kustomize folders: refused when building them could reach the network or run a program.

Only fields that are known to do neither are taken, and every path they name must be in the
repository: kustomize takes a path that is not there for something to fetch. The tool itself is run
by the shell, after `check`; what it printed comes in as one file. Source: kustomize documentation,
"The Kustomization File", "remote targets".
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.manifest_files import KUSTOMIZATIONS, read_objects
from renderers.sources import Source, SourceError
from renderers.tree import FileTree

OUTPUT_FILE = "kustomize-output.yaml"

_PLUGINS = {
    "helmCharts": "Helm charts are fetched and run",
    "helmChartInflationGenerator": "Helm charts are fetched and run",
    "helmGlobals": "Helm charts are fetched and run",
    "generators": "generators are plugins that run programs",
    "transformers": "transformers are plugins that run programs",
    "validators": "validators are plugins that run programs",
}
_PATHS = ("bases", "components", "configurations", "crds", "patchesStrategicMerge", "resources")
_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_PLAIN = (
    "apiVersion", "buildMetadata", "commonAnnotations", "commonLabels", "generatorOptions",
    "images", "kind", "labels", "metadata", "namePrefix", "nameSuffix", "namespace", "openapi",
    "replicas", "sortOptions", "vars",
)  # fmt: skip
_ALLOWED = frozenset((*_PATHS, *_WITH_PATH, *_GENERATORS, *_PLAIN))
_GENERATED = frozenset(
    ("name", "namespace", "behavior", "type", "files", "literals", "env", "envs", "options")
)

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Kustomize:
    """A folder with a kustomization, built by `kustomize` or `kubectl`."""

    name: str = "kustomize"
    summary: str = "A kustomize folder; needs kustomize 5 or kubectl on PATH."
    tool: str = "kustomize"

    def check(self, files: FileTree) -> None:
        """Refuse what is remote, runs a program, or leads out of the repository.

        Raises:
            SourceError: with file and line.
        """
        folders = {file[:end] for file in files for end in _slashes(file)}
        for file in sorted(files):
            if file.rpartition("/")[2] in KUSTOMIZATIONS:
                _check(file, files[file], folders | files.keys())

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The objects in the tool's output."""
        return read_objects({OUTPUT_FILE: files[OUTPUT_FILE]})


def _slashes(path: str) -> Iterator[int]:
    yield from (index for index, letter in enumerate(path) if letter == "/")
    yield 0


def _check(file: str, content: bytes, known: frozenset[str] | set[str]) -> None:
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error
    for document in documents:
        if not isinstance(document.value, dict):
            raise SourceError("a kustomization is a mapping", file)
        for path, why in _refused(document.value):
            raise SourceError(f"{path[-1]} is refused: {why}", file, *document.places[path])
        for path, text in _references(document.value):
            place = document.places.get(path, (1, 1))
            target = posixpath.normpath(posixpath.join(posixpath.dirname(file), text))
            if text.startswith("/") or target.startswith(".."):
                raise SourceError(f"{text!r} leads out of the repository", file, *place)
            if ("" if target == "." else target) not in known:
                raise SourceError(
                    f"{text!r} is refused: it is not in the repository, and nothing remote is "
                    f"fetched; copy it in",
                    file,
                    *place,
                )


def _refused(value: Mapping[str, Json]) -> Iterator[tuple[Place, str]]:
    """Fields that are not known to be harmless; kustomize reads them in any case of letters."""
    for key in value:
        if key not in _ALLOWED:
            yield (key,), _PLUGINS.get(key, "Switchyard does not know this field")
    for key in _GENERATORS:
        for index, entry in _items(value.get(key)):
            for name in entry if isinstance(entry, dict) else ():
                if name not in _GENERATED:
                    yield (key, index, name), "Switchyard does not know this field"


def _references(value: Mapping[str, Json]) -> Iterator[tuple[Place, str]]:
    """Every path that the tool would open, with where it is written."""
    for key in _PATHS:
        for index, text in _items(value.get(key)):
            if isinstance(text, str) and "\n" not in text:
                yield (key, index), text
    for key in _WITH_PATH:
        for index, entry in _items(value.get(key)):
            if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                yield (key, index, "path"), str(entry["path"])
    openapi = value.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield ("openapi", "path"), str(openapi["path"])
    entries = (((key, i), each) for key in _GENERATORS for i, each in _items(value.get(key)))
    for place, entry in entries:
        yield from _generated(place, entry if isinstance(entry, dict) else {})


def _generated(place: Place, entry: Mapping[str, Json]) -> Iterator[tuple[Place, str]]:
    """The files of a generator, `name=file` or `file`."""
    for kind in ("files", "envs"):
        for position, text in _items(entry.get(kind)):
            yield (*place, kind, position), str(text).rpartition("=")[2]
    if isinstance(entry.get("env"), str):
        yield (*place, "env"), str(entry["env"])


def _items(value: Json) -> Iterator[tuple[int, Json]]:
    yield from enumerate(value if isinstance(value, list) else [])


SOURCE: Source = Kustomize()
