"""Merging on GitLab: at once, or by a merge train where the project has them.

Sources: GitLab Docs, "Merge requests API" (merge, `detailed_merge_status`), "Merge trains API". A
plain merge would go around the train.
"""

from typing import Any

from bot.forges import NotMerged, TransientForgeError
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab.http import Http, ResponseError
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({400, 405, 406, 409, 422})
CHECKING = frozenset({"checking", "unchecked", "preparing", "approvals_syncing"})
GONE = 404
IN_MERGE_TRAIN = NotMerged("in GitLab's merge train")


async def merge(
    http: Http, project: str, number: int, what: tuple[str, str, MergeMethod | None]
) -> Any | NotMerged:
    """Merge `what` (head, message, method): the merged merge request in GitLab's JSON.

    Whether GitLab rebases or makes a merge commit is the project's own setting. What it refuses is
    looked at again: it works out asynchronously whether a merge request can be merged.
    """
    path, (head, message, method) = f"{project}/merge_requests/{number}", what
    fields: dict[str, Any] = {
        **({"squash": method is MergeMethod.SQUASH} if method else {}),
        "sha": head,
        "merge_commit_message": message,
        "squash_commit_message": message,
        "should_remove_source_branch": True,
    }
    try:
        if (await http.get(project)).get("merge_trains_enabled"):
            return await _add_to_train(http, project, number, head)
        return await http.put(f"{path}/merge", fields, Urgency.MERGE)
    except ResponseError as error:
        if error.status not in REREAD_STATUSES:
            raise
        made = await http.get(path)
        status = str(made.get("detailed_merge_status", "unknown"))
        if made["state"] == "merged" and made["sha"] == head:
            return made
        if made["state"] != "merged" and status in CHECKING:
            raise TransientForgeError(f"GitLab is still checking !{number} ({status})") from None
        return NotMerged(f"GitLab says {status} ({error.words})")


async def _add_to_train(http: Http, project: str, number: int, head: str) -> NotMerged:
    """Add it to the train of its target branch, unless it is aboard already."""
    path = f"{project}/merge_trains/merge_requests/{number}"
    try:
        car = await http.get(path)
    except ResponseError as error:
        if error.status != GONE:
            raise
        car = {}
    if car.get("status") not in {"idle", "fresh", "stale", "merging"}:
        await http.post(path, {"sha": head}, Urgency.MERGE)
    return IN_MERGE_TRAIN
