"""A forge to try the bot's client on: that client, and the hands of people on the repository."""

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx
from starlette.types import ASGIApp

from bot.forges import Forge
from bot.forges.github import GitHubForge
from bot.forges.github.tokens import AppTokens
from bot.forges.gitlab import GitLabForge
from bot.forges.local import LocalForge
from bot.sandbox.demo.people import Person
from bot.sandbox.forge.server import Made, ThreadedServer, create_forge
from tests.fakes.github.description import Described as DescribedByGitHub
from tests.fakes.github.hooks import GitHubHooks
from tests.fakes.github.server import start_github
from tests.fakes.gitlab.description import Described as DescribedByGitLab
from tests.fakes.gitlab.hooks import GitLabHooks
from tests.fakes.gitlab.server import start_gitlab

REPO = "fleet/deploy"
CONTEXT = "switchyard/order"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = b"a-secret-of-the-tests"
ROLES = {"switchyard": "write", "rita": "write", "otto": "admin"}


class Ground(Protocol):
    """A forge with repository REPO: main is protected and needs CONTEXT; `rita` reviews.

    `missing` is what the forge says of a merge request that lacks its status. What not every forge
    has is told by `has_teams`, `has_queue` (or trains) and `looked_after` (the bot sees its rules).
    """

    forge: Forge
    made: Made
    missing: str
    has_teams: bool
    has_queue: bool
    looked_after: bool
    webhooks: list[tuple[Mapping[str, str], bytes]]

    def push(self, branch: str, files: Mapping[str, bytes | None]) -> str:
        """Commit on a branch as a person who may; the commit."""

    def delete_branch(self, branch: str) -> None:
        """Delete a branch as `rita`."""

    def approve(self, number: int) -> None:
        """Approve as `rita`."""

    def withdraw(self, number: int) -> None:
        """Take the approval back."""

    def close(self, number: int) -> None:
        """Close as `rita`."""

    def label(self, number: int, name: str) -> None:
        """Add a label as `rita`."""

    def team(self, name: str, login: str) -> None:
        """Let somebody be the team, where there are teams."""

    def ask_for_queue(self) -> None:
        """Let the default branch be merged to by a queue or train alone, where there are any."""

    def entered(self) -> int:
        """How many merge requests entered it."""

    def ref(self, name: str) -> str | None:
        """The commit that a ref of the repository points at."""

    def settle(self) -> None:
        """Return when every webhook was delivered."""

    def stop(self) -> None:
        """End it."""


class LocalGround:
    """The local forge on loopback, which is also where the people of the others are."""

    missing = CONTEXT
    has_teams = has_queue = looked_after = False

    def __init__(self, folder: Path) -> None:
        self.webhooks: list[tuple[Mapping[str, str], bytes]] = []
        hooks = httpx.AsyncClient(transport=self.carrier(httpx.MockTransport(self._receive)))
        self.made = create_forge(folder, clock=lambda: NOW, hook_client=hooks)
        for login in ROLES:
            self.made.forge.create_user(login, token_of(login), bot=login == "switchyard")
        self.made.forge.create_repository(REPO, ROLES, protected=True, required_statuses=(CONTEXT,))
        self.made.hooks.add(REPO, "http://bot.test/hooks", SECRET.decode())
        self._server = ThreadedServer(self.made.app).start()
        self._otto = Person("otto", token_of("otto"), self._server.url)
        self._rita = Person("rita", token_of("rita"), self._server.url)
        self.forge: Forge = self.connect()

    def carrier(self, onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """How webhooks travel."""
        return onward

    def connect(self) -> Forge:
        """The bot's client; a retired webhook secret is still known."""
        return LocalForge(self._server.url, token_of("switchyard"), (b"retired", SECRET))

    def _receive(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.webhooks.append((headers, request.content))
        return httpx.Response(202)

    def push(self, branch: str, files: Mapping[str, bytes | None]) -> str:
        return self._otto.push(REPO, branch, files, f"Change {branch}")

    def delete_branch(self, branch: str) -> None:
        self._rita.git("push", "--quiet", f"{self._server.url}/{REPO}.git", f":{branch}")

    def approve(self, number: int) -> None:
        self._rita.approve(REPO, number)

    def withdraw(self, number: int) -> None:
        self._rita.call("DELETE", f"/repos/{REPO}/merge_requests/{number}/approval")

    def close(self, number: int) -> None:
        self._rita.set_state(REPO, number, "closed")

    def label(self, number: int, name: str) -> None:
        self._rita.label(REPO, number, name, present=True)

    def team(self, name: str, login: str) -> None:
        del name, login

    def ask_for_queue(self) -> None:
        pass

    def entered(self) -> int:
        return 0

    def ref(self, name: str) -> str | None:
        told = self._rita.git("ls-remote", f"{self._server.url}/{REPO}.git", name)
        return told.partition("\t")[0] or None

    def settle(self) -> None:
        self.made.hooks.wait_sent()

    def stop(self) -> None:
        self._server.stop()


class GitLabGround(LocalGround):
    """A GitLab on loopback, with a token."""

    missing = "ci_must_pass"
    has_teams = has_queue = looked_after = True

    def carrier(self, onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return GitLabHooks(lambda: self.gitlab, SECRET, onward)

    def connect(self) -> Forge:
        seconds = itertools.count()

        def clock() -> datetime:
            return NOW + timedelta(seconds=2 * next(seconds))

        self.gitlab, self.server = start_gitlab(self.made.forge, lambda: NOW, self.described)
        token = token_of("switchyard")
        return GitLabForge(self.server.url, token, (b"retired", SECRET), clock)

    def described(self, app: ASGIApp) -> ASGIApp:
        self.answers = DescribedByGitLab(app)
        return self.answers

    def team(self, name: str, login: str) -> None:
        self.gitlab.groups[name] = {login}

    def ask_for_queue(self) -> None:
        self.gitlab.trains = True

    def entered(self) -> int:
        return len(self.gitlab.aboard)

    def stop(self) -> None:
        self.server.stop()
        super().stop()
        assert not self.answers.wrong, self.answers.wrong


class GitHubGround(LocalGround):
    """A GitHub on loopback, as an App."""

    has_teams = has_queue = looked_after = True

    def carrier(self, onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return GitHubHooks(lambda: self.github, SECRET, onward)

    def connect(self) -> Forge:
        self.github, self.server, key = start_github(
            self.made.forge, "switchyard", lambda: NOW, token_of, self.described
        )
        client = httpx.AsyncClient(trust_env=False)
        api = f"{self.server.url}/api/v3"
        seconds = itertools.count()

        def clock() -> datetime:
            """A second later each time, so that no budget of writes holds up a test."""
            return NOW + timedelta(seconds=next(seconds))

        tokens = AppTokens(api, "7", key, client, clock)
        return GitHubForge(self.server.url, tokens, (b"retired", SECRET), client, clock)

    def described(self, app: ASGIApp) -> ASGIApp:
        self.answers = DescribedByGitHub(app)
        return self.answers

    def team(self, name: str, login: str) -> None:
        self.github.teams[name] = {login}

    def ask_for_queue(self) -> None:
        self.github.needs_queue = True

    def entered(self) -> int:
        return len(self.github.queued)

    def stop(self) -> None:
        self.server.stop()
        super().stop()
        assert not self.answers.wrong, self.answers.wrong


def token_of(login: str) -> str:
    return f"token-of-{login}"


GROUNDS: Mapping[str, Callable[[Path], Ground]] = {
    "github": GitHubGround,
    "gitlab": GitLabGround,
    "local": LocalGround,
}
