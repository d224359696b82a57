"""GitLab's REST through python-gitlab, in threads: one request at a time, errors as ours.

Sources: GitLab Docs, "REST API" (pagination, status codes), "Rate limits" (Retry-After,
RateLimit-Reset). python-gitlab would sleep at a limit; here the pass ends and says until when.
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

LIMIT = timedelta(minutes=1)
TIMEOUT = 20
TOO_MANY, SERVER_ERROR = 429, 500
MAX_MESSAGE = 300


class ResponseError(ForgeError):
    """GitLab refused what `where` asked, with an HTTP status and in its own words."""

    def __init__(self, status: int, where: str, words: str) -> None:
        super().__init__(f"{where}: {words}")
        self.status, self.words = status, words


@dataclass(slots=True)
class Http:
    """Speaks to one GitLab with one token.

    Raises from every call: TransientForgeError when GitLab is unreachable, broken or at a limit;
    ResponseError with GitLab's own words when it refuses.
    """

    client: gitlab.Gitlab
    clock: Clock
    budget: RateBudget
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused: datetime | None = None

    def __post_init__(self) -> None:
        """See every answer: python-gitlab's errors have no headers."""
        self.client.session.hooks["response"].append(self._noticed)

    def _noticed(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        if answer.status_code == TOO_MANY:
            after = answer.headers.get("retry-after", "")
            wait = timedelta(seconds=int(after)) if after.isdigit() else LIMIT
            self._paused = self.clock() + wait

    async def get(self, path: str, **query: Any) -> Any:
        """Read something."""
        return await self._do(
            f"GET {path}",
            lambda: self.client.http_get(path, query_data=query, obey_rate_limit=False),
        )

    async def all(self, path: str, **query: Any) -> list[Any]:
        """Every entry of a list, over all pages."""
        found = await self._do(
            f"GET {path}",
            lambda: self.client.http_list(
                path, query_data={**query, "per_page": 100}, get_all=True, obey_rate_limit=False
            ),
        )
        return list(found)

    async def post(self, path: str, fields: Any, urgency: Urgency = Urgency.PROPOSAL) -> Any:
        """Make something."""
        self._spend(urgency)
        return await self._do(
            f"POST {path}",
            lambda: self.client.http_post(path, post_data=fields, obey_rate_limit=False),
        )

    async def put(self, path: str, fields: Any, urgency: Urgency = Urgency.PROPOSAL) -> Any:
        """Change something."""
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
        async with self._one:
            if self._paused is not None and self.clock() < self._paused:
                raise TransientForgeError.delayed("GitLab", self.clock(), self._paused)
            try:
                return await asyncio.to_thread(call)
            except gitlab.GitlabHttpError as error:
                raise self._refused(what, error) from None
            except gitlab.GitlabAuthenticationError:
                words = "GitLab refuses the token: make a new one and set it"
                raise ResponseError(401, what, words) from None
            except gitlab.GitlabError as error:
                raise ForgeError(f"{what}: {str(error)[:MAX_MESSAGE]}") from None
            except requests.RequestException as error:
                why = f"GitLab does not answer {what}: {type(error).__name__}"
                raise certificate_error("GitLab", error) or TransientForgeError(why) from None

    def _refused(self, what: str, error: gitlab.GitlabHttpError) -> ForgeError:
        status = error.response_code or 0
        if status == TOO_MANY:
            until = self._paused or self.clock() + LIMIT
            return TransientForgeError.delayed("GitLab", self.clock(), until)
        if status >= SERVER_ERROR:
            return TransientForgeError(f"GitLab answered {status} to {what}")
        return ResponseError(status, what, f"{status} {str(error.error_message)[:MAX_MESSAGE]}")


def project(repository: str) -> str:
    """The path of a project in addresses."""
    return f"/projects/{quote(repository, safe='')}"
