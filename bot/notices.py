"""Says once what needs a person: a comment of its own for each wave and reason. See `wording`.

What was said is known by signed markers in these comments, so that neither an edit nor a restart
nor a lost database says it again. Called by `reconcile` when a pass changed nothing more.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from bot.core import Proposal
from bot.forges import Comment, TransientForgeError
from bot.gather.snapshot import Gathered
from bot.shell import Shell
from bot.wording.notices import Notice, notices, together
from planners.model import Repo

MARKER = "notice"

log = structlog.get_logger()


async def give_notice(shell: Shell, gathered: Gathered, proposal: Proposal) -> datetime | None:
    """Say what is new; when to try again, where the forge is busy."""
    found = notices(proposal)
    try:
        for number in sorted({each.number for each in found if each.number is not None}):
            mine = [each for each in found if each.number == number]
            await _say(shell, gathered, proposal, (gathered.deploy.repo, number), mine)
        rest = [each for each in found if each.number is None]
        if rest and gathered.home is not None:
            home = (gathered.app.repo, gathered.home.number)
            await _say(shell, gathered, proposal, home, rest)
    except TransientForgeError as error:
        log.warning("notice waits", error=str(error))
        return shell.clock() + timedelta(seconds=error.retry_after)
    return None


async def _say(
    shell: Shell,
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
    if all(key in shell.written for key in written.values()):
        return
    comments = await shell.forge(repo).comments(repo.path, number)
    said = await _said(shell, repo, application, comments)
    new = [each for each in found if each.key not in said]
    if new:
        payload = {"application": application, "keys": json.dumps([each.key for each in new])}
        marker = shell.markers.write(MARKER, repo, payload)
        page = shell.page(application) if gathered.home is None else gathered.home.url
        await shell.forge(repo).add_comment(repo.path, number, together(new, marker, page))
    shell.written.update(dict.fromkeys(written.values(), "said"))


async def _said(
    shell: Shell, repo: Repo, application: str, comments: Iterable[Comment]
) -> frozenset[str]:
    """The keys of what our comments say already."""
    me = await shell.forge(repo).me()
    keys: set[str] = set()
    for comment in comments:
        marker = shell.markers.read(MARKER, repo, comment.body)
        if comment.author.id == me.id and marker and marker["application"] == application:
            keys.update(json.loads(marker["keys"]))
    return frozenset(keys)
