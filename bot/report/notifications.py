"""Says once what needs a person: a comment of its own for each wave and reason. See `wording`.

What was said is known by signed markers in these comments, so that neither an edit nor a restart
nor a lost database says it again. Called by `reconcile` when a pass changed nothing more.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from bot.context import Context
from bot.engine.propose import Proposal
from bot.forges import TransientForgeError
from bot.forges._markers import Markers
from bot.gather.snapshot import Gathered
from bot.wording.notices import Notice, notices, together
from planners.model import Repo

MARKER = "notice"

log = structlog.get_logger()


async def notify(context: Context, gathered: Gathered, proposal: Proposal) -> datetime | None:
    """Say what is new; when to try again, where the forge is busy."""
    found = notices(proposal)
    try:
        for number in sorted({each.number for each in found if each.number is not None}):
            mine = [each for each in found if each.number == number]
            await _say(context, gathered, proposal, (gathered.deploy.repo, number), mine)
        rest = [each for each in found if each.number is None]
        if rest and gathered.app_request is not None:
            home = (gathered.app.repo, gathered.app_request.number)
            await _say(context, gathered, proposal, home, rest)
    except TransientForgeError as error:
        log.warning("notice waits", error=str(error))
        return context.clock() + timedelta(seconds=error.retry_after)
    return None


async def _say(
    context: Context,
    gathered: Gathered,
    proposal: Proposal,
    where: tuple[Repo, int],
    found: Sequence[Notice],
) -> None:
    """Write one comment with what was not said there yet."""
    (repo, number), application = where, proposal.plan.application
    written = {
        each.key: ("notice", str(repo), str(number), application, each.key) for each in found
    }
    if all(key in context.written for key in written.values()):
        return
    me = await context.forge(repo).me()
    comments = await context.forge(repo).comments(repo.path, number)
    mine = [each.body for each in comments if each.author.id == me.id]
    said = known(context.markers, where, application, mine)
    new = [each for each in found if each.key not in said]
    if new:
        marker = mark(context.markers, where, application, [each.key for each in new])
        page = (
            context.page(application) if gathered.app_request is None else gathered.app_request.url
        )
        await context.forge(repo).add_comment(repo.path, number, together(new, marker, page))
    context.written.update(dict.fromkeys(written.values(), "said"))


def mark(markers: Markers, where: tuple[Repo, int], application: str, keys: Sequence[str]) -> str:
    """The first line of a comment that says what has these keys, on that merge request alone."""
    repo, number = where
    payload = {"application": application, "number": str(number), "keys": json.dumps(keys)}
    return markers.write(MARKER, repo, payload)


def known(
    markers: Markers, where: tuple[Repo, int], application: str, bodies: Iterable[str]
) -> frozenset[str]:
    """The keys of what comments of our own say already on that merge request.

    A marker that stands elsewhere in a comment, or that was copied from another merge request, is
    none: whoever may edit comments could silence us with it.
    """
    repo, number = where
    keys: set[str] = set()
    for body in bodies:
        marker = markers.read(MARKER, repo, body.partition("\n")[0]) or {}
        if (marker.get("application"), marker.get("number")) == (application, str(number)):
            keys.update(json.loads(marker["keys"]))
    return frozenset(keys)
