"""Kustomize folders, rejected if a build could access the network, run a program or explode.

Only fields known to do neither are accepted, and every path in them must exist in the repository:
kustomize treats a path that does not exist as a remote target. What it would parse as YAML is read
here first, within the limits of `renderers.yaml`: a few aliases of aliases take all of the tool's
memory. Folders that include each other twice and again multiply in the same way, so what a build
reads is counted as often as it is read. `bot.engine.kustomize` runs the tool after `check` and
passes its output as one file. Sources: kustomize documentation, "The Kustomization File", "remote
targets"; its `api/kv` and `api/internal/loader` for how the paths of generators are read.
"""

import difflib
import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from planners.model import Json
from renderers import yaml
from renderers.manifest_files import KUSTOMIZATIONS, read_objects
from renderers.sources import Parameter, Source, SourceError
from renderers.tree import FileTree, unread
from renderers.yaml import Path

MAX_LEVELS = 50
MAX_BUILDS = 1_000
MAX_READ = 32 * 1024 * 1024

_PLUGINS = {
    "helmCharts": "Helm charts are fetched and executed",
    "helmChartInflationGenerator": "Helm charts are fetched and executed",
    "helmGlobals": "Helm charts are fetched and executed",
    "generators": "generators are plugins that run programs",
    "validators": "validators are plugins that run programs",
}
_UNKNOWN_FIELD = "Switchyard does not know this field"
_PATHS = ("bases", "components", "configurations", "crds", "patchesStrategicMerge", "resources")
_ENTRIES_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_TRANSFORMERS = frozenset(
    f"{name}Transformer"
    for name in (
        *("Annotations", "Hash", "ImageTag", "Label", "LegacyOrder", "Namespace", "PatchJson6902"),
        *("PatchStrategicMerge", "Patch", "Prefix", "PrefixSuffix", "Replacement", "ReplicaCount"),
        *("SortOrder", "Suffix", "ValueAdd"),
    )
)
"""The kinds that are built into kustomize (its documentation, "Built-Ins")."""

