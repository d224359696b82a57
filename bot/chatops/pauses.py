"""Pauses every rollout of a tenant or on a cluster, at once, and resumes them.

A pause is kept in a branch of every deploy repo concerned (see `bot/gather/pauses.py`).
"""

from dataclasses import dataclass, replace

import structlog

from bot.context import Context
from bot.effects.model import Effect, Wake, WritePauses
from bot.effects.perform import perform
from bot.gather.fleet import read_fleet
from bot.gather.pauses import Paused, read_pauses
from bot.gather.repository import Checkout, fetch
from bot.gather.snapshot import Gathered
from bot.git import GitError
from bot.store.keys import application_key
from bot.wording.prose import Prose, ProseError, say
from planners.model import Fleet, Registration, Repo, Role
from planners.model.overrides import Pause

MOST_PAUSES = 100
NEEDED = Role.MAINTAIN

log = structlog.get_logger()


class PauseError(ProseError):
    """It cannot be paused or resumed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """Who asked for a pause on which forge, by which command; `reason` is None to resume."""

    key: str
    forge: str
    by: str
    target: str
    reason: str | None


async def pause_effects(context: Context, request: PauseRequest) -> tuple[Effect, ...]:
    """What pauses or resumes a target in every deploy repo concerned; a command is done once.

    Raises:
        PauseError: there is no such target, it is so already, or the role is missing somewhere.
    """
    registrations = _concerned(await read_fleet(context), request.target)
    deploys = sorted({each.deploy for each in registrations})
    for repo in deploys:
        await _check_role(context, repo, request)
    found: list[tuple[Checkout, Paused]] = []
    for repo in deploys:
        checkout = await fetch(context, repo)
        paused = await read_pauses(context, checkout)
        if request.key not in paused.told:
            found.append((checkout, paused))
    writes = [
        WritePauses(checkout, changed)
        for checkout, paused in found
        if (changed := _changed(context, paused, request)) is not None
    ]
    if found and not writes:
        raise PauseError(_unchanged(request, [paused for _, paused in found]))
    keys = [application_key(each.application) for each in registrations]
    return (*writes, Wake(keys))


async def restore_pauses(context: Context, gathered: Gathered) -> None:
    """Write the branch again where somebody deleted it or pushed an older copy."""
    if not gathered.paused.lags:
        return
    log.warning("pauses restored", repository=str(gathered.deploy.repo))
    try:
        await perform(context, [WritePauses(gathered.deploy, gathered.paused)])
    except GitError as error:
        log.warning("pauses not restored", error=str(error))


def _concerned(fleet: Fleet, target: str) -> list[Registration]:
    kind, _, name = target.partition("/")
    clusters = kind == "cluster" and name in {each.name for each in fleet.clusters}
    tenant = kind == "tenant" and fleet.tenant(name) is not None
    if not (clusters or tenant):
        text = "unknown target {}: use {} or {}"
        raise PauseError(say(text, target, "tenant/NAME", "cluster/NAME"))
    found = [each for each in fleet.registrations if clusters or each.tenant == name]
    if not found:
        raise PauseError(say("{} has no registered application", target))
    return found


async def _check_role(context: Context, repo: Repo, request: PauseRequest) -> None:
    if repo.forge != request.forge:
        raise PauseError(
            say(
                "this also affects {}, which is on another forge where your identity is unknown: "
                "use {}, which opens a merge request and applies everywhere",
                str(repo),
                "freeze",
            )
        )
    role = await context.forge(repo).role(repo.path, request.by)
    if role < NEEDED:
        raise PauseError(
            say(
                "this also affects {}, where role {} is required and you have {}",
                str(repo),
                NEEDED.name.lower(),
                role.name.lower(),
            )
        )


def _changed(context: Context, paused: Paused, request: PauseRequest) -> Paused | None:
    """What is paused then; None where that is so already."""
    if (paused.of(request.target) is None) == (request.reason is None):
        return None
    pauses = tuple(each for each in paused.pauses if each.target != request.target)
    if request.reason is not None:
        if len(pauses) >= MOST_PAUSES:
            raise PauseError(say(f"at most {MOST_PAUSES} pauses are allowed: resume one first"))
        pauses += (Pause(request.target, request.by, request.reason, context.clock()),)
    told = (*paused.told, request.key)
    return replace(paused, pauses=pauses, told=told, count=paused.count + 1)


def _unchanged(request: PauseRequest, found: list[Paused]) -> Prose:
    if request.reason is None:
        every = sorted({each.target for paused in found for each in paused.pauses})
        return say("{} is not paused; paused: {}", request.target, ", ".join(every) or "none")
    known = next(each for paused in found if (each := paused.of(request.target)))
    return say("{} is already paused by {}: {}", request.target, known.by, known.reason)
