"""Merges on GitHub, directly or through its merge queue.

Sources: GitHub Docs, "Merge a pull request"; GraphQL "Mutations", `enqueuePullRequest` (with
`expectedHeadOid`); "Managing a merge queue" (`gh-readonly-queue/<base>/pr-<number>-<commit>`).
"""

import re
from collections.abc import Mapping

from bot.forges import Merged, MergeOptions, NotMerged
from bot.forges._rate_budget import Urgency
from bot.forges.github.http import Http, ResponseError
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({403, 405, 409, 422})
METHODS = (("merge", "allow_merge_commit"), ("squash", "allow_squash_merge"))
QUEUE_BRANCH = re.compile(r"gh-readonly-queue/.+/pr-(\d{1,9})-[0-9a-f]+")
MUTATION = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { position }
  }
}"""


def merge_queue_commits(branches: Mapping[str, str]) -> dict[int, tuple[str, ...]]:
    """The queue's commits by pull request; required statuses must be set on them too."""
    found: dict[int, tuple[str, ...]] = {}
    for name, head in sorted(branches.items()):
        matched = QUEUE_BRANCH.fullmatch(name)
        if matched:
            number = int(matched[1])
            found[number] = (*found.get(number, ()), head)
    return found


async def merge(
    http: Http, repository: str, number: int, options: MergeOptions
) -> Merged | NotMerged:
    """Merge a pull request; the default method is the first that the repository allows.

    After a rejection the state is read: it may be merged already, or require the merge queue.
    """
    head, method = options.head, options.method
    title, _, rest = options.message.partition("\n")
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
        return NotMerged(f"rejected by GitHub: {error.message}")
    return Merged(made["sha"])


async def enqueue(http: Http, repository: str, node: str, head: str) -> NotMerged:
    """Add a pull request to the merge queue if its head is still `head`."""
    fields = {"query": MUTATION, "variables": {"id": node, "head": head}}
    try:
        response = await http.graphql(repository, fields)
    except ResponseError as error:
        return NotMerged(f"rejected by GitHub: {error.message}")
    errors = response.get("errors") or []
    if any("already" in str(each.get("message", "")).lower() for each in errors):
        return NotMerged("in GitHub's merge queue")
    if errors:
        return NotMerged(f"rejected by GitHub's merge queue: {errors[0].get('message', '')}"[:300])
    entry = (response.get("data") or {}).get("enqueuePullRequest") or {}
    position = (entry.get("mergeQueueEntry") or {}).get("position")
    return NotMerged(f"in GitHub's merge queue, position {position}")
