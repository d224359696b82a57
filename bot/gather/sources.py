"""Splits the files of an app repo by component; for repositories and for folders alike.

Imports no Git, forge or store: `switchyard check` reads folders with it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bot.charts import ChartError, Charts, ChartUnavailableError
from bot.documents import Problem, read_application
from bot.documents.application import FILE
from bot.documents.tenants import is_tenant_setup, tenant_setup, with_tenant_dependency
from bot.engine import discovery, helm, kustomize
from bot.engine.render_tools import ToolError
from bot.engine.results import Results
from bot.gather.errors import AwayError, DocumentsError, GatherError
from planners.model import Application, Component, FilePosition, Fleet, Registration, Tenant
from renderers.builds import Build, builds
from renderers.sources import SourceError
from renderers.tree import FileTree, PartialTree, below, unread

TOOLS: Mapping[str, Callable[[Build, FileTree, Callable[[], FileTree]], bytes]] = {
    "helm": lambda build, files, used: helm.template(build, files, used()),
    "kustomize": lambda build, files, _: kustomize.build(build.source.path, files),
}
MOST_BUILDS = 200
"""Runs of a tool for one component: each distinct set of values and version is one."""

OUTPUTS = Results(most=256 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class AppFiles:
    """An application, each component's files by their paths in its folder, and other files."""

    application: Application
    sources: Mapping[str, Mapping[str, bytes]]
    files: Mapping[str, bytes]

    def tenant_of(self, fleet: Fleet) -> Tenant:
        """Its tenant in the fleet that it was read with."""
        tenant = fleet.tenant(self.application.tenant)
        assert tenant is not None, "read_application checks the tenant"
        return tenant


def read_sources(
    files: Mapping[str, bytes],
    fleet: Fleet,
    registration: Registration,
    charts: Charts | None,
) -> AppFiles:
    """Read `switchyard.yaml` and split the files by component; tools are run.

    `charts` are those that are not in the app repo (None: these are refused).

    Raises:
        AwayError: a chart is not kept, and its host is away.
        DocumentsError: `switchyard.yaml` is wrong, or a source cannot be used.
    """
    tenant = fleet.tenant(registration.tenant)
    if tenant is not None and is_tenant_setup(registration):
        setup = tenant_setup(tenant)
        components = setup.application.components
        return AppFiles(setup.application, {each.name: setup.files for each in components}, {})
    loaded = read_application(files, fleet, registration)
    application = loaded.application
    if application is None or loaded.problems:
        raise DocumentsError(registration.application, loaded.problems)
    sources: dict[str, Mapping[str, bytes]] = {}
    for component in application.components:
        mine = _without_document(below(files, component.source.path), component)
        if tenant is not None and discovery.sources()[component.source.kind].tool:
            chart = partial(_chart, component, fleet, tenant, charts)
            given = _Inputs(_digest(files), files, partial(_used, application, files), chart)
            mine = _build(application, component, fleet, tenant, given)
        sources[component.name] = mine
    named = {file for intent in application.customizations for file in intent.files}
    application = with_tenant_dependency(application, tenant)
    return AppFiles(application, sources, {file: files[file] for file in sorted(named)})


def _without_document(files: FileTree, component: Component) -> FileTree:
    """The files of a component in the root folder without the application's own document."""
    if component.source.path.strip("/.") or FILE not in files:
        return files
    others = {path: content for path, content in files.items() if path != FILE}
    return PartialTree(others, unread(files))


@dataclass(frozen=True, slots=True)
class _Inputs:
    """The files of an application with their digest; `used` are those that its components use.

    `chart` reads the files of a fetched chart; which chart it is, is part of a build.
    """

    digest: str
    files: Mapping[str, bytes]
    used: Callable[[], FileTree]
    chart: Callable[[], FileTree]

    def output(self, build: Build) -> bytes:
        """The output of a tool for these files."""
        return OUTPUTS.get((build, self.digest), lambda: self._run(build), len)

    def _run(self, build: Build) -> bytes:
        files, chart = self.files, self.chart()
        if chart:
            files = PartialTree({**files, **chart}, unread(files))
        return TOOLS[build.tool](build, files, self.used)


def _used(application: Application, files: FileTree) -> FileTree:
    """The files that some component uses; what else a repository holds is not rolled out."""
    found: dict[str, bytes] = {}
    for component in application.components:
        source = component.source
        try:
            if source.kind == "kustomize":
                found.update(discovery.sources()["kustomize"].check(files, source.path))
                continue
        except SourceError:
            continue  # its own build reports it
        prefix = f"{source.path.strip('/')}/".lstrip("/")
        found |= {path: files[path] for path in files if path.startswith(prefix)}
    return found


def _chart(component: Component, fleet: Fleet, tenant: Tenant, charts: Charts | None) -> FileTree:
    """The files of a chart that is not in the app repo, below its address.

    Raises:
        GatherError: there is no such chart, or it may not be used.
        AwayError: its host is away.
    """
    source = component.source
    if not source.digest:
        return {}
    origin = fleet.chart_origin(source.path, tenant.name)
    assert origin is not None, "read_application checks it"
    if charts is None:
        raise GatherError(
            f"component {component.name}: {source.path}: nothing is fetched without being asked: "
            f"give `--charts DIR`, a folder in which charts are kept, to download it"
        )
    what = f"component {component.name}: {source.path} {source.version}"
    try:
        files = charts.files(source, origin)
    except ChartUnavailableError as error:
        raise AwayError(f"{what} is not here yet: {error}") from error
    except ChartError as error:
        raise GatherError(f"{what}: {error}") from error
    return {f"{source.path}/{path}": content for path, content in files.items()}


def _build(
    application: Application, component: Component, fleet: Fleet, tenant: Tenant, given: _Inputs
) -> dict[str, bytes]:
    """Run a component's tool for every cluster that its tenant may use, once for equal inputs.

    All files of the application are there, such as the bases of kustomize.
    """
    source, folder = discovery.sources()[component.source.kind], component.source.path
    clusters = {each.name: each for each in fleet.clusters if tenant.clusters.matches(each)}
    found = builds(application, component, clusters, source, tenant.namespace)
    if len(found) > MOST_BUILDS:
        raise GatherError(
            f"{folder}: {component.name} has {len(found)} different sets of values for its "
            f"clusters; at most {MOST_BUILDS}: use values that more clusters share, or patches"
        )
    try:
        return {build.file: given.output(build) for build in found}
    except SourceError as error:
        position = FilePosition(error.file, error.line, error.column)
        raise DocumentsError(component.name, (Problem(position, str(error)),)) from error
    except ToolError as error:
        position = component.position or FilePosition(FILE, 1, 1)
        problem = Problem(position, f"component {component.name}: {folder}: {error}")
        raise DocumentsError(component.name, (problem,)) from error


def _digest(files: FileTree) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{len(path)}:{path}:{len(files[path])}:".encode())
        digest.update(files[path])
    return digest.hexdigest()
