"""What GitHub knows beyond the local forge: tokens, teams, its log of webhooks, its queue."""

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from fastapi import FastAPI, Request
from starlette.types import ASGIApp

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState
from tests.fakes.oauth import OAuth

Json = dict[str, Any]
PULL_REQUEST_RULE = {
    "dismiss_stale_reviews_on_push": False,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
    "required_approving_review_count": 0,
    "required_review_thread_resolution": False,
}
NOT_GRANTED = "The permissions requested are not granted to this installation."
NOT_HELD = (
    "There is at least one repository that does not exist or is not accessible to the parent "
    "installation."
)


@dataclass(slots=True)
class Delivery:
    """One attempt to deliver a webhook."""

    id: int
    guid: str
    event: str
    body: bytes
    status: int
    redelivery: bool = False


@dataclass(slots=True)
class Written:
    """A review with a text, or an inline comment of one (`path` is its file)."""

    id: int
    login: str
    body: str
    state: str
    head: str
    at: str
    path: str = ""
    edited: bool = False


class GitHub:
    """One GitHub: its state is the local forge's, its tokens and its merge queue are its own."""

    def __init__(self, forge: ForgeState, bot: str, clock: Callable[[], datetime]) -> None:
        self.forge, self.bot, self.clock = forge, bot, clock
        self.web = ""
        self.app: ASGIApp = FastAPI()
        self.oauth = OAuth()
        self.app_key = ""
        self.new_key: Callable[[], tuple[str, str]] = lambda: ("", "")
        self.granted = {
            "contents": "write",
            "issues": "read",
            "members": "read",
            "merge_queues": "write",
            "metadata": "read",
            "pull_requests": "write",
            "statuses": "write",
        }
        self.permissions = dict(self.granted)
        self.events = [
            "issue_comment",
            "merge_group",
            "pull_request",
            "pull_request_review",
            "pull_request_review_comment",
            "push",
            "repository",
            "status",
        ]
        self.tokens: dict[str, datetime] = {}
        self.account_of: dict[str, str] = {}
        self.permissions_of: dict[str, Json] = {}
        self.names_of: dict[str, str] = {}
        self.repositories_of: dict[str, set[str] | None] = {}
        self.suspended: set[str] = set()
        self.made: list[Json] = []
        self.queued: dict[str, str] = {}
        self.entries: list[Any] = []
        self.check_runs: dict[tuple[str, str], list[Json]] = {}
        self.counted: Counter[tuple[str, str, str]] = Counter()
        self.needs_queue = False
        self.methods: list[str] = []
        self.unsure = False
        self.unverified: set[str] = set()
        self.teams: dict[str, set[str]] = {}
        self.requested_teams: dict[tuple[str, int], list[str]] = {}
        self.forks: dict[tuple[str, int], str] = {}
        self.required: dict[str, list[str]] = {}
        self.protection: dict[str, Json] = {}
        self.protection_app: int | None = None
        self.rulesets: dict[str, list[Json]] = {}
        self.repository_methods: dict[str, set[str]] = {}
        self.hook_url = ""
        self.written: dict[tuple[str, int], list[Written]] = {}
        self.deliveries: list[Delivery] = []
        self.redeliver: Callable[[Delivery], None] = lambda _: None
        self.reactions: list[tuple[int, str]] = []
        self.manifests: dict[str, Json] = {}

    def keep_refs(self) -> None:
        """Let heads stand where GitHub has them, too."""
        keep = self.forge.git.keep

        def both(path: str, number: int, sha: str) -> None:
            keep(path, number, sha)
            refs = self.forge.git.open(path).references
            refs.create(f"refs/pull/{number}/head", sha, force=True)

        self.forge.git.keep = both  # type: ignore[method-assign] # GitHub keeps one more

    def rules_of(self, path: str) -> list[Json]:
        """The rules of rulesets that apply to the default branch."""
        rules = [
            {**each, "parameters": {**PULL_REQUEST_RULE, **each["parameters"]}}
            if each["type"] == "pull_request"
            else each
            for each in self.rulesets.get(path, [])
        ]
        if self.required.get(path):
            checks = [{"context": each} for each in self.required[path]]
            parameters = {
                "required_status_checks": checks,
                "strict_required_status_checks_policy": False,
            }
            rules.append({"type": "required_status_checks", "parameters": parameters})
        return rules

    def methods_of(self, path: str) -> set[str]:
        """The merge methods that the settings of a repository allow."""
        return self.repository_methods.get(path, {"merge", "squash", "rebase"})

    @property
    def accounts(self) -> list[str]:
        """The accounts with the App: those with teams, or with a repository that it may read."""
        forge = self.forge
        readable = (path for path in forge.repositories if forge.role(path, self.bot) != "none")
        return sorted({path.partition("/")[0] for path in (*readable, *self.teams)})

    def mint(self, account: str, asked: Json) -> Json:
        """An installation token, good for an hour.

        None for a suspended installation, nor for a repository that it does not hold (GitHub Docs,
        "Create an installation access token for an app": 403, 422; the words are GitHub's own).
        """
        self._refuse_suspended(account)
        for name in asked.get("repositories", []):
            path = f"{account}/{name}"
            if path not in self.forge.repositories or self.forge.role(path, self.bot) == "none":
                raise RequestError(422, NOT_HELD)
        for name, level in asked["permissions"].items():
            if self.granted.get(name, "none") not in {level, "write", "admin"}:
                raise RequestError(422, NOT_GRANTED)
        token = f"ghs_{secrets.token_hex(16)}"
        until = self.clock() + timedelta(hours=1)
        self.tokens[token], self.account_of[token] = until, account
        self.made.append(asked)
        permissions = asked["permissions"]
        named = asked.get("repositories")
        self.permissions_of[token] = permissions
        held = [f"{account}/{each}" for each in named or ()]
        self.repositories_of[token] = (
            {name.lower() for each in held for name in (each, self.names_of.get(each, each))}
            if named
            else None
        )
        return {
            "token": token,
            "expires_at": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "permissions": permissions,
        }

    def user_of(self, token: str) -> User | None:
        """The bot for an installation token that has not ended, else whose fixed token it is."""
        until = self.tokens.get(token)
        if until is not None:
            return self.forge.users[self.bot] if self.clock() < until else None
        if token in self.oauth.tokens:
            return self.forge.users[self.oauth.tokens[token]]
        return self.forge.authenticate(None, token)

    def signed_in(self, request: Request) -> User:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.user_of(token)
        if user is None:
            raise RequestError(401, "Bad credentials")
        self._refuse_suspended(self.account_of.get(token, ""))
        return user

    def _refuse_suspended(self, account: str) -> None:
        """GitHub Docs, "Suspending a GitHub App installation": it reaches nothing there."""
        if account in self.suspended:
            raise RequestError(403, "This installation has been suspended")

    def app_signed_in(self, request: Request) -> None:
        _, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            jwt.decode(token, self.app_key, algorithms=["RS256"], options={"verify_exp": False})
        except jwt.InvalidTokenError as error:
            raise RequestError(401, "A JSON web token could not be decoded") from error
