"""The local forge's records in GitLab's JSON."""

from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.forge.merging import conflicts
from bot.sandbox.forge.records import Comment, MergeRequest, User
from bot.sandbox.forge.state import ForgeState
from tests.fakes.gitlab.pipelines import Job, Pipeline
from tests.fakes.gitlab.projects import BEGINNING, number, stamp

Json = dict[str, Any]
STATES = {"open": "opened"}
STATUSES = {"failure": "failed"}


def user(found: User, web: str) -> Json:
    return {
        "id": found.id,
        "username": found.login,
        "public_email": None,
        "name": found.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{web}/{found.login}",
    }


def me(found: User, web: str) -> Json:
    """What is told to the user alone."""
    said = ("bio", "location", "linkedin", "twitter", "website_url", "organization", "job_title")
    return {
        **user(found, web),
        **dict.fromkeys((*said, "pronouns"), ""),
        "work_information": None,
        "created_at": BEGINNING,
        "bot": found.bot,
        "email": found.email,
        "commit_email": found.email,
        "confirmed_at": BEGINNING,
        **dict.fromkeys(("last_sign_in_at", "last_activity_on", "current_sign_in_at")),
        "theme_id": 3,
        "color_scheme_id": 1,
        "projects_limit": 100_000,
        "identities": [],
        "can_create_group": False,
        "can_create_project": False,
        "two_factor_enabled": False,
        "external": False,
        "private_profile": False,
    }


def time(text: str) -> str:
    return stamp(datetime.fromisoformat(text))


def request(forge: ForgeState, found: MergeRequest, web: str) -> Json:
    """A merge request as in lists."""
    return {
        "id": found.number,
        "iid": found.number,
        "project_id": number(found.repository),
        "title": found.title,
        "description": found.body,
        "state": STATES.get(found.state, found.state),
        "created_at": time(found.created_at),
        "updated_at": time(found.updated_at),
        "prepared_at": time(found.created_at),
        "target_branch": found.target,
        "source_branch": found.source,
        "source_project_id": number(found.repository),
        "target_project_id": number(found.repository),
        "labels": list(found.labels),
        "user_notes_count": len(found.comments),
        "sha": found.head,
        "reference": f"!{found.number}",
        "references": {
            "short": f"!{found.number}",
            "relative": f"!{found.number}",
            "full": f"{found.repository}!{found.number}",
        },
        "web_url": f"{web}/{found.repository}/-/merge_requests/{found.number}",
        **_unused(),
        **_people(forge, found, web),
        **_merging(forge, found),
    }


def _unused() -> Json:
    """What neither the bot nor its people use, as GitLab tells it when it is not used."""
    return {
        "upvotes": 0,
        "downvotes": 0,
        "draft": False,
        "work_in_progress": False,
        "imported": False,
        "imported_from": "none",
        "milestone": None,
        "discussion_locked": None,
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "task_completion_status": {"count": 0, "completed_count": 0},
        "blocking_discussions_resolved": True,
    }


def _people(forge: ForgeState, found: MergeRequest, web: str) -> Json:
    def known(login: str | None) -> Json | None:
        return user(forge.users[login], web) if login else None

    return {
        "author": known(found.author),
        "assignee": None,
        "assignees": [],
        "reviewers": [],
        "merged_by": known(found.merged_by),
        "merge_user": known(found.merged_by),
        "merged_at": _last(found, "merged"),
        "closed_by": known(found.closed_by),
        "closed_at": _last(found, "closed") if found.closed_by else None,
    }


def _last(found: MergeRequest, action: str) -> str | None:
    times = [time(each.at) for each in found.events if each.action == action]
    return times[-1] if times else None


def _merging(forge: ForgeState, found: MergeRequest) -> Json:
    conflicting = conflicts(forge, found)
    return {
        "merge_when_pipeline_succeeds": False,
        "merge_status": "cannot_be_merged" if conflicting else "can_be_merged",
        "detailed_merge_status": "unchecked",
        "has_conflicts": conflicting,
        "merge_after": None,
        "merge_commit_sha": found.merge_sha if found.state == "merged" else None,
        "squash_commit_sha": None,
        "squash": False,
        "squash_on_merge": False,
        "should_remove_source_branch": None,
        "force_remove_source_branch": forge.repository(found.repository).delete_merged_branches,
    }


