"""Merges on GitHub, directly or through its merge queue.

Sources: GitHub Docs, "Merge a pull request"; GraphQL "Mutations", `enqueuePullRequest` (with
`expectedHeadOid`); "Managing a merge queue" (`gh-readonly-queue/<base>/pr-<number>-<commit>`);
"Available rules for rulesets" (allowed methods, linear history). The linear history that a branch
protection requires is visible to admins only; it shows when a merge commit is rejected.
"""

import re
from collections.abc import Mapping

from bot.forges import Merged, MergeOptions, NotMerged
from bot.forges._rate_budget import Urgency
from bot.forges.github.http import GraphQLError, Http, ResponseError
from bot.forges.github.rules import rules_of
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({403, 405, 409, 422})
METHODS = {
    MergeMethod.MERGE: "allow_merge_commit",
    MergeMethod.SQUASH: "allow_squash_merge",
    MergeMethod.REBASE: "allow_rebase_merge",
}
METHOD_REJECTED = re.compile(
    r"must not contain merge commits|(commits|merges) are not allowed|merge method", re.IGNORECASE
)
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
    """Merge a pull request, by the first method that GitHub allows if none is given.

    After a rejection the state is read: it may be merged already, or require the merge queue.
    """
    methods = [options.method] if options.method else await _allowed(http, repository)
    outcome: Merged | NotMerged = NotMerged(
        "no merge method is allowed by both the repository's settings and its rulesets: an admin "
        "of the repository can allow one"
    )
    for method in methods:
        try:
            return await _merge(http, repository, number, options, method)
        except ResponseError as error:
            if error.status not in REREAD_STATUSES:
                raise
            outcome = await _after_rejection(http, repository, number, options.head, error)
            if not METHOD_REJECTED.search(error.message):
                break
    return outcome


async def _merge(
    http: Http, repository: str, number: int, options: MergeOptions, method: MergeMethod
) -> Merged:
    title, _, rest = options.message.partition("\n")
    fields = {
        "sha": options.head,
        "merge_method": method.value,
        "commit_title": title,
        "commit_message": rest.strip(),
    }
    path = f"/repos/{repository}/pulls/{number}/merge"
    return Merged((await http.send("PUT", repository, path, fields, Urgency.MERGE))["sha"])


async def _allowed(http: Http, repository: str) -> list[MergeMethod]:
    """The methods allowed by the repository's settings and by the rulesets of its main branch."""
    info = await http.get(repository, f"/repos/{repository}")
    allowed = [method for method, field in METHODS.items() if info.get(field, True)]
    for rule in await rules_of(http, repository, info["default_branch"]):
        named = (rule.get("parameters") or {}).get("allowed_merge_methods")
        if named is not None:
            allowed = [method for method in allowed if method.value in named]
        if rule["type"] == "required_linear_history":
            allowed = [method for method in allowed if method is not MergeMethod.MERGE]
    return allowed


async def _after_rejection(
    http: Http, repository: str, number: int, head: str, error: ResponseError
) -> Merged | NotMerged:
    now = await http.get(repository, f"/repos/{repository}/pulls/{number}")
    if now.get("merged_at") and now["head"]["sha"] == head:
        return Merged(now["merge_commit_sha"])
    if "merge queue" in str(error).lower():
        return await enqueue(http, repository, now["node_id"], head)
    return NotMerged(f"rejected by GitHub: {error.message}")


async def enqueue(http: Http, repository: str, node: str, head: str) -> NotMerged:
    """Add a pull request to the merge queue if its head is still `head`."""
    variables = {"id": node, "head": head}
    try:
        data = await http.graphql(repository, MUTATION, variables, Urgency.MERGE)
    except ResponseError as error:
        return NotMerged(f"rejected by GitHub: {error.message}")
    except GraphQLError as error:
        if "already" in str(error).lower():
            return NotMerged("in GitHub's merge queue")
        return NotMerged(f"rejected by GitHub's merge queue: {error}")
    entry = (data.get("enqueuePullRequest") or {}).get("mergeQueueEntry") or {}
    return NotMerged(f"in GitHub's merge queue, position {entry.get('position')}")
