"""Kustomize folders, rejected if a build could access the network or run a program.

Only fields known to do neither are accepted, and every path in them must exist in the repository:
kustomize treats a path that does not exist as a remote target. `bot.engine.kustomize` runs the tool
after `check` and passes its output as one file. Source: kustomize documentation,
"The Kustomization File", "remote targets".
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.manifest_files import KUSTOMIZATIONS, read_objects
from renderers.sources import Source, SourceError, output_file
from renderers.tree import FileTree
from renderers.yaml import Path

_PLUGINS = {
    "helmCharts": "Helm charts are fetched and executed",
    "helmChartInflationGenerator": "Helm charts are fetched and executed",
    "helmGlobals": "Helm charts are fetched and executed",
    "generators": "generators are plugins that run programs",
    "transformers": "transformers are plugins that run programs",
    "validators": "validators are plugins that run programs",
}
_UNKNOWN_FIELD = "Switchyard does not know this field"
_PATHS = ("bases", "components", "configurations", "crds", "patchesStrategicMerge", "resources")
_ENTRIES_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_OTHER_FIELDS = (
    "apiVersion", "buildMetadata", "commonAnnotations", "commonLabels", "generatorOptions",
    "images", "kind", "labels", "metadata", "namePrefix", "nameSuffix", "namespace", "openapi",
    "replicas", "sortOptions", "vars",
)  # fmt: skip
_ALLOWED = frozenset((*_PATHS, *_ENTRIES_WITH_PATH, *_GENERATORS, *_OTHER_FIELDS))
_GENERATOR_FIELDS = frozenset(
    ("name", "namespace", "behavior", "type", "files", "literals", "env", "envs", "options")
)


@dataclass(frozen=True, slots=True)
class _Rejection:
    """A field that is not accepted: its path in the document, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class _PathReference:
    """A file or folder that the tool would open, and where in the document it is written."""

    path: Path
    target: str


@dataclass(frozen=True, slots=True)
class Kustomize:
    """A folder with a kustomization, built by `kustomize` or `kubectl`."""

    name: str = "kustomize"
    summary: str = "A kustomize folder; needs kustomize 5 or kubectl on PATH."
    tool: str = "kustomize"

    def check(self, files: FileTree) -> None:
        """Reject what is remote, runs a program, or is outside the repository.

        Raises:
            SourceError: with file and line.
        """
        folders = {file[:end] for file in files for end in _folder_ends(file)}
        for file in sorted(files):
            if file.rpartition("/")[2] in KUSTOMIZATIONS:
                _check(file, files[file], folders | files.keys())

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The objects in the tool's output."""
        file = output_file(self.tool)
        return read_objects({file: files[file]})


def _folder_ends(path: str) -> Iterator[int]:
    yield from (index for index, letter in enumerate(path) if letter == "/")
    yield 0


def _check(file: str, content: bytes, known: frozenset[str] | set[str]) -> None:
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error
    for document in documents:
        if not isinstance(document.value, dict):
            raise SourceError("a kustomization must be a mapping", file)
        for rejection in _rejections(document.value):
            message = f"{rejection.path[-1]} is not allowed: {rejection.reason}"
            raise SourceError(message, file, *document.places[rejection.path])
        for reference in _references(document.value):
            place = document.places.get(reference.path, (1, 1))
            text = reference.target
            target = posixpath.normpath(posixpath.join(posixpath.dirname(file), text))
            if text.startswith("/") or target.startswith(".."):
                raise SourceError(f"{text!r} is outside the repository", file, *place)
            if ("" if target == "." else target) not in known:
                raise SourceError(
                    f"{text!r} is not in the repository, and remote resources are not fetched; "
                    f"copy it into the repository",
                    file,
                    *place,
                )


def _rejections(value: Mapping[str, Json]) -> Iterator[_Rejection]:
    """Fields that are not known to be safe; exact case, since kustomize ignores the case."""
    for key in value:
        if key not in _ALLOWED:
            yield _Rejection((key,), _PLUGINS.get(key, _UNKNOWN_FIELD))
    for key in _GENERATORS:
        for index, entry in _items(value.get(key)):
            for name in entry if isinstance(entry, dict) else ():
                if name not in _GENERATOR_FIELDS:
                    yield _Rejection((key, index, name), _UNKNOWN_FIELD)


def _references(value: Mapping[str, Json]) -> Iterator[_PathReference]:
    """Every path that the tool would open."""
    for key in _PATHS:
        for index, text in _items(value.get(key)):
            if isinstance(text, str) and "\n" not in text:
                yield _PathReference((key, index), text)
    for key in _ENTRIES_WITH_PATH:
        for index, entry in _items(value.get(key)):
            if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                yield _PathReference((key, index, "path"), str(entry["path"]))
    openapi = value.get("openapi")
    if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
        yield _PathReference(("openapi", "path"), str(openapi["path"]))
    for key in _GENERATORS:
        for index, entry in _items(value.get(key)):
            yield from _generator_files((key, index), entry if isinstance(entry, dict) else {})


def _generator_files(path: Path, entry: Mapping[str, Json]) -> Iterator[_PathReference]:
    """The files of a generator, `name=file` or `file`."""
    for kind in ("files", "envs"):
        for position, text in _items(entry.get(kind)):
            yield _PathReference((*path, kind, position), str(text).rpartition("=")[2])
    if isinstance(entry.get("env"), str):
        yield _PathReference((*path, "env"), str(entry["env"]))


def _items(value: Json) -> Iterator[tuple[int, Json]]:
    yield from enumerate(value if isinstance(value, list) else [])


SOURCE: Source = Kustomize()
