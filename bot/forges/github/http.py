"""GitHub's REST and GraphQL API over HTTP: pagination, caching, rate limits, errors.

Sources: GitHub Docs, "Best practices for using the REST API" (conditional requests, redirects,
pages), "Rate limits for the REST API" (primary and secondary), "Troubleshooting the REST API".
gidgethub builds the headers and parses the responses.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import gidgethub
import httpx
from gidgethub import sansio

from bot.clock import Clock
from bot.forges import ForgeError, NotFoundError, TransientForgeError, certificate_error
from bot.forges._rate_budget import RateBudget, Urgency, whole_seconds
from bot.forges._request_counts import RequestCounts
from bot.forges.github.answers import Answers, RawResponse
from bot.forges.github.refusals import Refused, explained
from bot.forges.github.tokens import Tokens

PUBLIC, PUBLIC_API = "https://github.com", "https://api.github.com"
REQUESTER = "switchyard"
ACCEPT = "application/vnd.github+json"
VERSION = "2022-11-28"
MAX_RESPONSE = 32 * 1024 * 1024
MAX_PAGES = 200
MAX_REDIRECTS = 3
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
SECONDARY_PAUSE = timedelta(minutes=1)
BROKEN_PAUSE = timedelta(seconds=5)
MAINTENANCE = 503
_LIMITED = re.compile(rb"rate limit|abuse detection|submitted too quickly", re.IGNORECASE)
MAX_MESSAGE = 300


class ResponseError(ForgeError):
    """GitHub rejected the request `where`, with an HTTP status and its own message."""

    def __init__(self, status: int, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.status, self.message = status, message


class MissingError(ResponseError, NotFoundError):
    """GitHub responded 404."""


class GraphQLError(ForgeError):
    """GitHub rejected a GraphQL query with this message."""


@dataclass(frozen=True, slots=True)
class Response:
    """A decoded response, and the URL of the next page."""

    value: Any
    next_page: str | None


@dataclass(slots=True)
class Http:
    """Requests to one GitHub instance; each uses a token for its repository only.

    Every call raises TransientForgeError if GitHub is unreachable, fails or limits the rate, and
    ResponseError with GitHub's message if it rejects the request.
    """

    api: str
    client: httpx.AsyncClient
    tokens: Tokens
    clock: Clock
    budget: RateBudget
    counts: RequestCounts = field(default_factory=RequestCounts)
    answers: Answers = field(default_factory=Answers)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _paused: datetime | None = None

    async def get(self, repository: str, path: str, **query: str) -> Any:
        """Read a resource."""
        return (await self._read(repository, self._url(path, query))).value

    async def pages(
        self,
        repository: str,
        path: str,
        query: Mapping[str, str] | None = None,
        is_last: Callable[[Any], bool] = lambda _: False,
    ) -> list[Any]:
        """The entries of all pages of a list, up to a page with an entry that `is_last`."""
        url: str | None = self._url(path, {**(query or {}), "per_page": "100"})
        found: list[Any] = []
        for _ in range(MAX_PAGES):
            if url is None:
                return found
            response = await self._read(repository, url)
            found += response.value
            url = None if any(map(is_last, response.value)) else response.next_page
        raise ForgeError(f"{path} has more than {MAX_PAGES} pages")

    async def send(
        self,
        method: str,
        repository: str,
        path: str,
        fields: Any,
        urgency: Urgency = Urgency.MERGE_REQUEST,
    ) -> Any:
        """Send a write request; one at a time and within the budget."""
        async with self._writing:
            self._spend(urgency)
            return (await self._call(method, repository, self._url(path, {}), fields)).value

    def _spend(self, urgency: Urgency) -> None:
        until = self.budget.spend(urgency)
        if until is not None:
            raise _delayed(self.clock(), until)

    async def graphql(
        self,
        repository: str,
        query: str,
        variables: Mapping[str, Any],
        urgency: Urgency | None = None,
    ) -> Any:
        """The data of a GraphQL query, or of a mutation, which has an urgency.

        Raises:
            GraphQLError: the response, which has status 200 then, tells errors.
            TransientForgeError, ResponseError: as all calls.
        """
        url = self.api.removesuffix("/v3") + "/graphql"
        fields = {"query": query, "variables": dict(variables)}
        if urgency is None:
            return self._data((await self._call("POST", repository, url, fields)).value)
        async with self._writing:
            self._spend(urgency)
            return self._data((await self._call("POST", repository, url, fields)).value)

    def _data(self, response: Any) -> Any:
        """The data of a response.

        Source: GitHub Docs, "Rate limits and query limits for the GraphQL API": status 200 with an
        error of type RATE_LIMITED.
        """
        errors = response.get("errors") or ()
        if any(each.get("type") == "RATE_LIMITED" for each in errors):
            now = self.clock()
            self._paused = now + SECONDARY_PAUSE
            raise _delayed(now, self._paused)
        if errors:
            raise GraphQLError(str(errors[0].get("message", ""))[:MAX_MESSAGE])
        return response.get("data") or {}

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        return str(httpx.URL(f"{self.api}{path}", params=dict(query) or None))

    async def _read(self, repository: str, url: str) -> Response:
        for _ in range(MAX_REDIRECTS):
            try:
                return await self._call("GET", repository, url, None)
            except _MovedError as moved:
                url = self._same_origin(urljoin(url, moved.location))
        raise ForgeError(f"{url} redirects more than {MAX_REDIRECTS} times")

    def _same_origin(self, url: str) -> str:
        here, there = urlsplit(self.api), urlsplit(url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise ForgeError(
                f"{here.netloc} redirects to {there.netloc}; the token is not sent to another host"
            )
        return url

    async def _call(self, method: str, repository: str, url: str, fields: Any) -> Response:
        if self._paused is not None and self.clock() < self._paused:
            raise _delayed(self.clock(), self._paused)
        for renewed in (False, True):
            token = await self.tokens.of(repository, renew=renewed)
            response = await self._exchange(method, url, fields, token)
            if response.status != httpx.codes.UNAUTHORIZED or not self.tokens.renewable:
                break
        return self._parsed(method, url, response, repository)

    async def _exchange(self, method: str, url: str, fields: Any, token: str) -> RawResponse:
        headers = sansio.create_headers(REQUESTER, accept=ACCEPT, oauth_token=token)
        headers["x-github-api-version"] = VERSION
        kept = self.answers.get(url) if method == "GET" else None
        if kept is not None:
            headers["if-none-match"] = kept[0]
        content = None if fields is None else json.dumps(fields).encode()
        request = self.client.build_request(
            method, url, headers=headers, content=content, timeout=TIMEOUT
        )
        try:
            response = await exchange(self.client, request)
        except TransientForgeError:
            self.counts.unreachable()
            raise
        if response.status == httpx.codes.NOT_MODIFIED and kept is not None:
            return kept[1]
        etag = response.headers.get("etag")
        if method == "GET" and response.status == httpx.codes.OK and etag:
            self.answers.keep(url, etag, response)
        return response

    def _parsed(self, method: str, url: str, response: RawResponse, repository: str) -> Response:
        where = f"{method} {urlsplit(url).path}"
        status, headers = response.status, response.headers
        self._check_limits(response)
        if status in {301, 302, 307, 308}:
            if method == "GET":
                raise _MovedError(headers.get("location", ""))
            raise ResponseError(
                status, where, "the repository was renamed or moved; use its new name"
            )
        try:
            value, _, next_page = sansio.decipher_response(status, headers, response.body)
        except gidgethub.GitHubBroken as error:
            raise self._broken(where, response) from error
        except gidgethub.GitHubException as error:
            message = str(error)[:MAX_MESSAGE]
            refused = Refused(status, message, headers, repository, self.tokens.renewable)
            kind = MissingError if status == HTTPStatus.NOT_FOUND else ResponseError
            raise kind(status, where, explained(refused)) from error
        except ValueError as error:
            raise TransientForgeError(f"GitHub's response to {where} is not JSON") from error
        return Response(value, next_page)

    def _broken(self, where: str, response: RawResponse) -> TransientForgeError:
        """A server error; an Enterprise Server under maintenance answers 503."""
        wait = whole_seconds(response.headers.get("retry-after"))
        seconds = BROKEN_PAUSE.total_seconds() if wait is None else float(wait)
        kind = "under maintenance or overloaded" if response.status == MAINTENANCE else "broken"
        return TransientForgeError(
            f"GitHub is {kind}: it responded {response.status} to {where}", seconds
        )

    def _check_limits(self, response: RawResponse) -> None:
        """Pause all requests until a rate limit ends: GitHub bans Apps that continue.

        Primary limits state their end, secondary ones often do not.
        """
        status, headers = response.status, response.headers
        if status not in {403, 429}:
            return
        now, until = self.clock(), None
        after = whole_seconds(headers.get("retry-after"))
        reset = whole_seconds(headers.get("x-ratelimit-reset"))
        if after is not None:
            until = now + timedelta(seconds=after)
        elif headers.get("x-ratelimit-remaining") == "0" and reset is not None:
            until = datetime.fromtimestamp(reset, UTC)
        elif status == httpx.codes.TOO_MANY_REQUESTS or _LIMITED.search(response.body[:1000]):
            until = now + SECONDARY_PAUSE
        if until is not None:
            self._paused = until
            raise _delayed(now, until)


def count_requests(client: httpx.AsyncClient) -> RequestCounts:
    """The requests of a client from now on, those for tokens included."""
    counts = RequestCounts()

    async def observe(response: httpx.Response) -> None:
        counts.answered(response.status_code, response.headers)

    client.event_hooks["response"].append(observe)
    return counts


def api_of(web: str) -> str:
    """The base URL of the REST API: a separate host only on github.com."""
    return PUBLIC_API if web == PUBLIC else f"{web}/api/v3"


def _delayed(now: datetime, until: datetime) -> TransientForgeError:
    return TransientForgeError.delayed("GitHub", now, until)


class _MovedError(Exception):
    """A GET request was redirected."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


async def exchange(client: httpx.AsyncClient, request: httpx.Request) -> RawResponse:
    """Send a request and read the whole response, up to MAX_RESPONSE bytes.

    Raises:
        TransientForgeError: the server is unreachable, or the response is too large.
        ForgeError: the certificate is not trusted.
    """
    body = bytearray()
    try:
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE:
                    raise TransientForgeError(f"a response is larger than {MAX_RESPONSE} bytes")
        finally:
            await response.aclose()
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        unreachable = TransientForgeError(f"{request.url.host} is unreachable: {why}")
        raise certificate_error("GitHub", error) or unreachable from error
    return RawResponse(response.status_code, response.headers, bytes(body))
