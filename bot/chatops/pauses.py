"""Pauses every rollout of a tenant or on a cluster, at once, and resumes them.

Written to the branch of `bot/gather/pauses.py` in every deploy repo concerned. Called by commands.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.context import Context
from bot.effects.apply import BOT
from bot.effects.wake import wake
from bot.gather.fleet import read_fleet
from bot.gather.pauses import BRANCH, MARKER, Paused, key_of, payload, read_pauses
from bot.gather.repository import Checkout, fetch
from bot.gather.snapshot import Gathered
from bot.git import GitError, TransientGitError
from bot.store.keys import application_key
from planners.model import Fleet, Registration, Repo, Role
from planners.model.overrides import Pause

MOST_PAUSES = 100
NEEDED = Role.MAINTAIN

log = structlog.get_logger()


class PauseError(Exception):
    """It cannot be paused or resumed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Who told it on which forge, by which command; `reason` is None to resume."""

    key: str
    forge: str
    by: str
    target: str
    reason: str | None


async def tell(context: Context, telling: Telling) -> None:
    """Pause or resume a target in every deploy repo concerned; a command is done once in each.

    Raises:
        PauseError: there is no such target, it is so already, or the role is missing somewhere.
        TransientGitError: somebody else wrote the branch meanwhile.
        GitError: the branch cannot be written.
    """
    registrations = _concerned(await read_fleet(context), telling.target)
    deploys = sorted({each.deploy for each in registrations})
    for repo in deploys:
        await _check_role(context, repo, telling)
    found: list[tuple[Checkout, Paused]] = []
    for repo in deploys:
        checkout = await fetch(context, repo)
        paused = await read_pauses(context, checkout)
        if telling.key not in paused.told:
            found.append((checkout, paused))
    changed = [(each, _changed(context, paused, telling)) for each, paused in found]
    if found and not any(new for _, new in changed):
        raise PauseError(_as_it_is(telling, [paused for _, paused in found]))
    for checkout, new in changed:
        if new is not None:
            await _write(context, checkout, new)
    await wake(context, [application_key(each.application) for each in registrations])


async def restore_pauses(context: Context, gathered: Gathered) -> None:
    """Write the branch again where somebody deleted it or pushed an older copy."""
    if not gathered.paused.lags:
        return
    log.warning("pauses put back", repository=str(gathered.deploy.repo))
    try:
        await _write(context, gathered.deploy, gathered.paused)
    except GitError as error:
        log.warning("pauses not put back", error=str(error))


def _concerned(fleet: Fleet, target: str) -> list[Registration]:
    kind, _, name = target.partition("/")
    clusters = kind == "cluster" and name in {each.name for each in fleet.clusters}
    tenant = kind == "tenant" and fleet.tenant(name) is not None
    if not (clusters or tenant):
        raise PauseError(f"the fleet has no {target}: name tenant/<name> or cluster/<name>")
    found = [each for each in fleet.registrations if clusters or each.tenant == name]
    if not found:
        raise PauseError(f"no application of {target} is registered")
    return found


async def _check_role(context: Context, repo: Repo, telling: Telling) -> None:
    if repo.forge != telling.forge:
        raise PauseError(
            f"that concerns {repo} as well, on another forge, where nobody knows who you are: "
            f"`freeze` takes a merge request and holds for all"
        )
    role = await context.forge(repo).role(repo.path, telling.by)
    if role < NEEDED:
        raise PauseError(
            f"that concerns {repo} as well, where it takes the role {NEEDED.name.lower()} and you "
            f"have {role.name.lower()}"
        )


def _changed(context: Context, paused: Paused, telling: Telling) -> Paused | None:
    """What is paused then; None where that is so already."""
    if (paused.of(telling.target) is None) == (telling.reason is None):
        return None
    pauses = tuple(each for each in paused.pauses if each.target != telling.target)
    if telling.reason is not None:
        if len(pauses) >= MOST_PAUSES:
            raise PauseError(f"{MOST_PAUSES} pauses at once are the most: resume one first")
        pauses += (Pause(telling.target, telling.by, telling.reason, context.clock()),)
    told = (*paused.told, telling.key)
    return replace(paused, pauses=pauses, told=told, count=paused.count + 1)


def _as_it_is(telling: Telling, found: list[Paused]) -> str:
    if telling.reason is None:
        every = sorted({each.target for paused in found for each in paused.pauses})
        return f"{telling.target} is not paused; paused: {', '.join(every) or 'nothing'}"
    known = next(each for paused in found if (each := paused.of(telling.target)))
    return f"{telling.target} is paused already by {known.by}: {known.reason}"


async def _write(context: Context, checkout: Checkout, paused: Paused) -> None:
    """Push a commit that says it: the files are main's, and it is never merged."""
    told, repo = payload(paused), checkout.repo
    names = ", ".join(each.target for each in paused.pauses) or "nothing"
    message = f"Paused: {names[:200]}\n\n{context.markers.write(MARKER, repo, told)}\n"
    commit = await asyncio.to_thread(
        checkout.mirror.commit, checkout.head, {}, message=message, author=BOT, at=context.clock()
    )
    url, access = await context.reach(repo, checkout.info)
    updates = {BRANCH: (commit, paused.head)}
    refusal = (await asyncio.to_thread(checkout.mirror.push, url, access, updates))[BRANCH]
    if refusal is not None:
        kind = TransientGitError if refusal.startswith("stale") else GitError
        raise kind(f"{repo}: {BRANCH} was not written: {refusal}")
    await asyncio.to_thread(context.store.views.put, key_of(repo), dict(told))
