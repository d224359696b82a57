"""What hinders a merge, by GitLab's `detailed_merge_status`, and who clears it.

Source: GitLab Docs, "Merge requests API" (merge status); the mergeability checks below
app/services/merge_requests/mergeability.
"""

CHECKING = frozenset({"checking", "unchecked", "preparing", "approvals_syncing"})
NEED_REBASE = "need_rebase"
_MEANING = {
    "ci_must_pass": "its head pipeline has not succeeded; whoever owns the failed job mends it",
    "ci_still_running": "its head pipeline is still running",
    "commits_status": "its source branch is gone or has no commits",
    "conflict": "it conflicts with the target branch",
    "discussions_not_resolved": "threads are not resolved; those who take part resolve them",
    "draft_status": "it is marked as a draft; whoever marked it marks it as ready",
    "jira_association_missing": "it names no Jira issue, which the project's maintainers require",
    "locked_lfs_files": "somebody locked files of it in LFS; they unlock them",
    "locked_paths": "somebody locked paths of it; they unlock them",
    "merge_request_blocked": "another merge request blocks it; that one is merged first",
    "merge_time": "it may not be merged before the time that somebody set in it",
    NEED_REBASE: "the target branch has moved, and the project wants it rebased first",
    "not_approved": "approvals that the project requires are missing; its approvers give them",
    "not_open": "it is not open any more",
    "requested_changes": "a reviewer requested changes; they approve it or withdraw the request",
    "security_policy_pipeline_check": "a pipeline of a security policy has not succeeded",
    "security_policy_violations": "it violates a security policy; that policy's approvers clear it",
    "status_checks_must_pass": "an external status check of the project has not passed",
    "title_regex": "its title does not match the pattern that the project's maintainers set",
}


def meaning(status: str) -> str:
    """A clause; empty for a status that is not known here."""
    return _MEANING.get(status, "")
