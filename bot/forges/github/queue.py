"""GitHub's merge queue, which has GraphQL only.

Source: GitHub Docs, GraphQL "Mutations", `enqueuePullRequest` (with `expectedHeadOid`).
"""

from bot.forges import NotMerged
from bot.forges.github.http import AnsweredError, Http

MUTATION = """mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { position }
  }
}"""


async def enqueue(http: Http, repository: str, node: str, head: str) -> NotMerged:
    """Put a pull request in the queue if its head is still `head`; it is merged later, or not."""
    fields = {"query": MUTATION, "variables": {"id": node, "head": head}}
    try:
        answer = await http.graphql(repository, fields)
    except AnsweredError as error:
        return NotMerged(str(error))
    errors = answer.get("errors") or []
    if any("already" in str(each.get("message", "")).lower() for each in errors):
        return NotMerged("in GitHub's merge queue")
    if errors:
        return NotMerged(f"GitHub's merge queue refuses it: {errors[0].get('message', '')}"[:300])
    entry = (answer.get("data") or {}).get("enqueuePullRequest") or {}
    position = (entry.get("mergeQueueEntry") or {}).get("position")
    return NotMerged(f"in GitHub's merge queue, at place {position}")
