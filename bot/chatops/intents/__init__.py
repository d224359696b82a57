"""Suggests changes of repositories that people own: one branch, one commit, one merge request.

Called by the commands that change intent; `fleet` and `app` say what is changed, and check it. The
branch's name follows from what is asked, so that a command that is repeated, delivered twice or cut
off finds what it began. Nothing here ever merges.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from bot.context import Context
from bot.effects.apply import BOT
from bot.forges import ForgeError, ForgeMergeRequest, TransientForgeError
from bot.gather.repository import Checkout
from bot.git import GitError, TransientGitError
from bot.wording import suggestions as words
from bot.wording.suggestions import Asked
from planners.gating.merge_requests import PREFIX

MARKER = "intent"
BRANCHES = f"{PREFIX}/intent/"
LONGEST_NAME = 40
DIGITS = 8
_UNFIT = re.compile(r"[^a-z0-9]+")


class NotSuggestedError(Exception):
    """The change cannot be suggested; the text says why, and what would help."""


def name_for(*parts: str) -> str:
    """A name for what these lines say, and for nothing else: words of theirs, then a digest.

    It fits into a branch and into a document, with 23 characters to spare: 40 at the most, which
    are lower-case letters, digits and `-`. The last 8 are of a SHA-256 over all parts.
    """
    digest = sha256("\n".join(parts).encode()).hexdigest()[:DIGITS]
    readable = _UNFIT.sub("-", "-".join(parts).lower()).strip("-")
    return f"{readable[: LONGEST_NAME - DIGITS - 1].rstrip('-')}-{digest}"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change of some files: `name` names it in its branch, `what` is the title.

    `follows` says what comes of it when people merge it.
    """

    name: str
    what: str
    follows: str
    changes: Mapping[str, bytes | None]

    @property
    def branch(self) -> str:
        """The branch: the same for everything that is asked of the same part of a document."""
        return f"{BRANCHES}{self.name}"


@dataclass(frozen=True, slots=True)
class _Suggesting:
    """One suggestion on its way to a repository."""

    context: Context
    checkout: Checkout
    suggestion: Suggestion
    asked: Asked

    async def known(self) -> ForgeMergeRequest | None:
        """The open merge request of the branch.

        Raises:
            NotSuggestedError: somebody else opened it.
        """
        repo, branch = self.checkout.repo, self.suggestion.branch
        forge = self.context.forge(repo)
        me = await forge.me()
        for each in await forge.merge_requests(repo.path, state="open", branch_prefix=branch):
            if each.source_branch == branch and each.source_repository == repo.path:
                if each.author.id == me.id:
                    return each
                raise NotSuggestedError(
                    f"{each.author.login} opened !{each.number} from branch {branch} in {repo}: "
                    f"close it and delete the branch"
                )
        return None

    async def push(self) -> None:
        """Let the branch hold the one commit on main as it is now.

        Raises:
            NotSuggestedError: somebody else's commit is there, or the repository refuses a push.
            TransientGitError: the server is busy, or the branch moved meanwhile.
        """
        checkout, branch = self.checkout, self.suggestion.branch
        commit = await asyncio.to_thread(self._commit)
        there = await asyncio.to_thread(checkout.mirror.head, branch)
        if there is not None:
            info = await asyncio.to_thread(checkout.mirror.commit_info, there)
            if info.author_email != BOT.email:
                raise NotSuggestedError(
                    f"branch {branch} in {checkout.repo} holds a commit of {info.author_name}: "
                    f"delete it"
                )
        url, access = await self.context.reach(checkout.repo, checkout.info)
        try:
            updates = {branch: (commit, there)}
            outcome = await asyncio.to_thread(checkout.mirror.push, url, access, updates)
        except TransientGitError:
            raise
        except GitError as error:
            raise NotSuggestedError(f"{self._no_rights}: {error}") from error
        refusal = outcome[branch]
        if refusal is not None and refusal.startswith("stale:"):
            raise TransientGitError(f"{checkout.repo}: {branch}: {refusal}")
        if refusal is not None:
            raise NotSuggestedError(f"{checkout.repo} refused branch {branch}: {refusal}")

    def _commit(self) -> str:
        checkout, changes = self.checkout, self.suggestion.changes
        message = words.commit_message(self.suggestion.what, self.asked)
        return checkout.mirror.commit(
            checkout.head, changes, message=message, author=BOT, at=self.asked.at
        )

    @property
    def _no_rights(self) -> str:
        return (
            f"the bot may not write to {self.checkout.repo}; give it the right to push branches "
            f"and to open merge requests there, or make the change by hand"
        )

    async def open(self) -> ForgeMergeRequest:
        """Open the merge request of the branch.

        Raises:
            NotSuggestedError: the forge refuses.
        """
        suggestion, checkout = self.suggestion, self.checkout
        payload = {"name": suggestion.name, "asked": self.asked.url}
        marker = self.context.markers.write(MARKER, checkout.repo, payload)
        try:
            return await self.context.forge(checkout.repo).open_merge_request(
                checkout.repo.path,
                branch=suggestion.branch,
                target=checkout.info.default_branch,
                title=words.title(suggestion.what),
                body=words.body(suggestion.what, suggestion.follows, self.asked, marker),
            )
        except TransientForgeError:
            raise
        except ForgeError as error:
            raise NotSuggestedError(f"{self._no_rights}: {error}") from error


async def suggest(
    context: Context, checkout: Checkout, suggestion: Suggestion, asked: Asked
) -> tuple[ForgeMergeRequest, bool]:
    """The merge request that suggests a change, and whether it is this comment's.

    One that is open already stays as it was asked for; where main has changed so that it cannot be
    merged any more, it is made anew.

    Raises:
        NotSuggestedError: see there.
        TransientForgeError, TransientGitError: the world is busy; the same call may work later.
    """
    work = _Suggesting(context, checkout, suggestion, asked)
    known = await work.known()
    if known is not None and not known.conflicts:
        marker = context.markers.read(MARKER, checkout.repo, known.body) or {}
        return known, marker.get("asked") == asked.url
    await work.push()
    made = known or await work.open()
    facts: dict[str, str | int | None] = {
        "branch": suggestion.branch,
        "number": made.number,
        "by": asked.by,
    }
    key = f"repository/{checkout.repo}"
    await asyncio.to_thread(context.store.audit.append, context.clock(), "suggest", key, facts)
    return made, True
