"""A forge to try the bot's client on: that client, and the hands of people on the repository."""

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import httpx
from starlette.types import ASGIApp

from bot.forges import Forge
from bot.forges._certificates import ssl_context
from bot.forges.github import GitHubForge
from bot.forges.github.tokens import AppTokens
from bot.forges.gitlab import GitLabForge
from bot.forges.local import LocalForge
from bot.sandbox.forge.server import ForgeApp, ThreadedServer, create_forge
from tests.fakes.github.description import Described as DescribedByGitHub
from tests.fakes.github.hooks import GitHubHooks
from tests.fakes.github.server import start_github
from tests.fakes.gitlab.description import Described as DescribedByGitLab
from tests.fakes.gitlab.hooks import GitLabHooks
from tests.fakes.gitlab.server import start_gitlab
from tests.fakes.hands import Hand
from tests.fakes.memory_forge import MemoryForge, MemoryState, make_state

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
    made: ForgeApp | MemoryState
    missing: str
    has_teams: bool
    has_queue: bool
    looked_after: bool
    webhooks: list[tuple[Mapping[str, str], bytes]]

    def push(self, branch: str, files: Mapping[str, bytes | None], claims: str = "") -> str:
        """Commit on a branch as `otto`, in a commit that claims to be another's; the commit."""

    def delete_branch(self, branch: str) -> None:
        """Delete a branch as `rita`."""

    def approve(self, number: int) -> None:
        """Approve as `rita`."""

    def withdraw(self, number: int) -> None:
        """Take the approval back."""

    def reviewers(self, number: int) -> list[str]:
        """Whose review is requested."""

    def decline(self, number: int) -> None:
        """Remove `rita` from the reviewers, as she herself may."""

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

    async def settle(self) -> None:
        """Return when every webhook was delivered."""

    def stop(self) -> None:
        """End it."""


class MemoryGround:
    """The in-memory twin. Its state is also behind the others, and its people are everywhere."""

    missing = CONTEXT
    has_teams = True
    has_queue = looked_after = False

    def __init__(self, folder: Path) -> None:
        self.webhooks: list[tuple[Mapping[str, str], bytes]] = []
        hooks = httpx.AsyncClient(transport=self.carrier(httpx.MockTransport(self._receive)))
        self.made = self.make(folder, hooks)
        state = self.made.forge
        for login in ROLES:
            state.create_user(login, token_of(login), bot=login == "switchyard")
        state.create_repository(REPO, ROLES, protected=True, required_statuses=(CONTEXT,))
        self.made.hooks.add(REPO, "http://bot.test/hooks", SECRET.decode())
        self._otto, self._rita = Hand("otto", state), Hand("rita", state)
        self.forge: Forge = self.connect()

    def make(self, folder: Path, hooks: httpx.AsyncClient) -> ForgeApp | MemoryState:
        """What the forge knows."""
        return make_state(folder, lambda: NOW, hooks)

    def carrier(self, onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """How webhooks travel."""
        return onward

    def connect(self) -> Forge:
        """The bot's client; a retired webhook secret is still known."""
        token = token_of("switchyard")
        self.memory = MemoryForge(self.made.forge, "switchyard", token, (b"retired", SECRET))
        return self.memory

    def _receive(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.webhooks.append((headers, request.content))
        return httpx.Response(202)

    def push(self, branch: str, files: Mapping[str, bytes | None], claims: str = "") -> str:
        return self._otto.push(REPO, branch, files, f"Change {branch}", claims)

    def delete_branch(self, branch: str) -> None:
        self._rita.delete_branch(REPO, branch)

    def approve(self, number: int) -> None:
        self._rita.approve(REPO, number)

    def withdraw(self, number: int) -> None:
        self._rita.withdraw(REPO, number)

    def reviewers(self, number: int) -> list[str]:
        return [*self.made.forge.request(REPO, number).reviewers]

    def decline(self, number: int) -> None:
        self._rita.decline(REPO, number)

    def close(self, number: int) -> None:
        self._rita.set_state(REPO, number, "closed")

    def label(self, number: int, name: str) -> None:
        self._rita.label(REPO, number, name, present=True)

    def team(self, name: str, login: str) -> None:
        self.memory.teams[name] = {login}

    def ask_for_queue(self) -> None:
        pass

    def entered(self) -> int:
        return 0

    def ref(self, name: str) -> str | None:
        found = self.made.forge.git.open(REPO).references.get(name)
        return str(found.target) if found is not None else None

    async def settle(self) -> None:
        await self.made.hooks.flush()

    def stop(self) -> None:
        """Nothing runs."""


class LocalGround(MemoryGround):
    """The local forge on loopback."""

    has_teams = False

    def make(self, folder: Path, hooks: httpx.AsyncClient) -> ForgeApp | MemoryState:
        made = create_forge(folder, clock=lambda: NOW, hook_client=hooks)
        self._server = ThreadedServer(made.app).start()
        return made

    def connect(self) -> Forge:
        return LocalForge(self._server.url, token_of("switchyard"), (b"retired", SECRET))

    def team(self, name: str, login: str) -> None:
        del name, login

    def stop(self) -> None:
        self._server.stop()


class GitLabGround(MemoryGround):
    """A GitLab on loopback, with a token."""

    missing = "ci_must_pass"
    has_queue = looked_after = True

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

    def reviewers(self, number: int) -> list[str]:
        users = {each.id: each.login for each in self.made.forge.users.values()}
        return [users[each] for each in self.gitlab.reviewers.get((REPO, number), [])]

    def decline(self, number: int) -> None:
        self.gitlab.reviewers.pop((REPO, number))

    def ask_for_queue(self) -> None:
        self.gitlab.trains = True

    def entered(self) -> int:
        return len(self.gitlab.aboard)

    def stop(self) -> None:
        self.server.stop()
        super().stop()
        assert not self.answers.wrong, self.answers.wrong


class GitHubGround(MemoryGround):
    """A GitHub on loopback, as an App."""

    has_queue = looked_after = True

    def carrier(self, onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return GitHubHooks(lambda: self.github, SECRET, onward)

    def connect(self) -> Forge:
        self.github, self.server, key = start_github(
            self.made.forge, "switchyard", lambda: NOW, token_of, self.described
        )
        client = httpx.AsyncClient(verify=ssl_context(), trust_env=False)
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
    "memory": MemoryGround,
}
