"""Derives tests/data/github from three npm packages, unpacked beforehand with `npm pack`:

`python tests/tools/derive_github_data.py WEBHOOKS_EXAMPLES OPENAPI PERMISSIONS` takes the folders
of @octokit/webhooks-examples 7.6.1, @octokit/openapi 23.0.2 and @octokit/app-permissions 2.1.0 (all
MIT, see NOTICE there). Kept are
all webhook payloads, and of the OpenAPI description what the operations that the bot uses take and
answer, with every status.
"""

import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "data" / "github"
OPERATIONS = (
    "GET /app",
    "GET /app/installations",
    "GET /repos/{owner}/{repo}/installation",
    "POST /app/installations/{installation_id}/access_tokens",
    "GET /users/{username}",
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses",
    "GET /repos/{owner}/{repo}/commits/{ref}/check-runs",
    "POST /repos/{owner}/{repo}/statuses/{sha}",
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    "GET /repos/{owner}/{repo}/commits",
    "GET /repos/{owner}/{repo}/activity",
    "GET /user/{account_id}",
    "POST /repos/{owner}/{repo}/git/refs",
    "GET /repos/{owner}/{repo}/pulls",
    "POST /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits",
    "POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers",
    "GET /repos/{owner}/{repo}/issues/{issue_number}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions",
    "GET /repos/{owner}/{repo}/branches/{branch}",
    "GET /repos/{owner}/{repo}/rules/branches/{branch}",
    "GET /orgs/{org}/installation",
    "GET /orgs/{org}/teams/{team_slug}/memberships/{username}",
    "GET /app/hook/config",
    "GET /app/hook/deliveries",
    "POST /app/hook/deliveries/{delivery_id}/attempts",
    "POST /app-manifests/{code}/conversions",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/comments",
    "POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions",
    "GET /user",
)
PAGE = "https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps"
NOT_LISTED = {
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission": ["metadata=read"],
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls": ["pull_requests=read"],
    "GET /repos/{owner}/{repo}/activity": ["contents=read"],
    "GET /repos/{owner}/{repo}/issues/{issue_number}": ["issues=read", "pull_requests=read"],
    "GET /repos/{owner}/{repo}/rules/branches/{branch}": ["metadata=read"],
    "GET /orgs/{org}/teams/{team_slug}/memberships/{username}": ["members=read"],
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch": ["pull_requests=write"],
}
UNTOLD = {"description", "example", "examples", "x-github-breaking-changes", "title", "deprecated"}


def bare(value: Any) -> Any:
    """Without what says nothing to a validator."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: bare(each) for name, each in part.items()}
        if key == "properties"
        else bare(part)
        for key, part in value.items()
        if key not in UNTOLD or not isinstance(part, str | dict | bool | list)
    }


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*(references(each) for each in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own.union(*(references(each) for each in value.values())) if value else own


def resolved(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def operation(document: Any, name: str) -> Any:
    """What it takes and answers: the request's schema, names of query parameters, each status."""
    method, path = name.split(" ")
    found = document["paths"][path][method.lower()]
    given = [
        resolved(document, each["$ref"]) if "$ref" in each else each
        for each in found.get("parameters", [])
    ]
    kept: dict[str, Any] = {
        "query": sorted(each["name"] for each in given if each["in"] == "query"),
        "answers": {},
    }
    if "requestBody" in found:
        kept["body"] = bare(found["requestBody"]["content"]["application/json"]["schema"])
    for status, answer in found["responses"].items():
        told = resolved(document, answer["$ref"]) if "$ref" in answer else answer
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        kept["answers"][status] = bare(schema)
    return kept


def derive(document: Any) -> Any:
    operations = {name: operation(document, name) for name in OPERATIONS}
    schemas: dict[str, Any] = {}
    todo = references(operations)
    while todo:
        reference = todo.pop()
        name = reference.rpartition("/")[2]
        if name not in schemas:
            schemas[name] = bare(resolved(document, reference))
            todo |= references(schemas[name])
    return {"operations": operations, "components": {"schemas": schemas}}


def permissions(listed: Any) -> Any:
    """For each operation the permissions of which any one is enough.

    `NOT_LISTED` are on GitHub's page (`PAGE`) and not, or not all, in the package.
    """

    def plain(operation: str) -> str:
        return re.sub(r"\{[^}]+\}", "{}", operation)

    found: dict[str, set[str]] = {}
    for name, levels in listed["permissions"].items():
        for level in ("read", "write"):
            for each in levels.get(level) or ():
                found.setdefault(plain(each), set()).add(f"{name}={level}")
    needed = {each: NOT_LISTED.get(each) or found.get(plain(each), ()) for each in OPERATIONS}
    return {"source": PAGE, "needed": {k: sorted(v) for k, v in sorted(needed.items()) if v}}


def write(name: str, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    packed = gzip.compress(text, mtime=0)
    (TARGET / name).write_bytes(packed)
    print(f"{name}: {len(text)} bytes, {len(packed)} packed")


def main() -> None:
    examples, openapi, apps = map(Path, sys.argv[1:4])
    events = json.loads((examples / "api.github.com" / "index.json").read_text())
    write(
        "webhooks.json.gz",
        [[event["name"], payload] for event in events for payload in event["examples"]],
    )
    document = json.loads((openapi / "generated" / "api.github.com.json").read_text())
    write("openapi.json.gz", derive(document))
    listed = json.loads((apps / "generated" / "api.github.com.json").read_text())
    text = json.dumps(permissions(listed), indent=2) + "\n"
    (TARGET / "permissions.json").write_text(text)


if __name__ == "__main__":
    main()
