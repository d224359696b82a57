"""Tokens for GitHub: a fixed one, or installation tokens of an App for one repository each.

Source: GitHub Docs, "Authenticating as a GitHub App installation": installation tokens
expire after an hour; they can be limited to repositories and permissions.
"""

import json
from collections.abc import Mapping
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
JWT_LIFETIME = timedelta(minutes=10)
PERMISSIONS = {
    "contents": "write",
    "issues": "read",
    "merge_queues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
READ = "read"
MAX_SHOWN = 1_000
TEAM_ACCESS = {"permissions": {"members": "read"}}
NO_ACCESS = {"permissions": {"metadata": "read"}}


class Tokens(Protocol):
    """Provides tokens for a repository (`owner/name`), teams (`owner`) or public data (empty)."""

    @property
    def renewable(self) -> bool:
        """Whether a rejected token can be renewed."""

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """A valid token; with `renew` always a new one."""


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A fine-grained personal access token, for evaluation."""

    token: str = field(repr=False)
    renewable: bool = False

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """The fixed token."""
        del repository, renew
        return self.token


@dataclass(frozen=True, slots=True)
class _CachedToken:
    """An installation token or a JWT, and its expiry."""

    token: str = field(repr=False)
    expires: datetime


@dataclass(slots=True)
class AppTokens:
    """Installation tokens, cached until five minutes before they expire."""

    api: str
    app_id: str
    private_key: str = field(repr=False)
    client: httpx.AsyncClient
    clock: Clock
    renewable: bool = True
    _cached: dict[str, _CachedToken] = field(default_factory=dict, repr=False)
    _jwt: _CachedToken | None = field(default=None, repr=False)

    async def of(self, repository: str, *, renew: bool = False) -> str:
        """A token of the installation on the repository or organisation, or of any installation.

        Raises:
            ForgeError: the App is not installed there, its installation is suspended, or its key is
                rejected.
            TransientForgeError: GitHub is unreachable.
        """
        cached = self._cached.get(repository)
        if cached is not None and not renew and self.clock() < cached.expires - MARGIN:
            return cached.token
        installation = await self._installation(repository)
        if installation.get("suspended_at"):
            account = installation["account"]["login"]
            raise ForgeError(
                f"the installation of the GitHub App on {account} is suspended: an owner of "
                f"{account} can unsuspend it in the settings of {account}, GitHub Apps"
            )
        scope = _scope(repository, installation["permissions"])
        path = f"/app/installations/{installation['id']}/access_tokens"
        created = await self.call("POST", path, scope)
        token, expires = str(created["token"]), datetime.fromisoformat(created["expires_at"])
        self._cached[repository] = _CachedToken(token, expires)
        return token

    async def _installation(self, repository: str) -> Any:
        """The installation to take a token of; without a repository one that is not suspended."""
        org, _, name = repository.partition("/")
        if org:
            where = f"/repos/{repository}" if name else f"/orgs/{org}"
            return await self.call("GET", f"{where}/installation", None)
        found = await self.call("GET", "/app/installations?per_page=100", None)
        if not found:
            raise ForgeError(
                "the GitHub App is not installed on any account: install it on the fleet repo, the "
                "deploy repos and the app repos"
            )
        return min(found, key=lambda each: (bool(each.get("suspended_at")), each["id"]))

    async def call(self, method: str, path: str, fields: Any) -> Any:
        """Send a request as the App itself."""
        headers = sansio.create_headers(
            REQUESTER, accept="application/vnd.github+json", jwt=self._signed()
        )
        try:
            response = await self.client.request(
                method,
                f"{self.api}{path}",
                headers=headers,
                content=None if fields is None else json.dumps(fields).encode(),
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            unreachable = TransientForgeError(f"GitHub is unreachable: {type(error).__name__}")
            raise certificate_error("GitHub", error) or unreachable from error
        if response.is_server_error:
            raise TransientForgeError(f"GitHub responded {response.status_code} to {method} {path}")
        if response.status_code == httpx.codes.NOT_FOUND and path.endswith("/installation"):
            where = path.split("/", 2)[2].removesuffix("/installation")
            raise ForgeError(
                f"the GitHub App is not installed on {where}: "
                f"install it there, or remove that repository from the fleet repo"
            )
        if not response.is_success:
            raise _rejected(response, f"{method} {path}")
        return response.json() if response.content else None

    def _signed(self) -> str:
        """A JWT, reused until five of its ten minutes are over: reading the key takes 20 ms."""
        now = self.clock()
        if self._jwt is None or now >= self._jwt.expires - MARGIN:
            jwt = get_jwt(app_id=self.app_id, private_key=self.private_key)
            self._jwt = _CachedToken(jwt, now + JWT_LIFETIME)
        return self._jwt.token


def accept_in_settings(account: str) -> str:
    """Who lets an installation have what its App asks for."""
    return f"an owner of {account} can accept it in the settings of {account}, GitHub Apps"


def _rejected(response: httpx.Response, where: str) -> ForgeError:
    """What a rejection of the App's own request means.

    Source: GitHub Docs, "Generating a JSON Web Token (JWT) for a GitHub App": the times in it are
    compared with GitHub's clock. An App that was deleted is "Integration not found".
    """
    told = response.content[:MAX_SHOWN].decode("utf-8", "replace").lower()
    if "claim" in told and response.status_code == httpx.codes.UNAUTHORIZED:
        return ForgeError(
            f"GitHub rejects the time of the App's {where}: set this machine's clock by NTP"
        )
    if "integration not found" in told:
        return ForgeError(
            "GitHub knows no App with this id: it was deleted, or SWITCHYARD_GITHUB_APP_ID is "
            "wrong; register the App on the page /setup, or correct the id"
        )
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return ForgeError(
            f"GitHub responded 401 to the App's {where}: the App's id and its private key do not "
            f"fit together, or the key was deleted; generate a new key in the App's settings"
        )
    return ForgeError(
        f"GitHub responded {response.status_code} to the App's {where}: "
        f"check the App's id, private key and permissions"
    )


def _scope(repository: str, granted: Mapping[str, str]) -> Mapping[str, Any]:
    """What a token may do, at most what the App was granted."""
    org, _, name = repository.partition("/")
    if not name:
        return TEAM_ACCESS if org else NO_ACCESS
    permissions = {
        each: level if granted[each] != READ else READ
        for each, level in PERMISSIONS.items()
        if each in granted
    }
    return {"repositories": [name], "permissions": permissions}
