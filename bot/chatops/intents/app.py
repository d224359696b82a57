"""Changes of an app repo: exceptions in `switchyard.yaml`."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bot.context import Context
from bot.documents.application import FILE
from bot.documents.edits import Changes, with_exception
from bot.documents.tenants import is_tenant_setup
from bot.effects.intent_requests import ChangeRefusedError
from bot.gather.documents import application_at, fleet_at
from bot.gather.errors import DocumentsError
from bot.gather.repository import Checkout, fetch
from bot.gather.sources import read_sources
from bot.wording.prose import say
from planners.model import Application, ExceptionRule, Fleet, Json, Registration
from planners.model.snapshot import Snapshot
from renderers import yaml

MOST_PROBLEMS = 5
WORKLOADS = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})


@dataclass(frozen=True, slots=True)
class AppFiles:
    """An application's folder at the newest commit of its default branch, and the newest fleet."""

    checkout: Checkout
    registration: Registration
    files: Mapping[str, bytes]
    fleet: Fleet
    application: Application

    def in_force(self, component: str, snapshot: Snapshot) -> Iterator[ExceptionRule]:
        """The exceptions for a component that hold now.

        Raises:
            ChangeRefusedError: there is no such component.
        """
        if self.application.component(component) is None:
            known = ", ".join(each.name for each in self.application.components)
            raise ChangeRefusedError(say("unknown component {}; components: {}", component, known))
        for rule in self.application.exceptions:
            if component in rule.components and rule.holds(snapshot.now):
                yield rule

    async def excepted(
        self, context: Context, snapshot: Snapshot, exception: Mapping[str, Json]
    ) -> Changes:
        """The repository's files with one more exception, which a plan can carry out.

        Raises:
            ChangeRefusedError: it cannot, or the document would have mistakes; with their places.
            EditRefusedError: it cannot be edited.
        """
        changes = with_exception(self.files[FILE], exception)
        made = {**self.files, **{path: found for path, found in changes.items() if found}}
        try:
            read = await asyncio.to_thread(
                read_sources, made, self.fleet, self.registration, context.charts
            )
        except DocumentsError as error:
            raise ChangeRefusedError(_listed(error.problems)) from error
        proposal = await context.propose(
            replace(snapshot, application=read.application, sources=read.sources, files=read.files)
        )
        if proposal.problems:
            raise ChangeRefusedError(_listed(proposal.problems))
        folder = self.registration.path.strip("/")
        return {f"{folder}/{path}" if folder else path: found for path, found in changes.items()}


async def app_files(context: Context, snapshot: Snapshot) -> AppFiles:
    """Fetch the app repo of a Snapshot's application, and the fleet repo.

    Raises:
        ChangeRefusedError: nobody writes the application's document.
        GatherError, ForgeError, GitError: it cannot be read.
    """
    registration = snapshot.registration
    if is_tenant_setup(registration):
        text = "{} is the set-up of a tenant, which Switchyard generates"
        raise ChangeRefusedError(say(text, registration.application))
    fleet_repo = await fetch(context, context.fleet)
    fleet = await fleet_at(context, fleet_repo, fleet_repo.head)
    checkout = await fetch(context, registration.app)
    files = await asyncio.to_thread(checkout.mirror.files, checkout.head, registration.path)
    read = await application_at(context, checkout, checkout.head, fleet, registration)
    return AppFiles(checkout, registration, files, fleet, read.application)


def workload_of(application: Application, snapshot: Snapshot, component: str) -> dict[str, Json]:
    """Which workload of a component is meant; empty for the Deployment of its name.

    Raises:
        ChangeRefusedError: it has none, or several.
    """
    rules = [each.replicas for each in application.placements if component in each.components]
    found = {(rule.kind, rule.name) for rule in rules if rule is not None}
    found = found or set(_workloads(snapshot.sources.get(component, {}).values()))
    usual = ("Deployment", component)
    if usual in found:
        return {}
    if len(found) != 1:
        names = ", ".join(sorted("/".join(each) for each in found)) or "none"
        raise ChangeRefusedError(
            say(
                "cannot tell which workload of {} to scale (found: {}): write the exception with "
                "{} into {}",
                component,
                names,
                "workload",
                FILE,
            )
        )
    ((kind, name),) = found
    return {"workload": {"kind": kind, "name": name}}


def _workloads(contents: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    for content in contents:
        try:
            documents = yaml.load_documents(content)
        except yaml.YamlError:
            continue
        for each in documents:
            item = each.value
            metadata = item.get("metadata") if isinstance(item, dict) else None
            if isinstance(item, dict) and isinstance(metadata, dict):
                kind, name = item.get("kind"), metadata.get("name")
                if isinstance(kind, str) and isinstance(name, str) and kind in WORKLOADS:
                    yield kind, name


def _listed(problems: Iterable[object]) -> str:
    return "; ".join([str(each) for each in problems][:MOST_PROBLEMS])