def details(found: MergeRequest, version: Json, asking: User) -> Json:
    """What a single merge request has besides, at its newest version."""
    return {
        "subscribed": asking.login == found.author,
        "changes_count": version["real_size"],
        "diff_refs": {
            "base_sha": version["base_commit_sha"],
            "head_sha": version["head_commit_sha"],
            "start_sha": version["start_commit_sha"],
        },
        "merge_error": None,
    }


def version(forge: ForgeState, found: MergeRequest, which: int, at: datetime) -> Json:
    """A version of what a merge request changes, on its target as it is now."""
    path = found.repository
    onto = forge.git.head(path, found.target) if found.state == "open" else None
    start = onto or found.base
    base = str(forge.git.open(path).merge_base(start, found.head) or start)
    return {
        "id": which,
        "head_commit_sha": found.head,
        "base_commit_sha": base,
        "start_commit_sha": start,
        "created_at": stamp(at),
        "merge_request_id": found.number,
        "state": "collected",
        "real_size": str(forge.git.diff(path, base, found.head).total),
        "patch_id_sha": None,
    }


def approvals(forge: ForgeState, found: MergeRequest, asking: User, web: str) -> Json:
    """Who approved, without the time, which not every GitLab tells."""
    mine = asking.login in found.reviews
    return {
        "user_has_approved": mine,
        "user_can_approve": not mine and forge.may(asking, found.repository, "write"),
        "approved": bool(found.reviews),
        "approved_by": [{"user": user(forge.users[each], web)} for each in sorted(found.reviews)],
    }


def note(
    forge: ForgeState, on: MergeRequest, found: Comment, web: str, *, touched: bool = False
) -> Json:
    """A comment; to GitLab an award touches it as an edit does."""
    made = datetime.fromisoformat(found.at)
    return {
        **_note(on),
        "id": found.id,
        "body": found.body,
        "author": user(forge.users[found.author], web),
        "created_at": stamp(made),
        "updated_at": stamp(made + timedelta(milliseconds=1 if found.edited or touched else 0)),
        "system": False,
    }


def approved(forge: ForgeState, on: MergeRequest, login: str, web: str) -> Json:
    """GitLab's own note of an approval."""
    at = time(on.reviews[login][1])
    return {
        **_note(on),
        "id": 1_000_000 + forge.users[login].id,
        "body": "approved this merge request",
        "author": user(forge.users[login], web),
        "created_at": at,
        "updated_at": at,
        "system": True,
    }


def _note(on: MergeRequest) -> Json:
    return {
        "type": None,
        "noteable_id": on.number,
        "noteable_iid": on.number,
        "noteable_type": "MergeRequest",
        "project_id": number(on.repository),
        "resolvable": False,
        "confidential": False,
        "internal": False,
        "imported": False,
        "imported_from": "none",
        "commands_changes": {},
    }


def pipeline(found: Pipeline, web: str) -> Json:
    """A pipeline, as a merge request tells its head pipeline."""
    return {
        "id": found.id,
        "iid": found.id,
        "project_id": number(found.repository),
        "sha": found.sha,
        "ref": found.ref,
        "status": found.status,
        "source": found.source,
        "created_at": BEGINNING,
        "updated_at": BEGINNING,
        "web_url": f"{web}/{found.repository}/-/pipelines/{found.id}",
    }


def status(forge: ForgeState, found: Pipeline, job: Job, web: str) -> Json:
    """A commit status in the pipeline that has it."""
    said = job.status
    return {
        "id": job.id,
        "sha": found.sha,
        "ref": found.ref,
        "name": said.context,
        "status": STATUSES.get(said.state, said.state),
        "description": said.description or None,
        "target_url": said.url or None,
        "created_at": time(said.at),
        "started_at": None,
        "finished_at": None if said.state == "pending" else time(said.at),
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": found.id,
        "author": user(forge.users[said.by], web),
    }
