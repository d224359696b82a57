"""Merging on GitHub: at once, or by its merge queue, which tries merge requests on branches.

Sources: GitHub Docs, "Merge a pull request"; GraphQL "Mutations", `enqueuePullRequest` (with
`expectedHeadOid`); "Managing a merge queue" (`gh-readonly-queue/<base>/pr-<number>-<commit>`).
"""

import re
from collections.abc import Mapping

from bot.forges import Merged, NotMerged
from bot.forges._rate_budget import Urgency
from bot.forges.github.http import Http, ResponseError
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({405, 409, 422})
METHODS = (("merge", "allow_merge_commit"), ("squash", "allow_squash_merge"))
BRANCH = re.compile(r"gh-readonly-queue/.+/pr-(\d{1,9})-[0-9a-f]+")
MUTATION = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { position }
  }
}"""


def merge_queue_commits(branches: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    """Each pull request's commits in the queue: a required status must be reported on them too."""
    found: dict[int, tuple[str, ...]] = {}
    for name, head in sorted(branches.items()):
        matched = BRANCH.fullmatch(name)
        if matched:
            number = int(matched[1])
            found[number] = (*found.get(number, ()), head)
    return found


async def merge(
    http: Http, repository: str, number: int, what: tuple[str, str, MergeMethod | None]
) -> Merged | NotMerged:
    """Merge `what` (head, message, method); without a method, by the first that is allowed.

    A refusal is looked into: it may be merged already, or the branch may want a queue.
    """
    head, message, method = what
    title, _, rest = message.partition("\n")
    if method is None:
        info = await http.get(repository, f"/repos/{repository}")
        allowed = (name for name, field in METHODS if info.get(field, True))
        method = MergeMethod(next(allowed, "rebase"))
    fields = {
        "sha": head,
        "merge_method": method.value,
        "commit_title": title,
        "commit_message": rest.strip(),
    }
    path = f"/repos/{repository}/pulls/{number}"
    try:
        made = await http.send("PUT", repository, f"{path}/merge", fields, Urgency.MERGE)
    except ResponseError as error:
        if error.status not in REREAD_STATUSES:
            raise
        now = await http.get(repository, path)
        if now.get("merged_at") and now["head"]["sha"] == head:
            return Merged(now["merge_commit_sha"])
        if "merge queue" in str(error).lower():
            return await enqueue(http, repository, now["node_id"], head)
        return NotMerged(f"GitHub says: {error.words}")
    return Merged(made["sha"])


async def enqueue(http: Http, repository: str, node: str, head: str) -> NotMerged:
    """Put a pull request in the queue if its head is still `head`; it is merged later, or not."""
    fields = {"query": MUTATION, "variables": {"id": node, "head": head}}
    try:
        answer = await http.graphql(repository, fields)
    except ResponseError as error:
        return NotMerged(f"GitHub says: {error.words}")
    errors = answer.get("errors") or []
    if any("already" in str(each.get("message", "")).lower() for each in errors):
        return NotMerged("in GitHub's merge queue")
    if errors:
        return NotMerged(f"GitHub's merge queue refuses it: {errors[0].get('message', '')}"[:300])
    entry = (answer.get("data") or {}).get("enqueuePullRequest") or {}
    position = (entry.get("mergeQueueEntry") or {}).get("position")
    return NotMerged(f"in GitHub's merge queue, at place {position}")
