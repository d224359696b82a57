"""What a token of an installation may do: the endpoints of its permissions, in its repositories.

Sources: GitHub Docs, "Permissions required for GitHub Apps" (tests/data/github/permissions.json);
"Troubleshooting the REST API": 403 "Resource not accessible by integration", and the header
`X-Accepted-GitHub-Permissions` with what is needed, alternatives apart by semicolons; 404 for a
private repository without access. "Generating an installation access token": a token has at most
what its installation has.
"""

import json
import re
from functools import cache

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fakes.github.description import BASE, DATA
from tests.fakes.github.state import GitHub

LEVELS = ("none", "read", "write", "admin")
REPOSITORY = re.compile(r"/repos/([^/]+/[^/]+)(/.*)?")
DOCUMENTATION = {"documentation_url": "https://docs.github.com/rest"}


@cache
def needed() -> list[tuple[str, re.Pattern[str], tuple[str, ...]]]:
    """Of each operation the method, the path, and the permissions of which one is enough."""
    found = []
    for name, permissions in json.loads((DATA / "permissions.json").read_text())["needed"].items():
        method, _, path = name.partition(" ")
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path))
        found.append((method, pattern, tuple(permissions)))
    return found


class LimitedTokens:
    """Stands before the routes, and refuses what a token of an installation may not do."""

    def __init__(self, app: ASGIApp, github: GitHub) -> None:
        self._app, self._github = app, github

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(BASE):
            header = dict(scope["headers"]).get(b"authorization", b"").decode()
            token, path = header.partition(" ")[2], scope["path"].removeprefix(BASE)
            if token in self._github.tokens:
                refused = self._refusal(token, scope["method"], path)
                if refused is not None:
                    await refused(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _refusal(self, token: str, method: str, path: str) -> JSONResponse | None:
        within = self._github.repositories_of[token]
        named = REPOSITORY.fullmatch(path)
        if named and within is not None and named[1].lower() not in within:
            return JSONResponse({"message": "Not Found", **DOCUMENTATION}, 404)
        for known, pattern, permissions in needed():
            if known == method and pattern.fullmatch(path):
                if any(self._has(token, *each.split("=")) for each in permissions):
                    return None
                return JSONResponse(
                    {"message": "Resource not accessible by integration", **DOCUMENTATION},
                    403,
                    {"x-accepted-github-permissions": "; ".join(permissions)},
                )
        return None

    def _has(self, token: str, name: str, level: str) -> bool:
        """Every token reads metadata; other permissions end when the account takes them back."""
        granted = self._github.permissions_of[token].get(name, "none")
        if name == "metadata":
            return True
        left = self._github.granted.get(name, "none")
        return min(LEVELS.index(granted), LEVELS.index(left)) >= LEVELS.index(level)
