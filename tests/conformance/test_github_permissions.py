"""Tokens at the fake GitHub do what their permissions allow, in their repositories."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.forges import ForgeError, Status, StatusState
from bot.forges._certificates import ssl_context
from bot.forges.github.manifest import read_manifest
from tests.conformance.grounds import CONTEXT, REPO, GitHubGround
from tests.fakes.github.permissions import needed


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitHubGround]:
    made = GitHubGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.server.stop()


async def test_each_operation_needs_one_of_its_permissions(ground: GitHubGround) -> None:
    token = ground.github.mint("fleet", {"repositories": ["deploy"], "permissions": {}})["token"]
    refused = {}
    async with httpx.AsyncClient(verify=ssl_context(), trust_env=False) as client:
        for method, pattern, permissions in needed():
            path = pattern.pattern.replace("[^/]+/[^/]+", REPO, 1).replace("[^/]+", "1")
            if "metadata=read" in permissions or not path.startswith("/repos/"):
                continue
            response = await client.request(
                method,
                f"{ground.server.url}/api/v3{path}",
                headers={"authorization": f"bearer {token}"},
            )
            header = response.headers.get("x-accepted-github-permissions")
            refused[method, path] = (response.status_code, header) == (403, "; ".join(permissions))

    assert len(refused) > 20
    assert all(refused.values()), refused


def test_the_app_asks_for_what_its_operations_need() -> None:
    granted = read_manifest()["default_permissions"]
    has = {f"{name}={each}" for name, level in granted.items() for each in ("read", level)}
    for method, pattern, permissions in needed():
        enough = has.intersection(permissions)
        assert enough, f"{method} {pattern.pattern} needs one of {permissions}"


async def test_another_repository_is_not_found(ground: GitHubGround) -> None:
    ground.made.forge.create_repository("fleet/other", {"switchyard": "write"})
    asked = {"repositories": ["deploy"], "permissions": {"contents": "read"}}
    token = ground.github.mint("fleet", asked)["token"]

    async with httpx.AsyncClient(verify=ssl_context(), trust_env=False) as client:
        response = await client.get(
            f"{ground.server.url}/api/v3/repos/fleet/other",
            headers={"authorization": f"bearer {token}"},
        )

    assert response.status_code == 404


async def test_a_token_is_not_given_more_than_the_installation_has(ground: GitHubGround) -> None:
    ground.github.granted["statuses"] = "read"
    head = ground.push("wave", {"b.txt": b"two\n"})

    with pytest.raises(ForgeError, match="lacks the permission statuses: write on fleet/deploy"):
        await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.PENDING, "x"))
