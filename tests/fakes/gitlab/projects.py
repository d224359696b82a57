"""Projects, branches and commits in GitLab's JSON."""

from datetime import UTC, datetime
from typing import Any

import pygit2

from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState

Json = dict[str, Any]
LEVELS = {"read": 10, "triage": 20, "write": 30, "maintain": 40, "admin": 50}
BEGINNING = "2026-01-01T00:00:00.000Z"


def number(path: str) -> int:
    return sum(map(ord, path))


def stamp(moment: datetime) -> str:
    """GitLab tells milliseconds in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:23] + "Z"


def project(forge: ForgeState, path: str, web: str) -> Json:
    found = forge.repository(path)
    group, _, name = path.partition("/")
    return {
        "id": number(path),
        "description": found.description,
        "name": name,
        "name_with_namespace": f"{group} / {name}",
        "path": name,
        "path_with_namespace": path,
        "created_at": BEGINNING,
        "default_branch": found.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@gitlab.invalid:{path}.git",
        "http_url_to_repo": f"{web}/{path}.git",
        "web_url": f"{web}/{path}",
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": BEGINNING,
        "namespace": _group(group, web),
        "empty_repo": not forge.git.branches(path),
        "archived": False,
        "marked_for_deletion_on": None,
        "builds_access_level": "private",
        "allow_merge_on_skipped_pipeline": False,
        "visibility": "private",
        "merge_method": "merge",
        "squash_option": "default_off",
        "only_allow_merge_if_pipeline_succeeds": bool(found.required_statuses),
        "only_allow_merge_if_all_discussions_are_resolved": False,
        "remove_source_branch_after_merge": found.delete_merged_branches,
    }


def _group(path: str, web: str) -> Json:
    return {
        "id": number(path),
        "name": path,
        "path": path,
        "kind": "group",
        "full_path": path,
        "parent_id": None,
        "avatar_url": None,
        "web_url": f"{web}/groups/{path}",
    }


def permissions(forge: ForgeState, path: str, asking: User) -> Json:
    """What the user who asks may do; nobody is a member of a group."""
    level = LEVELS[forge.role(path, asking.login)]
    return {
        "project_access": {"access_level": level, "notification_level": 3},
        "group_access": None,
    }


def branch(forge: ForgeState, path: str, name: str, asking: User, web: str) -> Json:
    """A branch that is there."""
    rules = forge.repository(path)
    head, onto = forge.git.head(path, name), forge.git.head(path, rules.default_branch)
    assert head is not None
    protected = name in rules.protected
    return {
        "name": name,
        "commit": commit(forge, path, head, web),
        "merged": onto not in {None, head} and forge.git.contains(path, str(onto), head),
        "protected": protected,
        "developers_can_push": False,
        "developers_can_merge": protected,
        "can_push": forge.may(asking, path, "admin" if protected else "write"),
        "default": name == rules.default_branch,
        "web_url": f"{web}/{path}/-/tree/{name}",
    }


def commit(forge: ForgeState, path: str, sha: str, web: str) -> Json:
    found = forge.git.open(path)[sha].peel(pygit2.Commit)
    written = stamp(datetime.fromtimestamp(found.author.time, UTC))
    committed = stamp(datetime.fromtimestamp(found.committer.time, UTC))
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": committed,
        "parent_ids": [str(each) for each in found.parent_ids],
        "title": found.message.partition("\n")[0],
        "message": found.message,
        "author_name": found.author.name,
        "author_email": found.author.email,
        "authored_date": written,
        "committer_name": found.committer.name,
        "committer_email": found.committer.email,
        "committed_date": committed,
        "trailers": dict(found.message_trailers),
        "extended_trailers": {key: [each] for key, each in found.message_trailers.items()},
        "web_url": f"{web}/{path}/-/commit/{sha}",
    }
