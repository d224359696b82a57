"""Merges on GitLab, directly or through a merge train if the project has them.

Sources: GitLab Docs, "Merge requests API" (merge, `detailed_merge_status`), "Squash and merge"
(a project can require or forbid it), "Merge trains API". A plain merge would bypass the train.
"""

from typing import Any

from bot.forges import MergeOptions, NotMerged, TransientForgeError
from bot.forges._rate_budget import Urgency
from bot.forges.gitlab.http import Http, ResponseError
from bot.forges.gitlab.merge_status import CHECKING, meaning
from planners.model import MergeMethod

REREAD_STATUSES = frozenset({400, 401, 403, 405, 406, 409, 422})
UNAUTHORIZED, NOT_FOUND = 401, 404
IN_MERGE_TRAIN = NotMerged("in GitLab's merge train")


async def merge(http: Http, project: str, number: int, options: MergeOptions) -> Any | NotMerged:
    """Merge a merge request and return it as GitLab's JSON.

    Rebase or merge commit is a setting of the project. After a rejection the state is read, because
    GitLab computes asynchronously whether a merge request can be merged. 401 means that the user
    has no right to merge, unless reading it is answered with 401 too.
    """
    path, head = f"{project}/merge_requests/{number}", options.head
    fields: dict[str, Any] = {
        "sha": head,
        "merge_commit_message": options.message,
        "squash_commit_message": options.message,
        "should_remove_source_branch": True,
    }
    try:
        settings = await http.get(project)
        squash = _squash(settings.get("squash_option"), options.method)
        if settings.get("merge_trains_enabled"):
            return await _add_to_train(http, project, number, {"sha": head, **squash})
        fields |= squash
        return await http.put(f"{path}/merge", fields, Urgency.MERGE)
    except ResponseError as error:
        if error.status not in REREAD_STATUSES:
            raise
        made = await http.get(path)
        status = str(made.get("detailed_merge_status", "unknown"))
        if made["state"] == "merged" and made["sha"] == head:
            return made
        if made["state"] != "merged" and made["sha"] != head:
            return NotMerged(f"rejected by GitLab: its head is {made['sha'][:8]}, not {head[:8]}")
        if made["state"] != "merged" and status in CHECKING:
            raise TransientForgeError(f"GitLab is still checking !{number} ({status})") from None
        if error.status == UNAUTHORIZED or not made.get("user", {}).get("can_merge", True):
            return _no_right(made["target_branch"])
        why = meaning(status) or made.get("merge_error") or error.message
        return NotMerged(f"rejected by GitLab: {status} ({why})")


def _squash(setting: str | None, method: MergeMethod | None) -> dict[str, bool]:
    """Whether to squash: the project's setting decides where it leaves no choice."""
    if setting in {"always", "never"}:
        return {"squash": setting == "always"}
    return {"squash": method is MergeMethod.SQUASH} if method else {}


def _no_right(branch: str) -> NotMerged:
    return NotMerged(
        f"rejected by GitLab: Switchyard's user is not allowed to merge into {branch}; a "
        f"maintainer can allow it in the project's settings, Repository, Protected branches"
    )


async def _add_to_train(
    http: Http, project: str, number: int, fields: dict[str, str | bool]
) -> NotMerged:
    """Add it to the merge train of its target branch, unless it is in it already."""
    path = f"{project}/merge_trains/merge_requests/{number}"
    try:
        car = await http.get(path)
    except ResponseError as error:
        if error.status != NOT_FOUND:
            raise
        car = {}
    if car.get("status") not in {"idle", "fresh", "stale", "merging"}:
        await http.post(path, fields, Urgency.MERGE)
    return IN_MERGE_TRAIN
