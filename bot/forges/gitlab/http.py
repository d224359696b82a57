"""GitLab's REST API through python-gitlab: in threads, one request at a time.

Sources: GitLab Docs, "REST API" (pagination, status codes), "Rate limits" (Retry-After,
RateLimit-Reset). python-gitlab would sleep at a limit; here the call fails with the time to retry.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import gitlab
import requests

from bot.clock import Clock
from bot.forges import ForgeError, TransientForgeError, certificate_error
from bot.forges._rate_budget import RateBudget, Urgency

DEFAULT_PAUSE = timedelta(minutes=1)
TIMEOUT = 20
TOO_MANY, SERVER_ERROR = 429, 500
MAX_MESSAGE = 300


class ResponseError(ForgeError):
    """GitLab rejected the request `where`, with an HTTP status and its own message."""

    def __init__(self, status: int, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.status, self.message = status, message


@dataclass(slots=True)
class Http:
    """Requests to one GitLab instance with one token.

    Every call raises TransientForgeError if GitLab is unreachable, fails or limits the rate, and
    ResponseError with GitLab's message if it rejects the request.
    """

    client: gitlab.Gitlab
    clock: Clock
    budget: RateBudget
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused: datetime | None = None

    def __post_init__(self) -> None:
        """Observe every response: python-gitlab's errors lack the headers."""
        self.client.session.hooks["response"].append(self._observe)

    def _observe(self, response: requests.Response, *_: Any, **__: Any) -> None:
        if response.status_code == TOO_MANY:
            after = response.headers.get("retry-after", "")
            wait = timedelta(seconds=int(after)) if after.isdigit() else DEFAULT_PAUSE
            self._paused = self.clock() + wait

    async def get(self, path: str, **query: Any) -> Any:
        """Read a resource."""
        return await self._do(
            f"GET {path}",
            lambda: self.client.http_get(path, query_data=query, obey_rate_limit=False),
        )

    async def all(self, path: str, **query: Any) -> list[Any]:
        """The entries of all pages of a list."""
        found = await self._do(
            f"GET {path}",
            lambda: self.client.http_list(
                path, query_data={**query, "per_page": 100}, get_all=True, obey_rate_limit=False
            ),
        )
        return list(found)

    async def post(self, path: str, fields: Any, urgency: Urgency = Urgency.MERGE_REQUEST) -> Any:
        """Create a resource."""
        self._spend(urgency)
        return await self._do(
            f"POST {path}",
            lambda: self.client.http_post(path, post_data=fields, obey_rate_limit=False),
        )

    async def put(self, path: str, fields: Any, urgency: Urgency = Urgency.MERGE_REQUEST) -> Any:
        """Update a resource."""
        self._spend(urgency)
        return await self._do(
            f"PUT {path}",
            lambda: self.client.http_put(path, post_data=fields, obey_rate_limit=False),
        )

    def _spend(self, urgency: Urgency) -> None:
        until = self.budget.spend(urgency)
        if until is not None:
            raise TransientForgeError.delayed("GitLab", self.clock(), until)

    async def _do(self, what: str, call: Callable[[], Any]) -> Any:
        async with self._lock:
            if self._paused is not None and self.clock() < self._paused:
                raise TransientForgeError.delayed("GitLab", self.clock(), self._paused)
            try:
                return await asyncio.to_thread(call)
            except gitlab.GitlabHttpError as error:
                raise self._classified(what, error) from None
            except gitlab.GitlabAuthenticationError:
                message = "GitLab rejects the token: create a new one and configure it"
                raise ResponseError(401, what, message) from None
            except gitlab.GitlabError as error:
                raise ForgeError(f"{what}: {str(error)[:MAX_MESSAGE]}") from None
            except requests.RequestException as error:
                why = f"GitLab is unreachable ({what}): {type(error).__name__}"
                raise certificate_error("GitLab", error) or TransientForgeError(why) from None

    def _classified(self, what: str, error: gitlab.GitlabHttpError) -> ForgeError:
        status = error.response_code or 0
        if status == TOO_MANY:
            until = self._paused or self.clock() + DEFAULT_PAUSE
            return TransientForgeError.delayed("GitLab", self.clock(), until)
        if status >= SERVER_ERROR:
            return TransientForgeError(f"GitLab responded {status} to {what}")
        return ResponseError(status, what, f"{status} {str(error.error_message)[:MAX_MESSAGE]}")


def project(repository: str) -> str:
    """The API path of a project."""
    return f"/projects/{quote(repository, safe='')}"
