"""Documents of the fleet repo and of app repos, read at a commit."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bot.context import Context
from bot.documents import Problem, read_application, read_fleet
from bot.documents.tenants import after_tenant, is_own, tenant_application, with_tenants
from bot.engine import discovery, kustomize
from bot.gather.repository import Checkout, GatherError
from planners.model import Application, Fleet, Registration
from renderers.sources import SourceError

MOST_PROBLEMS = 20


class DocumentsError(GatherError):
    """Documents with mistakes; `problems` lists each with its place."""

    def __init__(self, where: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{where}: " + "; ".join(str(each) for each in problems[:MOST_PROBLEMS]))
        self.problems = problems


async def fleet_at(context: Context, checkout: Checkout, sha: str) -> Fleet:
    """What the fleet repo says at a commit.

    Raises:
        DocumentsError: a document is wrong.
    """
    files = await asyncio.to_thread(checkout.mirror.files, sha)
    agents = frozenset(discovery.agents())
    fleet, problems = await asyncio.to_thread(read_fleet, files, agents)
    if problems:
        raise DocumentsError(f"{context.fleet}@{sha[:8]}", problems)
    return with_tenants(fleet, context.fleet)


@dataclass(frozen=True, slots=True)
class AppFiles:
    """An application, each component's files by their paths in its folder, and other files."""

    application: Application
    sources: Mapping[str, Mapping[str, bytes]]
    files: Mapping[str, bytes]


async def application_at(
    checkout: Checkout, sha: str, fleet: Fleet, registration: Registration
) -> AppFiles:
    """An application and its files at a commit of its app repo.

    Raises:
        DocumentsError: `switchyard.yaml` is wrong, or a source cannot be used.
    """
    files = await asyncio.to_thread(checkout.mirror.files, sha, registration.path)
    return await asyncio.to_thread(read_sources, files, fleet, registration)


def read_sources(files: Mapping[str, bytes], fleet: Fleet, registration: Registration) -> AppFiles:
    """Read `switchyard.yaml` and split the files by component; kustomize folders are built.

    Raises:
        DocumentsError: see `application_at`.
    """
    tenant = fleet.tenant(registration.tenant)
    if tenant is not None and is_own(registration):
        own, made = tenant_application(tenant)
        return AppFiles(own, {part.name: made for part in own.components}, {})
    application, problems = read_application(files, fleet, registration)
    if application is None or problems:
        raise DocumentsError(registration.application, problems)
    sources: dict[str, Mapping[str, bytes]] = {}
    for component in application.components:
        prefix = component.source.path.strip("/") + "/"
        mine = {
            path.removeprefix(prefix): content
            for path, content in files.items()
            if path.startswith(prefix)
        }
        if component.source.kind == "kustomize":
            mine = _build(component.source.path, files)
        sources[component.name] = mine
    named = {file for intent in application.customizations for file in intent.files}
    application = after_tenant(application, tenant)
    return AppFiles(application, sources, {file: files[file] for file in sorted(named)})


def _build(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Run kustomize on a folder: bases beside it are part of the same repository."""
    try:
        return {kustomize.OUTPUT_FILE: kustomize.build(folder, files)}
    except (kustomize.KustomizeError, SourceError) as error:
        raise GatherError(f"{folder}: {error}") from error
