"""`delivery` and `replay`: what was stored of a webhook, and what it would do now, dry.

A replay reads the forges, clones into a folder of its own, and plans. It performs no effect, and
each write to the database is rolled back. Commands in comments are not run.
"""

import argparse
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from bot.app import make_context, make_forges
from bot.cli import event_loop
from bot.cli.errors import InputError
from bot.cli.replay_text import effect_line
from bot.cli.settings import mistakes, read_settings
from bot.clock import system_clock
from bot.context import Context
from bot.effects.status import order_status
from bot.engine.process import Planner, PlannerError
from bot.engine.propose import Proposal
from bot.forges import ForgeError
from bot.gather.errors import GatherError
from bot.gather.fleet import read_fleet_at
from bot.gather.repository import Checkouts
from bot.gather.snapshot import Gathered, gather_review, gather_rollout
from bot.git import GitError
from bot.logs import configure_logs
from bot.settings import Settings
from bot.store import Store, StoreError
from bot.store.keys import application_key, review_key
from bot.terminal import progress, write
from bot.wording.diffs import counts
from bot.worker.dispatch import keys_for
from planners.gating.effects import Effect, SetOrderStatus
from planners.model import Fleet, Repo

MAX_FILE = 64 * 1024 * 1024


class DeliveryFile(BaseModel):
    """A stored webhook: `body` is for people, the rest is what the service acts on."""

    forge: str
    id: str
    event: str
    repository: str
    number: int | None = Field(default=None, ge=0)
    sender: str = ""
    body: str = ""


def delivery(options: argparse.Namespace) -> int:
    """Print a stored webhook."""
    with closing(_store(read_settings(options))) as store:
        found = store.inbox.get(options.forge, options.id)
    if found is None:
        raise InputError(
            f"no delivery {options.id} of {options.forge} is stored; they are kept for seven days"
        )
    shown = DeliveryFile(
        forge=found.forge,
        id=found.delivery_id,
        event=found.event,
        repository=found.repository,
        number=found.number,
        sender=found.sender,
        body=found.body.decode("utf-8", "replace"),
    )
    write(json.dumps(shown.model_dump(), indent=2) + "\n")
    return 0


def replay(options: argparse.Namespace) -> int:
    """Say what a stored webhook would make due, and what each pass would do."""
    configure_logs()
    given = _read(options.delivery)
    settings = read_settings(options)
    try:
        event_loop.run(_replay(settings, given))
    except (ForgeError, GatherError, GitError, StoreError) as error:
        raise InputError(str(error)) from error
    return 0


def _read(file: Path) -> DeliveryFile:
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise InputError(f"{file}: more than {MAX_FILE} bytes")
    try:
        return DeliveryFile.model_validate_json(content)
    except ValidationError as error:
        lines = [f"{file}: {each}" for each in mistakes(error)]
        raise InputError("\n".join([*lines, "`switchyard delivery` prints the form"])) from None


def _store(settings: Settings) -> Store:
    """The service's database, in which nothing is written.

    Raises:
        InputError: there is none.
    """
    try:
        return Store.open_dry(settings.store_url)
    except StoreError as error:
        raise InputError(f"the database is not available: {error}") from error


async def _replay(settings: Settings, given: DeliveryFile) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(_store(settings)) as store:
        apart = settings.model_copy(update={"data_dir": Path(folder)})
        forges = make_forges(apart, system_clock)
        planner = Planner(settings.planner_seconds, settings.planner_mebibytes, 1)
        context = make_context(apart, forges, planner, store.shared_clock(system_clock), store)
        try:
            with progress("reading the forges, and planning"):
                lines = [line async for line in replay_delivery(context, given)]
        finally:
            for forge in forges.values():
                await forge.close()
    write("".join(f"{line}\n" for line in lines))


async def replay_delivery(context: Context, given: DeliveryFile) -> AsyncIterator[str]:
    """What the delivery would make due, and what each pass would do, a line each."""
    repo = Repo(given.forge, given.repository)
    numbers = set() if given.number is None else {given.number}
    fleet, _ = await read_fleet_at(context)
    keys = keys_for(fleet, context.fleet, repo, numbers)
    at = f"!{given.number}" if given.number is not None else ""
    yield f"{given.event} of {repo}{at}"
    if not keys:
        yield "makes nothing due: no application, deploy repo or fleet is in this repository"
    for key in sorted(keys):
        yield f"makes due: {key}"
    for each in sorted(fleet.registrations, key=lambda each: each.application):
        if application_key(each.application) in keys:
            async for line in _rollout(context, each.application):
                yield line
    for number in numbers:
        if review_key(repo, number) in keys:
            async for line in _review(context, fleet, repo, number):
                yield line


async def _rollout(context: Context, application: str) -> AsyncIterator[str]:
    yield ""
    try:
        gathered = await gather_rollout(context, application)
        proposal = await context.propose(gathered.snapshot)
    except (GatherError, PlannerError) as error:
        yield f"{application}: no plan: {error}"
        return
    yield _plan(application, proposal)
    due = [each for each in proposal.evaluation.effects if not _is_done(context, gathered, each)]
    for effect in due:
        yield f"  would {effect_line(effect)}"
    if not due:
        yield "  would change nothing"


def _is_done(context: Context, gathered: Gathered, effect: Effect) -> bool:
    """Whether it is a status that the forge shows already."""
    if not isinstance(effect, SetOrderStatus):
        return False
    page = context.page(gathered.snapshot.application.name)
    known = gathered.statuses.get(effect.head, ())
    return not order_status(gathered.deploy.repo, effect.head, effect.gates, page, known)


async def _review(context: Context, fleet: Fleet, repo: Repo, number: int) -> AsyncIterator[str]:
    request = await context.forge(repo).merge_request(repo.path, number)
    applications = sorted(each.application for each in fleet.registrations if each.app == repo)
    yield ""
    if request.state != "open":
        yield f"{repo}!{number} is {request.state}: commands there would be refused"
        return
    if request.source_repository != repo.path:
        yield f"{repo}!{number} is of a fork: planned only when a maintainer asks"
        return
    checkouts = Checkouts(context)
    for application in applications:
        try:
            gathered = await gather_review(checkouts, application, request)
            proposal = await context.propose(gathered.snapshot)
        except (GatherError, PlannerError) as error:
            yield f"{application}: would comment on {repo}!{number}: {error}"
            continue
        yield _plan(application, proposal)
        yield f"  would show it on {repo}!{number}:"
        for change in proposal.changes:
            yield f"    {change.wave.name}: {counts(change)}"


def _plan(application: str, proposal: Proposal) -> str:
    if proposal.problems:
        return f"{application}: no plan: {'; '.join(str(each) for each in proposal.problems)}"
    return f"{application}: plan {proposal.digest[:12]}"
