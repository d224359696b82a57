"""Merges on GitLab, directly or through a merge train if the project has them.

Sources: GitLab Docs, "Merge requests API" (merge, `detailed_merge_status`), "Merge trains API". A
plain merge would bypass the train.
"""

from typing import Any

from bot.forges import MergeOptions, NotMerged, TransientForgeError
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab.http import Http, ResponseError
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({400, 401, 403, 405, 406, 409, 422})
CHECKING = frozenset({"checking", "unchecked", "preparing", "approvals_syncing"})
UNAUTHORIZED, NOT_FOUND = 401, 404
IN_MERGE_TRAIN = NotMerged("in GitLab's merge train")


async def merge(http: Http, project: str, number: int, options: MergeOptions) -> Any | NotMerged:
    """Merge a merge request and return it as GitLab's JSON.

    Rebase or merge commit is a setting of the project. After a rejection the state is read, because
    GitLab computes asynchronously whether a merge request can be merged. 401 means that the user
    has no right to merge, unless reading it is answered with 401 too.
    """
    path, head, method = f"{project}/merge_requests/{number}", options.head, options.method
    fields: dict[str, Any] = {
        **({"squash": method is MergeMethod.SQUASH} if method else {}),
        "sha": head,
        "merge_commit_message": options.message,
        "squash_commit_message": options.message,
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
        if error.status == UNAUTHORIZED or not made.get("user", {}).get("can_merge", True):
            return _no_right(made["target_branch"])
        return NotMerged(f"rejected by GitLab: {status} ({error.message})")


def _no_right(branch: str) -> NotMerged:
    return NotMerged(
        f"rejected by GitLab: Switchyard's user is not allowed to merge into {branch}; a "
        f"maintainer can allow it in the project's settings, Repository, Protected branches"
    )


async def _add_to_train(http: Http, project: str, number: int, head: str) -> NotMerged:
    """Add it to the merge train of its target branch, unless it is in it already."""
    path = f"{project}/merge_trains/merge_requests/{number}"
    try:
        car = await http.get(path)
    except ResponseError as error:
        if error.status != NOT_FOUND:
            raise
        car = {}
    if car.get("status") not in {"idle", "fresh", "stale", "merging"}:
        await http.post(path, {"sha": head}, Urgency.MERGE)
    return IN_MERGE_TRAIN
