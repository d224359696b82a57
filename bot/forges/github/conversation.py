"""Comments on GitHub: those of the conversation, the texts of reviews, and inline review comments.

Sources: GitHub Docs, "REST API endpoints for issue comments", "... for pull request reviews", "...
for pull request review comments", "... for reactions"; GraphQL `Comment.lastEditedAt` and
`addReaction`. The three kinds have ids of their own, so that those of the second and the third are
told apart by the sign here. REST tells neither whether a review's text was edited nor reacts to it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.forges import Comment, Reaction
from bot.forges._rate_budget import Urgency
from bot.forges.github import parsing
from bot.forges.github.http import Http

EDITED = """query($ids: [ID!]!) {
  nodes(ids: $ids) { ... on PullRequestReview { id lastEditedAt } }
}"""
REACT = """mutation($id: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $id, content: $content}) { reaction { content } }
}"""
MOST_NODES = 100
MAX_KNOWN = 2_000

Json = Mapping[str, Any]


def review_id(number: int) -> int:
    """The id of a review's text among all comments."""
    return -2 * number


def inline_id(number: int) -> int:
    """The id of an inline review comment among all comments."""
    return -2 * number - 1


@dataclass(slots=True)
class Conversations:
    """Reads and writes the comments of pull requests.

    `_edited` remembers of each text of a review, by node id and text, whether it was edited.
    """

    http: Http
    _edited: OrderedDict[tuple[str, str], bool] = field(default_factory=OrderedDict)

    async def read(self, repository: str, number: int) -> tuple[Comment, ...]:
        """All comments, oldest first. The pull request tells which kinds there are none of.

        It was read before in most passes, so that GitHub answers "not modified" and counts nothing.
        """
        path = f"/repos/{repository}"
        pull = await self.http.get(repository, f"{path}/pulls/{number}")
        issues, inline = [], []
        if pull.get("comments") != 0:
            issues = await self.http.pages(repository, f"{path}/issues/{number}/comments")
        reviews = await self.http.pages(repository, f"{path}/pulls/{number}/reviews")
        if pull.get("review_comments") != 0:
            inline = await self.http.pages(repository, f"{path}/pulls/{number}/comments")
        found = [parsing.comment(each) for each in issues]
        found += await self._reviews(repository, reviews)
        found += [_inline(each) for each in inline]
        return tuple(sorted(found, key=lambda each: each.created_at))

    async def _reviews(self, repository: str, reviews: Iterable[Json]) -> list[Comment]:
        """The texts of submitted reviews."""
        told = [each for each in reviews if each.get("body") and each.get("submitted_at")]
        edited = await self._are_edited(repository, told)
        return [
            Comment(
                id=review_id(each["id"]),
                author=parsing.user(each["user"]),
                body=each["body"],
                created_at=parsing.moment(each["submitted_at"]),
                edited=edited[_key(each)],
                anchor=f"pullrequestreview-{each['id']}",
            )
            for each in told
        ]

    async def _are_edited(
        self, repository: str, reviews: Sequence[Json]
    ) -> Mapping[tuple[str, str], bool]:
        """Whether each text is other than it was submitted; a text is asked about once."""
        found = {_key(each): self._edited.get(_key(each)) for each in reviews}
        unknown = [key for key, edited in found.items() if edited is None]
        for start in range(0, len(unknown), MOST_NODES):
            some = unknown[start : start + MOST_NODES]
            at = await self._edit_times(repository, [node for node, _ in some])
            for key in some:
                self._edited[key] = at[key[0]] is not None
        while len(self._edited) > max(MAX_KNOWN, len(found)):
            self._edited.popitem(last=False)
        return {key: self._edited[key] for key in found}

    async def _edit_times(self, repository: str, nodes: Sequence[str]) -> Mapping[str, str | None]:
        """When each review was edited last; one that is gone meanwhile counts as edited."""
        data = await self.http.graphql(repository, EDITED, {"ids": nodes})
        known = {each["id"]: each["lastEditedAt"] for each in data["nodes"] if each}
        return {node: known.get(node, "gone") for node in nodes}

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """Add a reaction; GitHub accepts one that exists already."""
        if comment < 0 and not comment % 2:
            path = f"/repos/{repository}/pulls/{number}/reviews/{-comment // 2}"
            node = (await self.http.get(repository, path))["node_id"]
            content = reaction.value.upper()
            await self.http.graphql(
                repository, REACT, {"id": node, "content": content}, Urgency.REACTION
            )
            return
        kind, which = ("issues", comment) if comment > 0 else ("pulls", (-comment - 1) // 2)
        path = f"/repos/{repository}/{kind}/comments/{which}/reactions"
        await self.http.send(
            "POST", repository, path, {"content": reaction.value}, Urgency.REACTION
        )


def _key(review: Json) -> tuple[str, str]:
    return review["node_id"], review["body"]


def _inline(found: Json) -> Comment:
    return Comment(
        id=inline_id(found["id"]),
        author=parsing.user(found["user"]),
        body=found["body"] or "",
        created_at=parsing.moment(found["created_at"]),
        edited=found["updated_at"] != found["created_at"],
        anchor=f"discussion_r{found['id']}",
    )
