"""The bot's one comment of a kind on a merge request: found by its marker, edited in place."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from bot.context import Context
from bot.effects.model import AddComment, EditComment, Effect, Pace
from bot.forges import Comment
from planners.model import Repo


@dataclass(frozen=True, slots=True)
class OwnComment:
    """The bot's comment, and the payload of its marker.

    `others` are later ones: a process that stood still for longer than its lease, or that read a
    list that is behind, may have added one.
    """

    comment: Comment
    payload: Mapping[str, str]
    others: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnCommentPlace:
    """Where a comment with a marker of this kind belongs; `fits` tells by its payload."""

    repo: Repo
    number: int
    marker: str
    fits: Callable[[Mapping[str, str]], bool] = lambda _: True

    async def find(self, context: Context, comments: Iterable[Comment]) -> OwnComment | None:
        """The comment that is there; read again where none is: lists of a forge may be behind."""
        found = await self._among(context, comments)
        if found is None:
            now = await context.forge(self.repo).comments(self.repo.path, self.number)
            found = await self._among(context, now)
        return found

    async def _among(self, context: Context, comments: Iterable[Comment]) -> OwnComment | None:
        me = await context.forge(self.repo).me()
        found: list[OwnComment] = []
        for each in comments:
            payload = context.markers.read(self.marker, self.repo, each.body)
            if each.author.id == me.id and payload is not None and self.fits(payload):
                found.append(OwnComment(each, payload))
        if not found:
            return None
        return replace(found[0], others=tuple(each.comment for each in found[1:]))

    def write(
        self, ours: OwnComment | None, text: str, superseded: str, pace: Pace | None = None
    ) -> tuple[Effect, ...]:
        """Edit the comment, or add it where there is none; nothing where it says so already.

        Others say that they are `superseded`.
        """
        if ours is None:
            return (AddComment(self.repo, self.number, text),)
        others = [EditComment(self.repo, self.number, e.id, superseded) for e in ours.others]
        if ours.comment.body == text:
            return tuple(others)
        return (EditComment(self.repo, self.number, ours.comment.id, text, pace), *others)
