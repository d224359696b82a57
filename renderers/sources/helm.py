"""Helm charts, rejected if rendering could read more than the chart, or not end.

What `helm` parses as YAML is read here first, within the limits of `renderers.yaml`. Subcharts must
be folders: an archive could not be looked into. References of a values schema to other documents
would be fetched. `bot.engine.helm` renders the chart and passes its output.

Hooks are refused by name: a GitOps agent would apply them as ordinary objects, or not in time.
Sources: Helm documentation, "Charts", "Chart Hooks", "Schema Files".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planners.model import Json
from renderers import yaml
from renderers.manifest_files import read_objects
from renderers.sources import Parameter, ParameterKind, Source, SourceError
from renderers.tree import FileTree, unread

CHART = "Chart.yaml"
HOOK = "helm.sh/hook"

_ARCHIVES = (".tgz", ".tar.gz", ".tar")
_PARSED = ("Chart.yaml", "values.yaml", "requirements.yaml", "Chart.lock", "requirements.lock")
_SCHEMA = "values.schema.json"
_DEFINITIONS = re.compile(r"(?:charts/[^/]+/)*crds/")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")
_KNOWN_SCHEMAS = ("http://json-schema.org/", "https://json-schema.org/")


@dataclass(frozen=True, slots=True)
class Helm:
    """A folder with a chart, rendered by `helm template`."""

    name: str = "helm"
    summary: str = "A Helm chart; needs helm 3 or newer on PATH."
    tool: str = "helm"
    parameters: tuple[Parameter, ...] = (
        Parameter(
            "chart",
            ParameterKind.CHART,
            "Folder of the chart, its address in a registry (`oci://...`), or its name in "
            "`repository`.",
        ),
        Parameter(
            "repository",
            ParameterKind.REPOSITORY,
            "Address (`https://...`) of the chart repository that has the chart.",
        ),
        Parameter(
            "version",
            ParameterKind.VERSION,
            "Version of a chart that is not in the app repo, as in its `Chart.yaml`.",
        ),
        Parameter(
            "digest",
            ParameterKind.DIGEST,
            "Digest (`sha256:...`) of a chart that is not in the app repo: the one that `helm "
            "pull` prints for a registry; the archive's own for a repository.",
        ),
        Parameter(
            "values",
            ParameterKind.FILES,
            "Files with values. Later files take precedence over earlier ones, and `helmValues` of "
            "customisations over all files.",
        ),
        Parameter(
            "release_name", ParameterKind.NAME, "Name of the release. Default: the component's."
        ),
    )
    per_cluster: bool = True

    def check(self, files: FileTree, folder: str = "") -> FileTree:
        """Reject a chart that is incomplete, or that `helm` cannot render safely.

        Raises:
            SourceError: with file and line.
        """
        del folder
        for file, reason in sorted(unread(files).items()):
            raise SourceError(f"{reason}, and a template may read it: remove it", file)
        if CHART not in files:
            raise SourceError(f"the folder has no {CHART}: it is no Helm chart", CHART)
        for file in sorted(files):
            name = file.rpartition("/")[2]
            if name.endswith(_ARCHIVES) and "charts/" in f"{file}/":
                raise SourceError(
                    "a packaged subchart cannot be checked: unpack it with `tar -xzf` into charts/",
                    file,
                )
            if name in _PARSED or (_is_definition(file) and name.endswith((".yaml", ".yml"))):
                _read(file, files[file])
            elif name == _SCHEMA:
                _check_schema(file, files[file])
        _check_chart(files)
        return files

    def objects(self, files: FileTree) -> tuple[dict[str, Json], ...]:
        """The objects in the output of `helm template`, which must have no hooks but tests."""
        found = read_objects(files)
        hooks = sorted({text for item in found for text in _hooks(item)})
        if hooks:
            raise SourceError(
                f"the chart has hooks, which no GitOps agent runs as Helm does: "
                f"{', '.join(hooks[:5])}; turn them off by its values, or make them components"
            )
        return found


def _is_definition(file: str) -> bool:
    """Whether it is in the folder `crds` of the chart or of a subchart: these are no templates."""
    return _DEFINITIONS.match(file) is not None


def _read(file: str, content: bytes) -> tuple[yaml.Document, ...]:
    try:
        return yaml.load_documents(content)
    except yaml.YamlError as error:
        raise SourceError(str(error), file, error.line, error.column) from error


def _check_chart(files: FileTree) -> None:
    documents = _read(CHART, files[CHART])
    chart = documents[0].value if documents else None
    if not isinstance(chart, dict):
        raise SourceError("the chart's metadata must be a mapping", CHART)
    if chart.get("type") == "library":
        raise SourceError("a library chart has no objects of its own", CHART)
    dependencies = chart.get("dependencies")
    folders = {file.split("/")[1] for file in files if file.startswith("charts/")}
    for index, each in enumerate(dependencies if isinstance(dependencies, list) else []):
        name = each.get("name") if isinstance(each, dict) else None
        if name not in folders:
            raise SourceError(
                f"the subchart {name!r} is not in charts/, and nothing is fetched: run `helm "
                f"dependency build`, unpack charts/*.tgz there and commit the folders",
                CHART,
                *documents[0].places[("dependencies", index)],
            )


def _check_schema(file: str, content: bytes) -> None:
    """Reject references to other documents: helm would fetch them."""
    for document in _read(file, content):
        for key, target in _schema_references(document.value):
            known = key == "$schema" and target.startswith(_KNOWN_SCHEMAS)
            if not target.startswith("#") and not known:
                raise SourceError(
                    f"{key} {target!r} refers to another document, and nothing is fetched", file
                )


def _schema_references(value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key in _REFERENCES and isinstance(each, str):
                yield key, each
            yield from _schema_references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _schema_references(each)


def _hooks(item: Mapping[str, Json]) -> Iterator[str]:
    """The hooks of an object, with its kind and name: `pre-install of Job/migrate`."""
    metadata = item.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    hooks = annotations.get(HOOK) if isinstance(annotations, dict) else None
    if isinstance(metadata, dict) and isinstance(hooks, str):
        yield f"{hooks} of {item.get('kind')}/{metadata.get('name')}"


SOURCE: Source = Helm()
