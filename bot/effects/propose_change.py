"""Opens merge requests in repositories that people own: one branch, one commit, never merged here.

The branch's name follows from what is asked, so that a command that is repeated, delivered twice or
interrupted finds what it began.
"""

import asyncio
from dataclasses import dataclass

from bot.context import Context
from bot.effects.model import ProposeChange
from bot.effects.push import BOT, push
from bot.forges import ForgeError, ForgeMergeRequest, TransientForgeError
from bot.git import BranchUpdate, GitError, TransientGitError
from bot.wording import suggestions as words
from planners.gating.merge_requests import PREFIX

MARKER = "intent"
BRANCHES = f"{PREFIX}/intent/"


class ChangeRefusedError(Exception):
    """The change cannot be proposed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """The merge request of a change; `is_new` where this very comment asked for it."""

    request: ForgeMergeRequest
    is_new: bool


async def propose_change(context: Context, effect: ProposeChange) -> ProposedChange:
    """Open the merge request of a change, or find the open one.

    An open one stays as it was asked for; where main has changed so that it cannot be merged any
    more, its branch is made again.

    Raises:
        ChangeRefusedError: somebody else has the branch, or the forge refuses.
        TransientForgeError, TransientGitError: the same call may work later.
    """
    checkout, asked = effect.checkout, effect.asked
    known = await _open_request(context, effect)
    if known is not None and not known.conflicts:
        marker = context.markers.read(MARKER, checkout.repo, known.body) or {}
        return ProposedChange(known, marker.get("asked") == asked.url)
    await _push(context, effect)
    request = known or await _open(context, effect)
    facts: dict[str, str | int | None] = {
        "branch": f"{BRANCHES}{effect.name}",
        "number": request.number,
        "by": asked.by,
    }
    key = f"repository/{checkout.repo}"
    await asyncio.to_thread(context.store.audit.append, context.clock(), "suggest", key, facts)
    return ProposedChange(request, is_new=True)


async def _open_request(context: Context, effect: ProposeChange) -> ForgeMergeRequest | None:
    """The open merge request of the branch; ChangeRefusedError where somebody else opened it."""
    repo, branch = effect.checkout.repo, f"{BRANCHES}{effect.name}"
    forge = context.forge(repo)
    me = await forge.me()
    for each in await forge.merge_requests(repo.path, state="open", branch_prefix=branch):
        if each.source_branch == branch and each.source_repository == repo.path:
            if each.author.id == me.id:
                return each
            raise ChangeRefusedError(
                f"{each.author.login} opened !{each.number} from branch {branch} in {repo}: "
                f"close it and delete the branch"
            )
    return None


async def _push(context: Context, effect: ProposeChange) -> None:
    """Let the branch hold one commit on main as it is now."""
    checkout, branch = effect.checkout, f"{BRANCHES}{effect.name}"
    commit = await asyncio.to_thread(_commit, effect)
    there = await asyncio.to_thread(checkout.mirror.head, branch)
    if there is not None:
        info = await asyncio.to_thread(checkout.mirror.commit_info, there)
        if info.author_email != BOT.email:
            raise ChangeRefusedError(
                f"branch {branch} in {checkout.repo} holds a commit of {info.author_name}: "
                f"delete it"
            )
    try:
        refusal = (await push(context, checkout, {branch: BranchUpdate(commit, there)}))[branch]
    except TransientGitError:
        raise
    except GitError as error:
        raise ChangeRefusedError(f"{_no_rights(effect)}: {error}") from error
    if refusal is not None and refusal.startswith("stale:"):
        raise TransientGitError(f"{checkout.repo}: {branch}: {refusal}")
    if refusal is not None:
        raise ChangeRefusedError(f"{checkout.repo} refused branch {branch}: {refusal}")


def _commit(effect: ProposeChange) -> str:
    checkout = effect.checkout
    message = words.commit_message(effect.title, effect.asked)
    return checkout.mirror.commit(
        checkout.head, effect.files, message=message, author=BOT, at=effect.asked.at
    )


async def _open(context: Context, effect: ProposeChange) -> ForgeMergeRequest:
    checkout = effect.checkout
    payload = {"name": effect.name, "asked": effect.asked.url}
    marker = context.markers.write(MARKER, checkout.repo, payload)
    try:
        return await context.forge(checkout.repo).open_merge_request(
            checkout.repo.path,
            branch=f"{BRANCHES}{effect.name}",
            target=checkout.info.default_branch,
            title=words.title(effect.title),
            body=words.body(effect.title, effect.consequences, effect.asked, marker),
        )
    except TransientForgeError:
        raise
    except ForgeError as error:
        raise ChangeRefusedError(f"{_no_rights(effect)}: {error}") from error


def _no_rights(effect: ProposeChange) -> str:
    return (
        f"the bot may not write to {effect.checkout.repo}; give it the right to push branches and "
        f"to open merge requests there, or make the change by hand"
    )
