"""GitLab's REST API through python-gitlab: in threads, one request at a time.

Sources: GitLab Docs, "REST API" (pagination, status codes, redirects), "Rate limits" (Retry-After,
RateLimit-Reset; some limits state neither). python-gitlab would sleep at a limit; here the call
fails with the time to retry. A redirect to another host is not followed: the header with the token
would go with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import gitlab
import requests
from requests.utils import get_environ_proxies

from bot.clock import Clock
from bot.forges import ForgeError, NotFoundError, TransientForgeError, certificate_error
from bot.forges._rate_budget import RateBudget, Urgency, whole_seconds
from bot.forges._request_counts import RequestCounts
from bot.forges.gitlab import refusals

DEFAULT_PAUSE = timedelta(minutes=1)
TIMEOUT = 20
TOO_MANY, MOVED = 429, 405
MAX_MESSAGE = 300


class ResponseError(ForgeError):
    """GitLab rejected the request `where`, with an HTTP status and its own message."""

    def __init__(self, status: int, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.status, self.message = status, message


class MissingError(ResponseError, NotFoundError):
    """GitLab responded 404."""


@dataclass(slots=True)
class Http:
    """Requests to one GitLab instance with one token.

    Every call raises TransientForgeError if GitLab is unreachable, fails or limits the rate, and
    ResponseError with GitLab's message if it rejects the request. `moved` maps the API paths of
    moved projects to their new names.
    """

    client: gitlab.Gitlab
    clock: Clock
    budget: RateBudget
    counts: RequestCounts = field(default_factory=RequestCounts)
    moved: dict[str, str] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused: datetime | None = None

    def __post_init__(self) -> None:
        """Observe every response: python-gitlab's errors lack the headers.

        The proxy is looked up once: `requests` would read the whole environment for each request.
        """
        session = self.client.session
        session.hooks["response"].append(self._observe)
        session.proxies.update(get_environ_proxies(self.client.url))
        session.trust_env = False

    def _observe(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self.counts.answered(response.status_code, response.headers)
        if response.status_code == TOO_MANY:
            self._paused = self._free_again(response.headers)
        if response.is_redirect:
            here = urlsplit(response.url)
            there = urlsplit(urljoin(response.url, response.headers["location"]))
            if (here.scheme, here.netloc) != (there.scheme, there.netloc):
                raise ForgeError(
                    f"GitLab redirects from {here.scheme}://{here.netloc} to {there.scheme}://"
                    f"{there.netloc}: configure the new address as SWITCHYARD_GITLAB_URL"
                )

    def _free_again(self, headers: Mapping[str, str]) -> datetime:
        """When a rate limit ends."""
        after = whole_seconds(headers.get("retry-after"))
        if after is not None:
            return self.clock() + timedelta(seconds=after)
        reset = whole_seconds(headers.get("ratelimit-reset"))
        if reset is not None:
            return datetime.fromtimestamp(reset, UTC)
        return self.clock() + DEFAULT_PAUSE

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

    async def graphql(self, query: str, variables: Mapping[str, str]) -> Any:
        """Read by GraphQL; what GitLab could not resolve is absent."""
        url = f"{self.client.url}/api/graphql"
        asked = {"query": query, "variables": dict(variables)}
        answer = await self._do(
            "POST /graphql",
            lambda: self.client.http_post(url, post_data=asked, obey_rate_limit=False),
        )
        return answer.get("data") or {}

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
            except (gitlab.GitlabHttpError, gitlab.GitlabAuthenticationError) as error:
                raise self._classified(what, error) from None
            except gitlab.GitlabError as error:
                raise ForgeError(f"{what}: {str(error)[:MAX_MESSAGE]}") from None
            except requests.RequestException as error:
                self.counts.unreachable()
                why = f"GitLab is unreachable ({what}): {type(error).__name__}"
                raise certificate_error("GitLab", error) or TransientForgeError(why) from None

    def _classified(self, what: str, error: gitlab.GitlabError) -> ForgeError:
        status = error.response_code or 0
        if status == TOO_MANY:
            until = self._paused or self.clock() + DEFAULT_PAUSE
            return TransientForgeError.delayed("GitLab", self.clock(), until)
        method, _, path = what.partition(" ")
        refusal = refusals.read(status, method, error.response_body or b"")
        if refusal.retry_after is not None:
            return TransientForgeError(f"{refusal.message} ({what})", refusal.retry_after)
        place = "/".join(path.split("/")[:3])
        if status == MOVED and place in self.moved:
            return ResponseError(status, what, f"{refusal.message}: {self.moved[place]}")
        kind = MissingError if status == HTTPStatus.NOT_FOUND else ResponseError
        return kind(status, what, refusal.message)


def project(repository: str) -> str:
    """The API path of a project."""
    return f"/projects/{quote(repository, safe='')}"
