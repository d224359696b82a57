"""Splits the files of an app repo by component; for repositories and for folders alike.

Imports no Git, forge or store: `switchyard check` reads folders with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.documents import read_application
from bot.documents.tenants import is_tenant_setup, tenant_setup, with_tenant_dependency
from bot.engine import discovery, kustomize
from bot.gather.errors import DocumentsError, GatherError
from planners.model import Application, Fleet, Registration
from renderers.sources import SourceError, output_file

TOOLS = {"kustomize": kustomize.build}


@dataclass(frozen=True, slots=True)
class AppFiles:
    """An application, each component's files by their paths in its folder, and other files."""

    application: Application
    sources: Mapping[str, Mapping[str, bytes]]
    files: Mapping[str, bytes]


def read_sources(files: Mapping[str, bytes], fleet: Fleet, registration: Registration) -> AppFiles:
    """Read `switchyard.yaml` and split the files by component; kustomize folders are built.

    Raises:
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
        prefix = component.source.path.strip("/") + "/"
        mine = {
            path.removeprefix(prefix): content
            for path, content in files.items()
            if path.startswith(prefix)
        }
        if tool := discovery.sources()[component.source.kind].tool:
            mine = _build(tool, component.source.path, files)
        sources[component.name] = mine
    named = {file for intent in application.customizations for file in intent.files}
    application = with_tenant_dependency(application, tenant)
    return AppFiles(application, sources, {file: files[file] for file in sorted(named)})


def _build(tool: str, folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Run the tool on a folder; the other files are there too, such as the bases of kustomize."""
    try:
        return {output_file(tool): TOOLS[tool](folder, files)}
    except SourceError as error:
        raise GatherError(f"{error.file}:{error.line}:{error.column}: {error}") from error
    except kustomize.KustomizeError as error:
        raise GatherError(f"{folder}: {error}") from error
