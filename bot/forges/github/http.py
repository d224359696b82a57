"""GitHub's REST and GraphQL over HTTP: requests, pages, cached answers, limits, errors.

Sources: GitHub Docs, "Best practices for using the REST API" (conditional requests, redirects,
pages), "Rate limits for the REST API" (primary and secondary), "Troubleshooting the REST API".
gidgethub builds the headers and reads the answers.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import gidgethub
import httpx
from gidgethub import sansio

from bot.clock import Clock
from bot.forges import ForgeError, TransientForgeError, certificate_error
from bot.forges._rate_budget import RateBudget, Urgency
from bot.forges.github.tokens import Tokens

PUBLIC, PUBLIC_API = "https://github.com", "https://api.github.com"
REQUESTER = "switchyard"
ACCEPT = "application/vnd.github+json"
VERSION = "2022-11-28"
MAX_RESPONSE = 32 * 1024 * 1024
MAX_PAGES = 200
MAX_CACHED = 2_000
MAX_REDIRECTS = 3
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
SECONDARY = timedelta(minutes=1)
MAX_MESSAGE = 300


class ResponseError(ForgeError):
    """GitHub refused what `where` asked, with an HTTP status and in its own words."""

    def __init__(self, status: int, where: str, words: str) -> None:
        super().__init__(f"{where}: {words}")
        self.status, self.words = status, words


@dataclass(frozen=True, slots=True)
class Response:
    """What GitHub answered: the decoded body, and the address of the next page."""

    value: Any
    following: str | None


@dataclass(slots=True)
class Http:
    """Speaks to one GitHub; every request for a repository carries a token for that alone.

    Raises from every call: TransientForgeError when GitHub is unreachable, broken or at a limit;
    ResponseError with GitHub's own words when it refuses.
    """

    api: str
    client: httpx.AsyncClient
    tokens: Tokens
    clock: Clock
    budget: RateBudget
    _cache: OrderedDict[str, tuple[str, httpx.Headers, bytes]] = field(default_factory=OrderedDict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused: datetime | None = None

    async def get(self, repository: str, path: str, **query: str) -> Any:
        """Read something."""
        return (await self._read(repository, self._url(path, query))).value

    async def pages(
        self,
        repository: str,
        path: str,
        query: Mapping[str, str] | None = None,
        enough: Callable[[Any], bool] = lambda _: False,
    ) -> list[Any]:
        """Every entry of a list, over all pages up to one with an entry that is `enough`."""
        url: str | None = self._url(path, {**(query or {}), "per_page": "100"})
        found: list[Any] = []
        for _ in range(MAX_PAGES):
            if url is None:
                return found
            answer = await self._read(repository, url)
            found += answer.value
            url = None if any(map(enough, answer.value)) else answer.following
        raise ForgeError(f"{path} has more than {MAX_PAGES} pages")

    async def send(
        self,
        method: str,
        repository: str,
        path: str,
        fields: Any,
        urgency: Urgency = Urgency.PROPOSAL,
    ) -> Any:
        """Change something; one at a time, and within the budget."""
        async with self._writing:
            self._spend(urgency)
            return (await self._call(method, repository, self._url(path, {}), fields)).value

    def _spend(self, urgency: Urgency) -> None:
        until = self.budget.spend(urgency)
        if until is not None:
            raise _delayed(self.clock(), until)

    async def graphql(self, repository: str, fields: Any) -> Any:
        """Ask GraphQL to merge; errors are part of its answer (GitHub Docs, "Forming calls")."""
        url = self.api.removesuffix("/v3") + "/graphql"
        async with self._writing:
            self._spend(Urgency.MERGE)
            return (await self._call("POST", repository, url, fields)).value

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return str(httpx.URL(f"{self.api}{path}", params=dict(query) or None))

    async def _read(self, repository: str, url: str) -> Response:
        for _ in range(MAX_REDIRECTS):
            try:
                return await self._call("GET", repository, url, None)
            except _MovedError as moved:
                url = self._same_origin(urljoin(url, moved.location))
        raise ForgeError(f"{url} redirects in a circle")

    def _same_origin(self, url: str) -> str:
        here, there = urlsplit(self.api), urlsplit(url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ForgeError(f"{here.netloc} redirects to {there.netloc}, which gets no token")
        return url

    async def _call(self, method: str, repository: str, url: str, fields: Any) -> Response:
        if self._paused is not None and self.clock() < self._paused:
            raise _delayed(self.clock(), self._paused)
        for renewed in (False, True):
            token = await self.tokens.of(repository, renew=renewed)
            status, headers, body = await self._exchange(method, url, fields, token)
            if status != httpx.codes.UNAUTHORIZED or not self.tokens.renewable:
                break
        return self._understood(method, url, status, headers, body)

    async def _exchange(
        self, method: str, url: str, fields: Any, token: str
    ) -> tuple[int, httpx.Headers, bytes]:
        headers = sansio.create_headers(REQUESTER, accept=ACCEPT, oauth_token=token)
        headers["x-github-api-version"] = VERSION
        cached = self._cache.get(url) if method == "GET" else None
        if cached is not None:
            headers["if-none-match"] = cached[0]
        content = None if fields is None else json.dumps(fields).encode()
        request = self.client.build_request(
            method, url, headers=headers, content=content, timeout=TIMEOUT
        )
        status, answered, body = await exchange(self.client, request)
        if status == httpx.codes.NOT_MODIFIED and cached is not None:
            self._cache.move_to_end(url)
            return 200, cached[1], cached[2]
        etag = answered.get("etag")
        if method == "GET" and status == httpx.codes.OK and etag:
            self._cache[url] = (etag, answered, body)
            while len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        return status, answered, body

    def _understood(
        self, method: str, url: str, status: int, headers: httpx.Headers, body: bytes
    ) -> Response:
        where = f"{method} {urlsplit(url).path}"
        self._check_limits(status, headers, body)
        if status in {301, 302, 307, 308}:
            if method == "GET":
                raise _MovedError(headers.get("location", ""))
            raise ResponseError(status, where, "the repository was renamed; use its new name")
        try:
            value, _, following = sansio.decipher_response(status, headers, body)
        except gidgethub.GitHubBroken as error:
            raise TransientForgeError(f"GitHub answered {status} to {where}") from error
        except gidgethub.GitHubException as error:
            raise ResponseError(status, where, str(error)[:MAX_MESSAGE]) from error
        except ValueError as error:
            raise TransientForgeError(f"GitHub's answer to {where} is no JSON") from error
        return Response(value, following)

    def _check_limits(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        """Primary limits say when they end, secondary ones often only that they are there.

        Until then nothing is sent, whoever asks: GitHub bans Apps that go on.
        """
        if status not in {403, 429}:
            return
        now, until = self.clock(), None
        reset = headers.get("x-ratelimit-reset", "")
        if headers.get("retry-after", "").isdigit():
            until = now + timedelta(seconds=int(headers["retry-after"]))
        elif headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
            until = datetime.fromtimestamp(int(reset), UTC)
        elif status == httpx.codes.TOO_MANY_REQUESTS or b"rate limit" in body[:1000].lower():
            until = now + SECONDARY
        if until is not None:
            self._paused = until
            raise _delayed(now, until)


def api_of(web: str) -> str:
    """The REST API of a GitHub by its web address: its own host on github.com only."""
    return PUBLIC_API if web == PUBLIC else f"{web}/api/v3"


def _delayed(now: datetime, until: datetime) -> TransientForgeError:
    return TransientForgeError.delayed("GitHub", now, until)


class _MovedError(Exception):
    """A redirection of a read."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request
) -> tuple[int, httpx.Headers, bytes]:
    """Send a request and read the whole answer, within bounds.

    Raises:
        TransientForgeError: nobody answers, or too much.
        ForgeError: its certificate is not trusted.
    """
    body = bytearray()
    try:
        answer = await client.send(request, stream=True, follow_redirects=False)
        try:
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE:
                    raise TransientForgeError(f"an answer is larger than {MAX_RESPONSE} bytes")
        finally:
            await answer.aclose()
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        silent = TransientForgeError(f"{request.url.host} does not answer: {why}")
        raise certificate_error("GitHub", error) or silent from error
    return answer.status_code, answer.headers, bytes(body)
