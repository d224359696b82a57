"""Which forge a world's bot sees; behind each is the state of the local forge."""

from typing import TYPE_CHECKING, Any

import httpx

from bot.app import make_forges
from bot.forges import Forge
from bot.forges.github import GitHubForge
from bot.forges.github.http import api_of
from bot.forges.github.tokens import AppTokens
from bot.forges.gitlab import GitLabForge
from bot.sandbox.demo.site import APP, BOT, DEPLOY, FLEET, Site, start_site
from bot.settings import Settings
from tests.fakes.github.hooks import GitHubHooks
from tests.fakes.github.server import read_key, start_github
from tests.fakes.gitlab.hooks import GitLabHooks
from tests.fakes.gitlab.server import start_gitlab
from tests.fakes.in_process import InProcess
from tests.fakes.memory_forge import MemorySite, make_site

if TYPE_CHECKING:
    from tests.fakes.world import World

SECRET = "hook-secret-of-the-tests"
TOKENS = {name: f"token-of-{name}-for-tests" for name in ("ada", "rita", "otto", BOT)}


def places(dialect: str) -> dict[str, str]:
    """Where each repository is: with `github+gitlab` only the deploy repo is on the second."""
    first, _, second = dialect.replace("memory", "local").partition("+")
    return {APP: first, FLEET: first, DEPLOY: second or first}


def carrier(world: "World", onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """How webhooks travel to the bot."""
    world.github_hooks = GitHubHooks(lambda: world.github, SECRET.encode(), onward)
    return _Carrier(
        {
            "local": onward,
            "github": world.github_hooks,
            "gitlab": GitLabHooks(lambda: world.gitlab, SECRET.encode(), onward),
        }
    )


class _Carrier(httpx.AsyncBaseTransport):
    """Each webhook in the dialect of the forge that it goes to the bot from."""

    def __init__(self, ways: dict[str, httpx.AsyncBaseTransport]) -> None:
        self._ways = ways

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._ways[request.url.path.rpartition("/")[2]].handle_async_request(request)


def start_state(world: "World", dialect: str, hooks: httpx.AsyncClient) -> Site | MemorySite:
    """What the forge knows: served by the local forge itself, else kept in memory."""
    folder = world.folder / "forge"
    if dialect != "local":
        return make_site(folder, TOKENS, lambda: world.now, hooks)
    site = start_site(folder, TOKENS, lambda: world.now, hook_client=hooks, wrap=world.wrap)
    world.servers.append(site.server)
    return site


def start_dialects(world: "World", dialect: str) -> dict[str, Any]:
    """Start the forges that the bot sees over HTTP; the settings by which they are known."""
    settings: dict[str, Any] = {}
    for name in sorted(dialect.split("+")):
        if name != "memory":
            settings |= {"local": _local, "github": _github, "gitlab": _gitlab}[name](world)
    return settings


def connect(world: "World", settings: Settings) -> dict[str, Forge]:
    """The clients of those forges.

    They reach them without a socket, which is a third of what such a story costs; with Git over
    HTTP, and in the conformance suite, they go over one.
    """
    if world.git_over_http:
        return make_forges(settings, lambda: world.now)
    others = settings.model_copy(update={"github_app_id": ""})
    forges = make_forges(others, lambda: world.now)
    if "github" in world.places.values():
        forges["github"] = _github_in_process(world, settings)
    if isinstance(gitlab := forges.get("gitlab"), GitLabForge):
        gitlab._http.client.session.mount(world.gitlab.web, InProcess(world.gitlab.app))
    return forges


def _github_in_process(world: "World", settings: Settings) -> Forge:
    transport = httpx.ASGITransport(world.github.app, raise_app_exceptions=False)
    client, web = httpx.AsyncClient(transport=transport), str(settings.github_url).rstrip("/")
    assert settings.github_private_key is not None
    key: Any = read_key(settings.github_private_key.get_secret_value())
    tokens = AppTokens(api_of(web), settings.github_app_id, key, client, lambda: world.now)
    return GitHubForge(web, tokens, (SECRET.encode(),), client, lambda: world.now)


def _local(world: "World") -> dict[str, Any]:
    return {
        "local_url": world.site.url,
        "local_token": world.site.tokens[BOT],
        "local_webhook_secret": SECRET,
    }


def _github(world: "World") -> dict[str, Any]:
    forge, tokens = world.site.made.forge, world.site.tokens
    world.github, server, key = start_github(
        forge, BOT, lambda: world.now, tokens.__getitem__, world.wrap
    )
    world.servers.append(server)
    return {
        "github_url": server.url,
        "github_app_id": "7",
        "github_private_key": key,
        "github_webhook_secrets": [SECRET],
    }


def _gitlab(world: "World") -> dict[str, Any]:
    world.gitlab, server = start_gitlab(world.site.made.forge, lambda: world.now, world.wrap)
    world.servers.append(server)
    return {
        "gitlab_url": server.url,
        "gitlab_token": world.site.tokens[BOT],
        "gitlab_webhook_secrets": [SECRET],
    }
