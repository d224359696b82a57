"""Converts records to the JSON of the API; fields are listed, so that no secret leaks."""

from typing import Any

from bot.sandbox.forge.diffs import Diff
from bot.sandbox.forge.merging import conflicts
from bot.sandbox.forge.records import (
    BranchUpdate,
    Comment,
    Delivery,
    MergeRequest,
    Repository,
    Status,
    User,
)
from bot.sandbox.forge.state import ForgeState

Json = dict[str, Any]


def user(found: User) -> Json:
    """A user without secrets."""
    return {
        "id": found.id,
        "login": found.login,
        "name": found.name,
        "email": found.email,
        "bot": found.bot,
    }


def repository(found: Repository) -> Json:
    """A repository and its rules."""
    return {
        "path": found.path,
        "description": found.description,
        "default_branch": found.default_branch,
        "protected": found.protected,
        "required_statuses": found.required_statuses,
        "delete_merged_branches": found.delete_merged_branches,
    }


def request(forge: ForgeState, found: MergeRequest) -> Json:
    """A merge request; whether an open one conflicts is remembered by commits."""
    conflicting = conflicts(forge, found)
    with forge.lock:
        return {
            "number": found.number,
            "title": found.title,
            "body": found.body,
            "state": found.state,
            "source_branch": found.source,
            "target_branch": found.target,
            "head": found.head,
            "author": user(forge.users[found.author]),
            "created_at": found.created_at,
            "updated_at": found.updated_at,
            "labels": found.labels,
            "reviewers": found.reviewers,
            "merge_sha": found.merge_sha,
            "base": found.base,
            "merged_by": found.merged_by,
            "merger": user(forge.users[found.merged_by]) if found.merged_by else None,
            "closed_by": found.closed_by,
            "conflicts": conflicting,
        }


def comment(forge: ForgeState, found: Comment) -> Json:
    """A comment."""
    return {
        "id": found.id,
        "author": user(forge.users[found.author]),
        "body": found.body,
        "created_at": found.at,
        "edited": found.edited,
    }


def update(found: BranchUpdate) -> Json:
    """An update of a branch."""
    return {
        "number": found.number,
        "by": found.by,
        "branch": found.branch,
        "old": found.old,
        "new": found.new,
    }


def status(found: Status) -> Json:
    """A commit status."""
    return {
        "context": found.context,
        "state": found.state,
        "description": found.description,
        "url": found.url,
    }


def diff(found: Diff) -> Json:
    """A diff; `left_out` counts omitted lines, `total` all files."""
    return {
        "total": found.total,
        "files": [
            {
                "path": file.path,
                "old_path": file.old_path,
                "status": file.status,
                "added": file.added,
                "removed": file.removed,
                "text": "".join(f"{line}\n" for line in file.lines),
                "left_out": file.left_out,
            }
            for file in found.files
        ],
    }


def delivery(found: Delivery) -> Json:
    """A delivery of a webhook."""
    return {
        "id": found.id,
        "url": found.url,
        "event": found.event,
        "body": found.body,
        "at": found.at,
        "outcome": found.outcome,
    }
