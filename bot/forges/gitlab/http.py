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

from bot.budget import Budget
from bot.clock import Clock
from bot.forges import ForgeError, TransientForgeError

LIMIT = timedelta(minutes=1)
TIMEOUT = 20
TOO_MANY, SERVER_ERROR = 429, 500
WORDS = 300


class AnsweredError(ForgeError):
    """GitLab refused; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Http:
    """Speaks to one GitLab with one token.

    Raises from every call: TransientForgeError when GitLab is unreachable, broken or at a limit;
    AnsweredError with GitLab's own words when it refuses.
    """

    client: gitlab.Gitlab
    clock: Clock
    budget: Budget
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

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

    async def post(self, path: str, fields: Any) -> Any:
        """Make something."""
        self._spend()
        return await self._do(
            f"POST {path}",
            lambda: self.client.http_post(path, post_data=fields, obey_rate_limit=False),
        )

    async def put(self, path: str, fields: Any) -> Any:
        """Change something."""
        self._spend()
        return await self._do(
            f"PUT {path}",
            lambda: self.client.http_put(path, post_data=fields, obey_rate_limit=False),
        )

    def _spend(self) -> None:
        until = self.budget.spend()
        if until is not None:
            raise TransientForgeError.delayed("GitLab", self.clock(), until)

    async def _do(self, what: str, call: Callable[[], Any]) -> Any:
        async with self._one:
            try:
                return await asyncio.to_thread(call)
            except gitlab.GitlabHttpError as error:
                raise self._refused(what, error) from None
            except gitlab.GitlabAuthenticationError:
                raise AnsweredError(
                    401, f"GitLab refuses the token ({what}): make a new one and set it"
                ) from None
            except gitlab.GitlabError as error:
                raise ForgeError(f"{what}: {str(error)[:WORDS]}") from None
            except requests.RequestException as error:
                name = type(error).__name__
                raise TransientForgeError(f"GitLab does not answer {what}: {name}") from None

    def _refused(self, what: str, error: gitlab.GitlabHttpError) -> ForgeError:
        status = error.response_code or 0
        if status == TOO_MANY:
            return TransientForgeError.delayed("GitLab", self.clock(), self._until(error))
        if status >= SERVER_ERROR:
            return TransientForgeError(f"GitLab answered {status} to {what}")
        return AnsweredError(status, f"{what}: {status} {str(error.error_message)[:WORDS]}")

    def _until(self, error: gitlab.GitlabHttpError) -> datetime:
        """What python-gitlab hands on of a 429 has no headers: a minute is GitLab's window."""
        del error
        return self.clock() + LIMIT


def project(repository: str) -> str:
    """The path of a project in addresses."""
    return f"/projects/{quote(repository, safe='')}"
