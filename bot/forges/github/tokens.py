"""Tokens for GitHub: a fixed one, or an App's, made for one repository at a time.

Source: GitHub Docs, "Authenticating as a GitHub App installation": installation tokens live an
hour; they can be narrowed to repositories and permissions.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
from gidgethub import sansio
from gidgethub.apps import get_jwt

from bot.clock import Clock
from bot.forges import ForgeError, TransientForgeError, certificate_error

REQUESTER = "switchyard"
MARGIN = timedelta(minutes=5)
PERMISSIONS = {
    "contents": "write",
    "merge_queues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
READ = "read"
OF_ORG = {"permissions": {"members": "read"}}


class Tokens(Protocol):
    """Gives the token for a repository (`owner/name`), or for an organisation's teams (`owner`)."""

    @property
    def renewable(self) -> bool:
        """Whether a token that was refused can be had anew."""

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """A token that is good for that now; with `renew` a new one."""


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A personal (fine-grained) token, for trying out."""

    token: str = field(repr=False)
    renewable: bool = False

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """Always the same."""
        del repository, renew
        return self.token


@dataclass(slots=True)
class AppTokens:
    """Installation tokens, kept until five minutes before they end."""

    api: str
    app_id: str
    private_key: str = field(repr=False)
    client: httpx.AsyncClient
    clock: Clock
    renewable: bool = True
    _known: dict[str, tuple[str, datetime]] = field(default_factory=dict, repr=False)

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """The token of the installation that has the repository, or is the organisation's.

        Raises:
            ForgeError: the App is not installed there, or its key is refused.
            TransientForgeError: GitHub does not answer.
        """
        known = self._known.get(repository)
        if known is not None and not renew and self.clock() < known[1] - MARGIN:
            return known[0]
        org, _, name = repository.partition("/")
        where = f"/repos/{repository}" if name else f"/orgs/{org}"
        installation = await self.call("GET", f"{where}/installation", None)
        granted = installation["permissions"]
        asked = {
            each: level if granted[each] != READ else READ
            for each, level in PERMISSIONS.items()
            if each in granted
        }
        narrowed = {"repositories": [name], "permissions": asked} if name else OF_ORG
        path = f"/app/installations/{installation['id']}/access_tokens"
        made = await self.call("POST", path, narrowed)
        until = datetime.fromisoformat(made["expires_at"])
        self._known[repository] = (str(made["token"]), until)
        return str(made["token"])

    async def call(self, method: str, path: str, fields: Any) -> Any:
        """Ask as the App itself, with a JWT of ten minutes."""
        jwt = get_jwt(app_id=self.app_id, private_key=self.private_key)
        headers = sansio.create_headers(REQUESTER, accept="application/vnd.github+json", jwt=jwt)
        try:
            answer = await self.client.request(
                method,
                f"{self.api}{path}",
                headers=headers,
                content=None if fields is None else json.dumps(fields).encode(),
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            silent = TransientForgeError(f"GitHub does not answer: {type(error).__name__}")
            raise certificate_error("GitHub", error) or silent from error
        if answer.is_server_error:
            raise TransientForgeError(f"GitHub answered {answer.status_code} to {method} {path}")
        if answer.status_code == httpx.codes.NOT_FOUND and path.endswith("/installation"):
            where = path.split("/", 2)[2].removesuffix("/installation")
            raise ForgeError(
                f"the GitHub App is not installed on {where}: "
                f"install it there, or take that out of the fleet repo"
            )
        if not answer.is_success:
            raise ForgeError(
                f"GitHub answered {answer.status_code} to the App's {method} {path}: "
                f"check the App's id, its key and its permissions"
            )
        return answer.json() if answer.content else None
