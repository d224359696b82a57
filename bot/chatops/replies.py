"""Which command lines have replies: told by signed markers in the bot's own comments."""

from collections.abc import Iterable
from hashlib import sha256

from bot.context import Context
from bot.effects.perform import REPLY
from bot.forges import Comment
from planners.model import Repo


def text_digest(comment: Comment) -> str:
    """A digest of what a comment says."""
    return sha256(comment.body.encode()).hexdigest()[:16]


def answered(
    context: Context, repo: Repo, ours: Iterable[Comment], application: str
) -> list[tuple[str, str]]:
    """What comments of the bot reply to, for an application or for any.

    Returns the comment's id and the digest of the command line, of each.
    """
    found = (context.markers.read(REPLY, repo, each.body) for each in ours)
    return [
        (each["to"], each["said"]) for each in found if each and each["about"] in {"", application}
    ]
