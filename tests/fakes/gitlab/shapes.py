"""The local forge's records in GitLab's JSON."""

from typing import Any

from bot.localforge.forge import Forge
from bot.localforge.merging import blockers, conflicts
from bot.localforge.records import Comment, MergeRequest, Status, User

Json = dict[str, Any]
STATES = {"open": "opened"}
STATUSES = {"failure": "failed"}


def user(found: User, web: str) -> Json:
    return {
        "id": found.id,
        "username": found.login,
        "name": found.name,
        "state": "active",
        "avatar_url": None,
        "web_url": f"{web}/{found.login}",
    }


def time(text: str) -> str:
    """GitLab tells milliseconds in UTC."""
    return text[:23] + "Z"


def project(forge: Forge, path: str, web: str) -> Json:
    found = forge.repository(path)
    return {
        "id": number(path),
        "name": path.partition("/")[2],
        "path_with_namespace": path,
        "default_branch": found.default_branch,
        "http_url_to_repo": f"{web}/{path}.git",
        "web_url": f"{web}/{path}",
        "merge_method": "merge",
    }


def number(path: str) -> int:
    return sum(map(ord, path))


def request(forge: Forge, found: MergeRequest, web: str) -> Json:
    merged, conflicting = found.state == "merged", conflicts(forge, found)
    return {
        "id": found.number,
        "iid": found.number,
        "project_id": number(found.repository),
        "title": found.title,
        "description": found.body,
        "state": STATES.get(found.state, found.state),
        "created_at": time(found.created_at),
        "target_branch": found.target,
        "source_branch": found.source,
        "author": user(forge.users[found.author], web),
        "source_project_id": number(found.repository),
        "target_project_id": number(found.repository),
        "labels": list(found.labels),
        "sha": found.head,
        "merge_commit_sha": found.merge_sha if merged else None,
        "squash_commit_sha": None,
        "closed_by": user(forge.users[found.closed_by], web) if found.closed_by else None,
        "has_conflicts": conflicting,
        "detailed_merge_status": status_of(forge, found, conflicting=conflicting),
        "web_url": f"{web}/{found.repository}/-/merge_requests/{found.number}",
    }


def status_of(forge: Forge, found: MergeRequest, *, conflicting: bool) -> str:
    if found.state != "open":
        return "not_open"
    if conflicting:
        return "conflict"
    waiting = blockers(forge, None, found)[1:]
    return "ci_must_pass" if waiting else "mergeable"


def note(forge: Forge, found: Comment, web: str) -> Json:
    created = time(found.at)
    return {
        "id": found.id,
        "body": found.body,
        "author": user(forge.users[found.author], web),
        "created_at": created,
        "updated_at": created[:-1] + "999Z" if found.edited else created,
        "system": False,
    }


def approved(forge: Forge, login: str, at: str, web: str) -> Json:
    """GitLab's own note of an approval."""
    return {
        "id": 1_000_000 + forge.users[login].id,
        "body": "approved this merge request",
        "author": user(forge.users[login], web),
        "created_at": time(at),
        "updated_at": time(at),
        "system": True,
    }


def status(forge: Forge, found: Status, web: str) -> Json:
    return {
        "id": abs(hash((found.sha, found.context))) % 10**9,
        "sha": found.sha,
        "name": found.context,
        "status": STATUSES.get(found.state, found.state),
        "description": found.description or None,
        "target_url": found.url or None,
        "author": user(forge.users[found.by], web),
    }
