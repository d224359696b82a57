"""The local forge as the bot sees it: its programming interface over HTTP."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from bot.forges import (
    Comment,
    Delivery,
    Forge,
    ForgeError,
    ForgeKind,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
    NotMerged,
    RepositoryInfo,
    Review,
    Role,
    Status,
    StatusState,
    TransientForgeError,
    User,
)
from bot.settings import Settings

MAX_ANSWER = 32 * 1024 * 1024
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
BUSY = frozenset({429, 500, 502, 503, 504})
LOOK_AGAIN = frozenset({405, 409, 422})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the forge answered, read whole."""

    status: int
    body: bytes


class LocalForge:
    """A client of one local forge. Every request goes to its origin; redirects are not followed."""

    name = "local"

    def __init__(
        self,
        base_url: str,
        token: str,
        webhook_secrets: tuple[bytes, ...],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._token = token
        self._secrets = webhook_secrets
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)
        self._me: User | None = None

    @classmethod
    def connect(cls, settings: Settings) -> Forge | None:
        """A client when address, token and webhook secret are set."""
        if not (settings.local_url and settings.local_token and settings.local_webhook_secret):
            return None
        secret = settings.local_webhook_secret.get_secret_value().encode()
        return cls(str(settings.local_url), settings.local_token.get_secret_value(), (secret,))

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """HMAC-SHA256 over the exact body, by any of the secrets."""
        given = headers.get("x-switchyard-signature-256", "").removeprefix("sha256=")
        signatures = [
            hmac.new(secret, body, hashlib.sha256).hexdigest().encode() for secret in self._secrets
        ]
        sent = given.encode("utf-8", "replace")
        if not any(hmac.compare_digest(each, sent) for each in signatures):
            return None
        try:
            event = json.loads(body)
            number = event["number"]
            return Delivery(
                id=headers["x-switchyard-delivery"],
                event=headers["x-switchyard-event"],
                repository=str(event["repository"]),
                number=int(number) if number is not None else None,
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    async def me(self) -> User:
        """See the Protocol; asked once."""
        if self._me is None:
            self._me = _user(await self._get("/user"))
        return self._me

    async def git_credentials(self, repository: str) -> GitCredentials:
        """The bot's login and token, for every repository."""
        del repository
        return GitCredentials((await self.me()).login, self._token)

    async def repository(self, repository: str) -> RepositoryInfo:
        """See the Protocol."""
        found = await self._get(f"/repos/{_path(repository)}")
        web = f"{self._base}/{repository}"
        return RepositoryInfo(repository, found["default_branch"], f"{web}.git", web)

    async def role(self, repository: str, login: str) -> Role:
        """See the Protocol."""
        found = await self._get(f"/repos/{_path(repository)}/members/{quote(login, safe='')}")
        return Role[str(found["role"]).upper()]

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """See the Protocol."""
        found = await self._get(
            f"/repos/{_path(repository)}/merge_requests", state=state, branch_prefix=branch_prefix
        )
        return tuple(self._request(repository, each) for each in found)

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """See the Protocol."""
        return self._request(repository, await self._get(_request_path(repository, number)))

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """See the Protocol."""
        path = f"/repos/{_path(repository)}/commits/{quote(sha, safe='')}/merge_request"
        found = await self._get(path)
        return self._request(repository, found) if found else None

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """See the Protocol."""
        fields = {"branch": branch, "target": target, "title": title, "body": body}
        path = f"/repos/{_path(repository)}/merge_requests"
        return self._request(repository, await self._send("POST", path, fields))

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """See the Protocol."""
        fields = {"title": title, "body": body}
        await self._send("PATCH", _request_path(repository, number), fields)

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """See the Protocol."""
        await self._send("PATCH", _request_path(repository, number), {"state": state})

    async def merge(
        self, repository: str, number: int, *, head: str, message: str
    ) -> Merged | NotMerged:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/merge"
        answer = await self._call("POST", path, {"head": head, "message": message})
        if answer.status in LOOK_AGAIN:
            return NotMerged(str(_json(answer).get("message", answer.status)))
        return Merged(str(_json(_checked(answer))["sha"]))

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """See the Protocol."""
        found = await self._get(f"{_request_path(repository, number)}/reviews")
        return tuple(
            Review(_user(each["user"]), each["head"], datetime.fromisoformat(each["at"]))
            for each in found
        )

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """See the Protocol."""
        found = await self._get(f"{_request_path(repository, number)}/comments")
        return tuple(_comment(each) for each in found)

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/comments"
        return _comment(await self._send("POST", path, {"body": body}))

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/comments/{comment}"
        await self._send("PATCH", path, {"body": body})

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        found = await self._get(f"/repos/{_path(repository)}/statuses/{quote(sha, safe='')}")
        return tuple(
            Status(each["context"], StatusState(each["state"]), each["description"], each["url"])
            for each in found
        )

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """See the Protocol."""
        fields = {
            "context": status.context,
            "state": status.state.value,
            "description": status.description,
            "url": status.url,
        }
        await self._send("POST", f"/repos/{_path(repository)}/statuses/{sha}", fields)

    async def _get(self, path: str, **query: str) -> Any:
        return _json(_checked(await self._call("GET", path, None, query)))

    async def _send(self, method: str, path: str, fields: Mapping[str, str]) -> Any:
        return _json(_checked(await self._call(method, path, fields)))

    async def _call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        url = f"{self._base}/api/v1{path}"
        headers = {"Authorization": f"Bearer {self._token}"}
        request = self._client.build_request(
            method, url, json=fields, params=dict(query or {}), headers=headers
        )
        try:
            answer = await self._client.send(request, stream=True, follow_redirects=False)
            try:
                body = await _read(answer)
            finally:
                await answer.aclose()
        except httpx.HTTPError as error:
            host = urlsplit(self._base).netloc
            raise TransientForgeError(f"the forge at {host} does not answer: {error}") from error
        if answer.status_code in BUSY:
            raise TransientForgeError(f"the forge answered {answer.status_code} to {method} {path}")
        return Answer(answer.status_code, body)

    def _request(self, repository: str, found: Mapping[str, Any]) -> ForgeMergeRequest:
        return ForgeMergeRequest(
            number=found["number"],
            title=found["title"],
            body=found["body"],
            state=found["state"],
            source_branch=found["source_branch"],
            target_branch=found["target_branch"],
            head=found["head"],
            author=_user(found["author"]),
            url=f"{self._base}/{repository}/merge_requests/{found['number']}",
            source_repository=repository,
            labels=tuple(found["labels"]),
            merge_sha=found["merge_sha"],
            closed_by=found["closed_by"],
            conflicts=found["conflicts"],
        )


async def _read(answer: httpx.Response) -> bytes:
    """The body, refused when it is larger than 32 MiB."""
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise ForgeError(f"the forge's answer is larger than {MAX_ANSWER} bytes")
    return body


def _checked(answer: Answer) -> Answer:
    if answer.status < httpx.codes.MULTIPLE_CHOICES:
        return answer
    message = answer.body[:300].decode("utf-8", "replace")
    raise ForgeError(f"the forge answered {answer.status}: {message}")


def _json(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise ForgeError("the forge's answer is not JSON") from error


def _path(repository: str) -> str:
    group, _, name = repository.partition("/")
    return f"{quote(group, safe='')}/{quote(name, safe='')}"


def _request_path(repository: str, number: int) -> str:
    return f"/repos/{_path(repository)}/merge_requests/{number}"


def _user(found: Mapping[str, Any]) -> User:
    return User(found["id"], found["login"], found["email"], found["bot"])


def _comment(found: Mapping[str, Any]) -> Comment:
    at = datetime.fromisoformat(found["created_at"])
    return Comment(found["id"], _user(found["author"]), found["body"], at, found["edited"])


FORGE: ForgeKind = LocalForge
