"""Derives tests/data/github from two npm packages, unpacked beforehand with `npm pack`:

`python tests/tools/derive_github_data.py WEBHOOKS_EXAMPLES OPENAPI` takes the folders of
@octokit/webhooks-examples 7.6.1 and @octokit/openapi 23.0.2 (both MIT, see NOTICE there). Kept are
all webhook payloads, and of the OpenAPI description the answers of the operations that the bot uses.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "data" / "github"
OPERATIONS = {
    "GET /app": "200",
    "GET /app/installations": "200",
    "GET /repos/{owner}/{repo}/installation": "200",
    "POST /app/installations/{installation_id}/access_tokens": "201",
    "GET /users/{username}": "200",
    "GET /repos/{owner}/{repo}": "200",
    "GET /repos/{owner}/{repo}/collaborators/{username}/permission": "200",
    "GET /repos/{owner}/{repo}/commits/{ref}/statuses": "200",
    "POST /repos/{owner}/{repo}/statuses/{sha}": "201",
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls": "200",
    "GET /repos/{owner}/{repo}/commits": "200",
    "GET /repos/{owner}/{repo}/activity": "200",
    "GET /user/{account_id}": "200",
    "POST /repos/{owner}/{repo}/git/refs": "201",
    "GET /repos/{owner}/{repo}/pulls": "200",
    "POST /repos/{owner}/{repo}/pulls": "201",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}": "200",
    "PATCH /repos/{owner}/{repo}/pulls/{pull_number}": "200",
    "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge": "200",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews": "200",
    "GET /repos/{owner}/{repo}/pulls/{pull_number}/commits": "200",
    "GET /repos/{owner}/{repo}/issues/{issue_number}": "200",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments": "200",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments": "201",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}": "200",
    "POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": "201",
    "GET /repos/{owner}/{repo}/branches/{branch}": "200",
    "GET /repos/{owner}/{repo}/rules/branches/{branch}": "200",
    "GET /orgs/{org}/installation": "200",
    "GET /orgs/{org}/teams/{team_slug}/memberships/{username}": "200",
    "GET /app/hook/config": "200",
    "GET /app/hook/deliveries": "200",
    "POST /app/hook/deliveries/{delivery_id}/attempts": "202",
    "POST /app-manifests/{code}/conversions": "201",
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


def derive(document: Any) -> Any:
    answers = {}
    for name, status in OPERATIONS.items():
        method, path = name.split(" ")
        answer = document["paths"][path][method.lower()]["responses"][status]
        answer = resolved(document, answer["$ref"]) if "$ref" in answer else answer
        answers[name] = bare(answer["content"]["application/json"]["schema"])
    schemas: dict[str, Any] = {}
    todo = references(answers)
    while todo:
        reference = todo.pop()
        name = reference.rpartition("/")[2]
        if name not in schemas:
            schemas[name] = bare(resolved(document, reference))
            todo |= references(schemas[name])
    return {"answers": answers, "components": {"schemas": schemas}}


def write(name: str, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    packed = gzip.compress(text, mtime=0)
    (TARGET / name).write_bytes(packed)
    print(f"{name}: {len(text)} bytes, {len(packed)} packed")


def main() -> None:
    examples, openapi = Path(sys.argv[1]), Path(sys.argv[2])
    events = json.loads((examples / "api.github.com" / "index.json").read_text())
    write(
        "webhooks.json.gz",
        [[event["name"], payload] for event in events for payload in event["examples"]],
    )
    document = json.loads((openapi / "generated" / "api.github.com.json").read_text())
    write("openapi.json.gz", derive(document))


if __name__ == "__main__":
    main()
