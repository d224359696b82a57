"""A complete site on loopback: forge, repositories, users. Used by the demo and stories."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import httpx

from bot.sandbox.demo.people import Person
from bot.sandbox.forge.server import ForgeApp, ThreadedServer, create_forge
from bot.sandbox.forge.state import ForgeState

APP, FLEET, DEPLOY = "shop/storefront", "fleet/fleet", "fleet/deploy"
ORDER = "switchyard/order"
BOT = "switchyard"
PEOPLE = {"ada": "a developer", "rita": "a reviewer", "otto": "a platform engineer"}
MAY = {
    "ada": f"writes and merges in {APP}; may only read {FLEET} and {DEPLOY}",
    "rita": "may write everywhere; approves what Ada proposes, and the canary's waves",
    "otto": f"administers all three; changes clusters and policies in {FLEET}",
}
"""What each of the people may do, by the roles below."""


@dataclass(frozen=True, slots=True)
class Site:
    """A running forge with its users; `tokens` by login."""

    made: ForgeApp
    server: ThreadedServer
    tokens: Mapping[str, str]

    @property
    def url(self) -> str:
        """The URL of the forge."""
        return self.server.url

    def person(self, login: str) -> Person:
        """A user of this site."""
        return Person(login, self.tokens[login], self.url)


def sample(name: str) -> dict[str, bytes]:
    """The files of a sample repository, `app` or `fleet`."""
    return _read(files("bot.sandbox.demo") / "sample" / name, "")


def _read(folder: Traversable, prefix: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in folder.iterdir():
        if each.is_dir():
            found.update(_read(each, f"{prefix}{each.name}/"))
        else:
            found[prefix + each.name] = each.read_bytes()
    return dict(sorted(found.items()))


def start_site(
    folder: Path,
    tokens: Mapping[str, str],
    clock: Callable[[], datetime],
    *,
    port: int = 0,
    hook_client: httpx.AsyncClient | None = None,
    demo: bool = False,
    wrap: Callable[[Any], Any] | None = None,
) -> Site:
    """Start a forge with users and three empty repositories; `wrap` may wrap its application."""
    offered = {login: tokens[login] for login in PEOPLE} if demo else None
    made = create_forge(folder, clock=clock, hook_client=hook_client, demo_tokens=offered)
    server = ThreadedServer(wrap(made.app) if wrap else made.app, port).start()
    add_people_and_repositories(made.forge, tokens)
    return Site(made, server, dict(tokens))


def add_people_and_repositories(forge: ForgeState, tokens: Mapping[str, str]) -> None:
    """Create the users of `tokens` (by login) and the three empty repositories with their rules."""
    for login, token in tokens.items():
        forge.create_user(login, token, bot=login == BOT)
    roles = {"ada": "read", "rita": "write", "otto": "admin", BOT: "write"}
    forge.create_repository(
        APP,
        {**roles, "ada": "write"},
        description="An app repo: manifests, and switchyard.yaml with the intents",
    )
    forge.create_repository(
        FLEET, roles, description="The fleet repo: clusters, tenants, applications, policies"
    )
    forge.create_repository(
        DEPLOY,
        roles,
        protected=True,
        required_statuses=(ORDER,),
        description="The deploy repo: what the clusters pull; only Switchyard writes to it",
    )
