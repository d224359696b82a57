"""A deploy repo with a deploy key: Git goes over SSH, everything else as ever."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2
import pytest

from bot.forges import Forge, ForgeError, GitCredentials, RepositoryInfo
from bot.git import GitError
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.gitssh import SshServer, new_key, public, save_key, serve_ssh
from tests.fakes.world import World, small_app, small_fleet

KEY = new_key()
pytestmark = pytest.mark.parametrize("world", ["local"], indirect=True)


class OverSsh:
    """The local forge with an SSH address for the deploy repo, as GitHub and GitLab have one."""

    def __init__(self, forge: Forge, url: str) -> None:
        self._forge, self._url = forge, url
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)

    async def repository(self, repository: str) -> RepositoryInfo:
        info = await self._forge.repository(repository)
        return replace(info, ssh_url=self._url) if repository == DEPLOY else info

    async def git_credentials(self, repository: str) -> GitCredentials:
        self.asked.append(repository)
        return await self._forge.git_credentials(repository)


@pytest.fixture
async def ssh(world: World, tmp_path: Path) -> AsyncIterator[SshServer]:
    """The world's deploy repo over SSH, and its bot with a key for it."""
    before = pygit2.settings.homedir
    with serve_ssh(world.site.made.forge.git.root, KEY) as server:
        pins = tmp_path / "known_hosts"
        pins.write_text(f"{server.name} {public(server.host_key)}\n")
        world.known |= {
            "ssh_keys": {f"local:{DEPLOY}": save_key(KEY, tmp_path / "key")},
            "ssh_known_hosts": pins,
        }
        await world.stop_bot()
        world.start_bot()
        yield server
    pygit2.settings.homedir = before


async def test_a_rollout_with_a_deploy_key(world: World, ssh: SshServer) -> None:
    forge = OverSsh(world.context.forges["local"], ssh.url(DEPLOY))
    world.context = replace(world.context, forges={"local": forge})
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.finish()

    assert ":1.0.0" in world.deployed("three", "cart")
    services = {command.split()[0] for command in ssh.commands}
    assert services == {"git-upload-pack", "git-receive-pack"}
    assert APP in forge.asked
    assert DEPLOY not in forge.asked


async def test_a_forge_without_ssh_says_so(world: World, ssh: SshServer) -> None:
    del ssh
    forge = world.context.forges["local"]
    key = next(iter(world.context.deploy_keys))
    world.found(small_fleet())
    info = await forge.repository(DEPLOY)
    with pytest.raises(ForgeError, match="has a deploy key, but the forge local has no SSH"):
        await world.context.reach(key, info)


async def test_the_bot_does_not_start_with_a_key_for_all_to_read(
    world: World, ssh: SshServer
) -> None:
    del ssh
    world.known["ssh_keys"][f"local:{DEPLOY}"].chmod(0o644)
    with pytest.raises(GitError, match="has mode 0644"):
        world.start_bot()
