"""Answers to comments: reactions, and comments of the bot's own, each made once.

A signed marker says what a reply answers, so that it is found again after any crash. Used by
`obey` and `over`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import structlog

from bot.context import Context
from bot.forges import Comment, ForgeError, Reaction, TransientForgeError
from bot.wording.markdown import code
from planners.model import Repo

MARKER = "reply"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """A comment that is answered, and what of it: `said` names the line, `about` who answers.

    One that is `edited` reads other than its author wrote it.
    """

    repo: Repo
    number: int
    comment: Comment
    said: str
    about: str = ""
    edited: bool = False

    @property
    def text(self) -> str:
        """A digest of what its author wrote; empty where that is not known."""
        return "" if self.edited else text_of(self.comment)

    @property
    def marker(self) -> dict[str, str]:
        """The payload of the reply's marker."""
        return {"to": str(self.comment.id), "said": self.said, "about": self.about}


def text_of(comment: Comment) -> str:
    """A digest of what a comment says."""
    return sha256(comment.body.encode()).hexdigest()[:16]


def answered(
    context: Context, repo: Repo, ours: Iterable[Comment], application: str
) -> list[tuple[str, str]]:
    """What comments of our own answer, for an application or for any: comment and words."""
    first = (each.body.partition("\n")[0] for each in ours)
    found = (context.markers.read(MARKER, repo, each) for each in first)
    return [
        (each["to"], each["said"]) for each in found if each and each["about"] in {"", application}
    ]


async def replied(context: Context, question: Question) -> bool:
    """Whether there is a reply, as the forge has it now."""
    repo = question.repo
    forge = context.forge(repo)
    me = await forge.me()
    return any(
        context.markers.read(MARKER, repo, each.body.partition("\n")[0]) == question.marker
        for each in await forge.comments(repo.path, question.number)
        if each.author.id == me.id
    )


async def reply(context: Context, question: Question, words: str) -> None:
    """Say something in a comment of our own, unless that was said already."""
    if await replied(context, question):
        return
    repo, to = question.repo, code(question.comment.author.login)
    about = f", about {code(question.about)}" if question.about else ""
    text = f"{context.markers.write(MARKER, repo, question.marker)}\nTo {to}{about}:\n\n{words}"
    await context.forge(repo).add_comment(repo.path, question.number, text)


async def react(
    context: Context, repo: Repo, number: int, comment: int, reaction: Reaction
) -> bool:
    """Put a reaction under a comment, once; False where it is worth another try.

    Nothing waits for a reaction: a forge that is busy, or a comment that is gone, holds up nothing.
    """
    if is_there(context, repo, number, comment, reaction):
        return True
    try:
        await context.forge(repo).react(repo.path, number, comment, reaction)
    except ForgeError as error:
        log.warning("no reaction", repository=str(repo), number=number, error=str(error))
        if isinstance(error, TransientForgeError):
            return False
    context.written[_key(repo, number, comment, reaction)] = reaction.value
    return True


def is_there(context: Context, repo: Repo, number: int, comment: int, reaction: Reaction) -> bool:
    """Whether this process put it there."""
    return _key(repo, number, comment, reaction) in context.written


def _key(repo: Repo, number: int, comment: int, reaction: Reaction) -> tuple[str, ...]:
    return "reaction", str(repo), str(number), str(comment), reaction.value
