"""Opens merge requests in repositories that people own: one branch, one commit, never merged here.

The branch's name follows from what is requested: a command that is repeated, delivered twice or
interrupted finds what it began.
"""

import asyncio
from dataclasses import dataclass

from bot.context import Context
from bot.effects.model import ProposeChange
from bot.effects.push import BOT, push
from bot.forges import ForgeError, ForgeMergeRequest, TransientForgeError
from bot.git import BranchUpdate, GitError, TransientGitError
from bot.store.audit import AuditEntry
from bot.wording import suggestions as words
from bot.wording.prose import Prose, ProseError, say
from planners.gating.merge_requests import PREFIX

MARKER = "intent"
BRANCHES = f"{PREFIX}/intent/"


class ChangeRefusedError(ProseError):
    """The change cannot be proposed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """The merge request of a change; `is_new` if this very comment requested it."""

    request: ForgeMergeRequest
    is_new: bool


async def propose_change(context: Context, effect: ProposeChange) -> ProposedChange:
    """Open the merge request of a change, or find the open one.

    An open one stays as it was requested; where main has changed so that it cannot be merged any
    more, its branch is made again.

    Raises:
        ChangeRefusedError: somebody else has the branch, or the forge refuses.
        TransientForgeError, TransientGitError: the same call may work later.
    """
    checkout, origin = effect.checkout, effect.origin
    known = await _open_request(context, effect)
    if known is not None and not known.conflicts:
        marker = context.markers.read(MARKER, checkout.repo, known.body) or {}
        return ProposedChange(known, marker.get("asked") == origin.url)
    await _push(context, effect)
    request = known or await _open(context, effect)
    facts: dict[str, str | int | None] = {
        "branch": f"{BRANCHES}{effect.name}",
        "number": request.number,
        "by": origin.by,
    }
    key = f"repository/{checkout.repo}"
    entry = AuditEntry(context.clock(), "suggest", key, facts)
    await asyncio.to_thread(context.store.audit.append, entry)
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
                say(
                    f"{{}} opened merge request {each.number} from branch {{}} in {{}}: close it "
                    "and delete the branch",
                    each.author.login,
                    branch,
                    str(repo),
                )
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
                say(
                    "branch {} in {} has a commit by {}: delete the branch",
                    branch,
                    str(checkout.repo),
                    info.author_name,
                )
            )
    try:
        refusal = (await push(context, checkout, {branch: BranchUpdate(commit, there)}))[branch]
    except TransientGitError:
        raise
    except GitError as error:
        raise ChangeRefusedError(say("{}: {}", _no_rights(effect), str(error))) from error
    if refusal is not None and refusal.startswith("stale:"):
        raise TransientGitError(f"{checkout.repo}: {branch}: {refusal}")
    if refusal is not None:
        text = "{} refused branch {}: {}"
        raise ChangeRefusedError(say(text, str(checkout.repo), branch, refusal))


def _commit(effect: ProposeChange) -> str:
    checkout = effect.checkout
    message = words.commit_message(effect.title, effect.origin)
    return checkout.mirror.commit(
        checkout.head, effect.files, message=message, author=BOT, at=effect.origin.at
    )


async def _open(context: Context, effect: ProposeChange) -> ForgeMergeRequest:
    checkout = effect.checkout
    payload = {"name": effect.name, "asked": effect.origin.url}
    marker = context.markers.write(MARKER, checkout.repo, payload)
    try:
        return await context.forge(checkout.repo).open_merge_request(
            checkout.repo.path,
            branch=f"{BRANCHES}{effect.name}",
            target=checkout.info.default_branch,
            title=words.title(effect.title),
            body=words.body(effect.title, effect.consequences, effect.origin, marker),
        )
    except TransientForgeError:
        raise
    except ForgeError as error:
        raise ChangeRefusedError(say("{}: {}", _no_rights(effect), str(error))) from error


def _no_rights(effect: ProposeChange) -> Prose:
    return say(
        "the bot has no write access to {}; allow it to push branches and open merge requests "
        "there, or make the change yourself",
        str(effect.checkout.repo),
    )