_GENERATORS = ("configMapGenerator", "secretGenerator")
_OTHER_FIELDS = (
    "apiVersion", "buildMetadata", "commonAnnotations", "commonLabels", "generatorOptions",
    "images", "kind", "labels", "metadata", "namePrefix", "nameSuffix", "namespace", "openapi",
    "replicas", "sortOptions", "transformers", "vars",
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
    is_yaml: bool = True


@dataclass(slots=True)
class _Folder:
    """What one kustomization reads: how many bytes, and which other folders, once per reference."""

    file: str
    size: int
    folders: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kustomize:
    """A folder with a kustomization, built by `kustomize` or `kubectl`."""

    name: str = "kustomize"
    summary: str = "A kustomize folder; needs kustomize 5 or kubectl on PATH."
    tool: str = "kustomize"
    parameters: tuple[Parameter, ...] = ()
    per_cluster: bool = False

    def check(self, files: FileTree, folder: str = "") -> FileTree:
        """Reject what is remote, runs a program, is outside the repository, or multiplies.

        Returns the files that a build of the folder reaches, which are all that the tool may see.

        Raises:
            SourceError: with file and line.
        """
        known = {file[:end] for file in files for end in _folder_ends(file)} | files.keys()
        readable: dict[str, bytes] = {}
        folders: dict[str, _Folder] = {}
        pending = [folder.strip("/")]
        while pending:
            name = pending.pop()
            for file in _kustomizations(name, files) if name not in folders else ():
                readable[file] = files[file]
                found = _Folder(file, len(files[file]))
                for target, is_yaml in _targets(file, files, known):
                    if target not in files:
                        found.folders.append(target)
                        continue
                    if is_yaml and target not in readable:
                        _read_yaml(target, files[target])
                    readable[target] = files[target]
                    found.size += len(files[target])
                folders[name] = found
                pending += found.folders
        _limit(folders)
        return readable

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The objects in the tool's output."""
        return read_objects(files)


def _kustomizations(folder: str, files: FileTree) -> list[str]:
    """The kustomizations of a folder; the tool refuses several."""
    return [
        path for each in sorted(KUSTOMIZATIONS) if (path := f"{folder}/{each}".lstrip("/")) in files
    ]


def _folder_ends(path: str) -> Iterator[int]:
    yield from (index for index, letter in enumerate(path) if letter == "/")
    yield 0


def _read_yaml(file: str, content: bytes) -> tuple[yaml.Document, ...]:
    try:
        return yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error


def _targets(file: str, files: FileTree, known: Collection[str]) -> Iterator[tuple[str, bool]]:
    """The files and folders that a kustomization refers to, and whether they are read as YAML."""
    for document in _read_yaml(file, files[file]):
        if not isinstance(document.value, dict):
            raise SourceError("a kustomization must be a mapping", file)
        for rejection in _rejections(document.value):
            message = f"{rejection.path[-1]} is not allowed: {rejection.reason}"
            raise SourceError(message, file, *document.places[rejection.path])
        for path, text in _inline_patches(document.value):
            try:
                yaml.load_documents(text.encode())
            except yaml.YamlError as error:
                message = f"the patch is not valid YAML: {error} (line {error.line} of the patch)"
                raise SourceError(message, file, *document.places[path]) from error
        for reference in (
            *_references(document.value),
            *_transformer_references(file, files, document),
        ):
            place = document.places.get(reference.path, (1, 1))
            text = reference.target
            target = posixpath.normpath(posixpath.join(posixpath.dirname(file), text))
            if text.startswith("/") or target.startswith(".."):
                raise SourceError(f"{text!r} is outside the repository", file, *place)
            target = "" if target == "." else target
            if target in unread(files):
                raise SourceError(f"{text!r}: {unread(files)[target]}", file, *place)
            if target not in known:
                raise SourceError(
                    f"{text!r} is not in the repository, and remote resources are not fetched; "
                    f"copy it into the repository",
                    file,
                    *place,
                )
            yield target, reference.is_yaml


def _transformer_references(
    file: str, files: FileTree, document: yaml.Document
) -> Iterator[_PathReference]:
    """The files of built-in transformers, and those that these name; plugins are rejected.

    Paths in a transformer are relative to the kustomization that uses it.
    """
    assert isinstance(document.value, dict)
    for index, text in _items(document.value.get("transformers")):
        path: Path = ("transformers", index)
        written = str(text)
        if "\n" not in written:
            yield _PathReference(path, written)
            written = posixpath.normpath(posixpath.join(posixpath.dirname(file), written))
            configs = _read_yaml(written, files[written]) if written in files else ()
        else:
            configs = _read_inline(file, written, document.places[path])
        if not configs:
            message = "a transformer must be a file or inline YAML, not a folder"
            raise SourceError(message, file, *document.places[path])
        for config in configs:
            for named in _check_transformer(file, config.value, document.places[path]):
                yield _PathReference(path, named)


def _check_transformer(file: str, config: Json, place: tuple[int, int]) -> Iterator[str]:
    """The paths that a built-in transformer names."""
    held = config if isinstance(config, dict) else {}
    kind, metadata = str(held.get("kind")), held.get("metadata")
    annotated = isinstance(metadata, dict) and bool(metadata.get("annotations"))
    if held.get("apiVersion") != "builtin" or kind not in _TRANSFORMERS or annotated:
        raise SourceError(
            f"transformer {kind} is not allowed: it is not built into kustomize (apiVersion: "
            f"builtin, without annotations), and plugins run programs",
            file,
            *place,
        )
    replacements = held.get("replacements")
    for each in (held, *(replacements if isinstance(replacements, list) else ())):
        if isinstance(each, dict) and isinstance(each.get("path"), str):
            yield str(each["path"])
    paths = held.get("paths")
    yield from (
        str(each) for each in (paths if isinstance(paths, list) else ()) if "\n" not in str(each)
    )


def _read_inline(file: str, text: str, place: tuple[int, int]) -> tuple[yaml.Document, ...]:
    try:
        return yaml.load_documents(text.encode())
    except yaml.YamlError as error:
        message = f"the text is not valid YAML: {error} (line {error.line} of it)"
        raise SourceError(message, file, *place) from error


def _limit(folders: Mapping[str, _Folder]) -> None:
    """Reject folders whose build reads too much; what is included twice is read twice."""
    reads: dict[str, tuple[int, int]] = {}

    def count(name: str, above: tuple[str, ...]) -> tuple[int, int]:
        if name not in reads:
            folder = folders.get(name)
            if folder is None:
                return 1, 0
            if name in above or len(above) > MAX_LEVELS:
                problem = "includes itself" if name in above else f"exceeds {MAX_LEVELS} levels"
                raise SourceError(f"the kustomization {problem}", folder.file)
            parts = [count(each, (*above, name)) for each in folder.folders]
            builds = 1 + sum(part[0] for part in parts)
            size = folder.size + sum(part[1] for part in parts)
            if builds > MAX_BUILDS or size > MAX_READ:
                raise SourceError(
                    f"a build of this folder reads {builds} folders and {size} bytes; the limits "
                    f"are {MAX_BUILDS} and {MAX_READ}",
                    folder.file,
                )
            reads[name] = builds, size
        return reads[name]

    for name in folders:
        count(name, ())


def _rejections(value: Mapping[str, Json]) -> Iterator[_Rejection]:
    """Fields that are not known to be safe; exact case, since kustomize ignores the case."""
    for key in value:
        if key not in _ALLOWED:
            near = difflib.get_close_matches(key, _ALLOWED, 1)
            unknown = f"{_UNKNOWN_FIELD} (did you mean {near[0]}?)" if near else _UNKNOWN_FIELD
            yield _Rejection((key,), _PLUGINS.get(key, unknown))
    for key in _GENERATORS:
        for index, entry in _items(value.get(key)):
            for name in entry if isinstance(entry, dict) else ():
                if name not in _GENERATOR_FIELDS:
                    yield _Rejection((key, index, name), _UNKNOWN_FIELD)


def _references(value: Mapping[str, Json]) -> Iterator[_PathReference]:
    """Every path that the tool would open."""
    for key in _PATHS:
        for index, text in _items(value.get(key)):
            if isinstance(text, str) and not _is_inline(key, text):
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


def _is_inline(key: str, text: str) -> bool:
    return key == "patchesStrategicMerge" and "\n" in text


def _inline_patches(value: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """Every patch that is written into the kustomization."""
    for index, text in _items(value.get("patchesStrategicMerge")):
        if isinstance(text, str) and _is_inline("patchesStrategicMerge", text):
            yield ("patchesStrategicMerge", index), text
    for key in ("patches", "patchesJson6902"):
        for index, entry in _items(value.get(key)):
            if isinstance(entry, dict) and isinstance(entry.get("patch"), str):
                yield (key, index, "patch"), str(entry["patch"])


def _generator_files(path: Path, entry: Mapping[str, Json]) -> Iterator[_PathReference]:
    """The files of a generator, data and no YAML: `name=file` or `file`; `envs` have no names."""
    for position, text in _items(entry.get("files")):
        yield _PathReference(
            (*path, "files", position), str(text).rpartition("=")[2], is_yaml=False
        )
    for position, text in _items(entry.get("envs")):
        yield _PathReference((*path, "envs", position), str(text), is_yaml=False)
    if isinstance(entry.get("env"), str):
        yield _PathReference((*path, "env"), str(entry["env"]), is_yaml=False)


def _items(value: Json) -> Iterator[tuple[int, Json]]:
    yield from enumerate(value if isinstance(value, list) else [])


SOURCE: Source = Kustomize()
