"""Runs `helm template` on a chart from Git. Called by `bot.gather.sources`.

The tool sees a temporary folder of regular files and an environment of its own: no credentials, no
cluster, no plugins, no proxy that answers. `renderers.sources.helm` has rejected charts that would
refer to other places before the tool starts. Every chart is rendered twice: a chart whose output
differs would have another plan each time.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.child_process import Limits, ProgramError, write
from bot.engine import discovery
from bot.engine.render_tools import LIMITS, ToolError, run_tool, unsuitable
from renderers import yaml
from renderers.builds import Build
from renderers.kubernetes.schemas import custom_kinds
from renderers.manifest_files import ENDINGS
from renderers.sources import SourceError
from renderers.tree import below

OLDEST = 3
"""The oldest supported major version."""

SERVED_EVERYWHERE = ("apiregistration.k8s.io/v1/APIService",)
"""What every cluster serves and helm does not assume: it is no API of its client library."""

NOWHERE = "http://127.0.0.1:9"
"""The discard port: whatever a chart makes helm fetch fails at once."""


def template(
    build: Build,
    files: Mapping[str, bytes],
    definitions: Mapping[str, bytes] | None = None,
    *,
    search_path: str | None = None,
    limits: Limits = LIMITS,
) -> bytes:
    """Render the chart of a build; `files` are those of the application's folder, by path.

    `definitions` are files whose CustomResourceDefinitions are rolled out beside the chart and its
    own. `search_path` is where to look for helm (None: on PATH).

    Raises:
        ToolError: helm is missing, fails, exceeds a limit, or prints something else each time.
        SourceError: the chart is refused, or a file with values is missing or wrong.
    """
    chart = _chart(build, files)
    values = [_values(path, files) for path in build.source.files]
    program = _program(search_path)
    with TemporaryDirectory(prefix="helm-") as folder_name:
        home = Path(folder_name).resolve()
        for path, content in chart.items():
            _write(home / "chart", path, content)
        given = [*values, *(each.encode() for each in build.values)]
        for index, content in enumerate(given):
            _write(home, f"values-{index}.yaml", content)
        defined = _defined_versions({**(definitions or {}), **chart})
        known = (*SERVED_EVERYWHERE, *build.api_versions, *defined)
        command = _command(program, build, len(given), known)
        try:
            first, second = (run_tool(command, home, limits, _variables(home)) for _ in range(2))
        except ToolError as error:
            raise ToolError(_readable(str(error), home, build, chart)) from None
    if first != second:
        raise ToolError(
            "the chart renders differently each time: give the values that it makes up (passwords, "
            "certificates, times; functions such as randAlphaNum, genCA, uuidv4 and now)"
        )
    return first


def _readable(message: str, home: Path, build: Build, chart: Mapping[str, bytes]) -> str:
    """A message of helm with the paths of the repository, and without advice on its flags."""
    text = message.replace(f"{home}/chart", build.source.path).replace(str(home), "~")
    text = text.removeprefix("Error: ").partition("\n\nUse --debug")[0]
    metadata = yaml.load_documents(chart["Chart.yaml"])[0].value
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return text.replace(f"{name}/templates/", f"{build.source.path}/templates/")


def _chart(build: Build, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files of the chart that helm may read, by their paths in it."""
    folder = build.source.path.strip("/")
    prefix = f"{folder}/" if folder else ""
    try:
        return discovery.sources()["helm"].check(below(files, folder))
    except SourceError as error:
        raise SourceError(str(error), f"{prefix}{error.file}", error.line, error.column) from error


def _values(path: str, files: Mapping[str, bytes]) -> bytes:
    if path not in files:
        raise SourceError("the file with values does not exist", path)
    try:
        documents = yaml.load_documents(files[path])
    except yaml.YamlError as error:
        raise SourceError(str(error), path, error.line, error.column) from error
    if len(documents) > 1 or not all(isinstance(each.value, dict) for each in documents):
        raise SourceError("a file with values must be one mapping", path)
    return files[path]


def _write(root: Path, path: str, content: bytes) -> None:
    try:
        write(root, path, content)
    except ProgramError as error:
        raise ToolError(str(error)) from None


def _defined_versions(files: Mapping[str, bytes]) -> Iterator[str]:
    """The API versions that definitions in these files serve; templates are no definitions yet."""
    for path, content in files.items():
        is_manifest = path.endswith(ENDINGS) and "templates" not in path.split("/")
        if is_manifest and b"CustomResourceDefinition" in content:
            yield from _versions_in(content)


@lru_cache(maxsize=1000)
def _versions_in(content: bytes) -> tuple[str, ...]:
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError:
        return ()  # what uses the file reports it
    items = [each.value for each in documents if isinstance(each.value, dict)]
    return tuple(
        f"{group}/{version}/{kind}"
        for (group, kind), versions in custom_kinds(items).items()
        for version in versions
    )


def _command(program: str, build: Build, values: int, known: Iterable[str]) -> list[str]:
    version = ["--kube-version", build.kubernetes] if build.kubernetes else []
    given = [part for index in range(values) for part in ("--values", f"values-{index}.yaml")]
    served = {part for each in known for part in (each, "/".join(each.split("/")[:2]))}
    apis = [part for each in sorted(served) for part in ("--api-versions", each)]
    return [
        *(program, "template", build.release, "chart", "--namespace", build.namespace),
        *("--include-crds", "--skip-tests", *version, *apis, *given),
    ]


def _program(search_path: str | None) -> str:
    program = shutil.which("helm", path=search_path)
    if program is None:
        raise ToolError(f"helm {OLDEST} or newer is not on PATH: install it")
    reason = unsuitable(program, ("version", "--short"), OLDEST, "helm")
    if reason:
        raise ToolError(f"helm {OLDEST} or newer is needed, and {program} is {reason}: update it")
    return program


def _variables(home: Path) -> dict[str, str]:
    return {
        "KUBECONFIG": os.devnull,
        "HELM_PLUGINS": str(home / "plugins"),
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
    }
