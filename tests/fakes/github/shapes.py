"""The local forge's records in GitHub's JSON."""

from typing import Any

from bot.sandbox.forge.merging import conflicts
from bot.sandbox.forge.records import Comment, MergeRequest, Status, User
from bot.sandbox.forge.state import ForgeState

Json = dict[str, Any]


def login(user: User) -> str:
    return f"{user.login}[bot]" if user.bot else user.login


def user(found: User, web: str) -> Json:
    return {
        "login": login(found),
        "id": found.id,
        "node_id": f"U_{found.id}",
        "avatar_url": f"{web}/avatars/{found.id}",
        "gravatar_id": "",
        "url": f"{web}/api/v3/users/{login(found)}",
        "html_url": f"{web}/{login(found)}",
        "type": "Bot" if found.bot else "User",
        "site_admin": False,
        "user_view_type": "public",
    }


def time(text: str) -> str:
    """GitHub tells whole seconds in UTC."""
    return text[:19] + "Z"


def repository(forge: ForgeState, path: str, web: str, methods: set[str] | None = None) -> Json:
    found = forge.repository(path)
    owner, _, name = path.partition("/")
    return {
        "id": sum(map(ord, path)),
        "node_id": f"R_{path}",
        "name": name,
        "full_name": path,
        "private": True,
        "owner": {"login": owner, "id": 1, "type": "Organization"},
        "html_url": f"{web}/{path}",
        "url": f"{web}/api/v3/repos/{path}",
        "clone_url": f"{web}/{path}.git",
        "ssh_url": f"git@github.invalid:{path}.git",
        "default_branch": found.default_branch,
        "allow_merge_commit": methods is None or "merge" in methods,
        "allow_squash_merge": methods is None or "squash" in methods,
        "allow_rebase_merge": methods is None or "rebase" in methods,
    }


def pull(forge: ForgeState, found: MergeRequest, web: str, *, listed: bool = False) -> Json:
    merged = found.state == "merged"
    head_repo = repository(forge, found.repository, web)
    url = f"{web}/api/v3/repos/{found.repository}/pulls/{found.number}"
    value: Json = {
        "id": found.number,
        "node_id": f"PR_{found.repository}_{found.number}",
        "number": found.number,
        "url": url,
        "html_url": f"{web}/{found.repository}/pull/{found.number}",
        "state": "open" if found.state == "open" else "closed",
        "locked": False,
        "draft": False,
        "title": found.title,
        "body": found.body or None,
        "user": user(forge.users[found.author], web),
        "labels": [
            {"id": index, "name": each, "color": "ededed", "default": False}
            for index, each in enumerate(found.labels)
        ],
        "requested_reviewers": [user(forge.users[each], web) for each in found.reviewers],
        "created_at": time(found.created_at),
        "updated_at": time(found.updated_at),
        "closed_at": None if found.state == "open" else time(found.created_at),
        "merged_at": time(found.created_at) if merged else None,
        "merge_commit_sha": found.merge_sha,
        "head": {
            "label": f"{found.repository.partition('/')[0]}:{found.source}",
            "ref": found.source,
            "sha": found.head,
            "repo": head_repo,
        },
        "base": {"label": found.target, "ref": found.target, "sha": found.base, "repo": head_repo},
    }
    if not listed:
        value["merged"] = merged
        merger = forge.users[found.merged_by] if found.merged_by else None
        value["merged_by"] = user(merger, web) if merger else None
        value["commits"] = len(proposed(forge, found))
        value["mergeable"] = None if merged else not conflicts(forge, found)
    return value


def proposed(forge: ForgeState, found: MergeRequest) -> list[str]:
    """The commits of a pull request, newest first."""
    walker = forge.git.open(found.repository).walk(found.head)
    walker.hide(found.base)
    return [str(each.id) for each in walker]


def issue(forge: ForgeState, found: MergeRequest, web: str) -> Json:
    closer = found.closed_by or found.merged_by
    return {
        "id": found.number,
        "number": found.number,
        "title": found.title,
        "state": "open" if found.state == "open" else "closed",
        "user": user(forge.users[found.author], web),
        "closed_by": user(forge.users[closer], web) if closer else None,
        "pull_request": {"url": f"{web}/api/v3/repos/{found.repository}/pulls/{found.number}"},
    }


def comment(forge: ForgeState, request: MergeRequest, found: Comment, web: str) -> Json:
    created = time(found.at)
    return {
        "id": request.number * 100_000 + found.id,
        "node_id": f"IC_{request.number}_{found.id}",
        "html_url": f"{web}/{request.repository}/pull/{request.number}#issuecomment-{found.id}",
        "body": found.body,
        "user": user(forge.users[found.author], web),
        "created_at": created,
        "updated_at": created[:-1] + ".5Z" if found.edited else created,
        "author_association": "MEMBER",
    }


def check_run(found: Json, sha: str, web: str) -> Json:
    """A check run; one that is not completed has no conclusion."""
    return {
        "name": found["name"],
        "head_sha": sha,
        "status": found["status"],
        "conclusion": found["conclusion"],
        "html_url": f"{web}/runs/{found['name']}",
        "output": {"title": found.get("title"), "summary": None, "text": None},
    }


def status(forge: ForgeState, found: Status, web: str) -> Json:
    return {
        "id": abs(hash((found.sha, found.context))) % 10**9,
        "state": found.state,
        "description": found.description or None,
        "target_url": found.url or None,
        "context": found.context,
        "created_at": time(found.at),
        "updated_at": time(found.at),
        "creator": user(forge.users[found.by], web),
    }
