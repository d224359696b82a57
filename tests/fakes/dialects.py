"""Which forge a world's bot sees; its people are at the local forge, whose state is the same."""

from typing import TYPE_CHECKING, Any

import httpx

from bot.demo.site import BOT
from tests.fakes.github.hooks import GitHubHooks
from tests.fakes.github.server import start_github
from tests.fakes.gitlab.hooks import GitLabHooks
from tests.fakes.gitlab.server import start_gitlab

if TYPE_CHECKING:
    from tests.fakes.world import World

SECRET = "hook-secret-of-the-tests"


def carrier(world: "World", onward: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
    """How webhooks travel to the bot."""
    if world.dialect == "github":
        return GitHubHooks(lambda: world.github, SECRET.encode(), onward)
    if world.dialect == "gitlab":
        return GitLabHooks(lambda: world.gitlab, SECRET.encode(), onward)
    return onward


def start_dialect(world: "World") -> dict[str, Any]:
    """Start the forge that the bot sees; the settings by which it is known."""
    tokens = world.site.tokens
    if world.dialect == "github":
        forge = world.site.made.forge
        world.github, server, key = start_github(forge, BOT, lambda: world.now, tokens.__getitem__)
        world.servers.append(server)
        return {
            "github_url": server.url,
            "github_app_id": "7",
            "github_private_key": key,
            "github_webhook_secrets": [SECRET],
        }
    if world.dialect == "gitlab":
        world.gitlab, server = start_gitlab(world.site.made.forge, lambda: world.now)
        world.servers.append(server)
        return {
            "gitlab_url": server.url,
            "gitlab_token": tokens[BOT],
            "gitlab_webhook_secrets": [SECRET],
        }
    return {
        "local_url": world.site.url,
        "local_token": tokens[BOT],
        "local_webhook_secret": SECRET,
    }
