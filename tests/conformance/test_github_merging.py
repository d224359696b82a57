"""What the fake GitHub asks of a merge, as GitHub does, and how the client copes with it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.forges import Merged, NotMerged, Status, StatusState
from bot.forges._certificates import ssl_context
from bot.forges.github import GitHubForge
from planners.model import MergeMethod
from tests.conformance.grounds import CONTEXT, REPO, GitHubGround


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitHubGround]:
    made = GitHubGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


async def opened(ground: GitHubGround) -> tuple[int, str]:
    """A pull request with its status; its number and head."""
    head = ground.push("wave", {"b.txt": b"two\n"})
    made = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="T", body="B"
    )
    await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.SUCCESS, "go"))
    return made.number, head


async def state(ground: GitHubGround, number: int) -> str:
    return (await ground.forge.merge_request(REPO, number)).mergeable


async def ask(ground: GitHubGround, method: str, path: str, **fields: Any) -> httpx.Response:
    """A request as the installation, past the client."""
    assert isinstance(ground.forge, GitHubForge)
    token = await ground.forge._tokens.of(REPO)
    async with httpx.AsyncClient(verify=ssl_context(), trust_env=False) as client:
        return await client.request(
            method,
            f"{ground.server.url}/api/v3/repos/{REPO}{path}",
            headers={"authorization": f"bearer {token}"},
            json=fields or None,
        )


def rule(kind: str, **parameters: Any) -> dict[str, Any]:
    return {"type": kind, "parameters": parameters}


async def test_a_branch_behind_is_told_and_not_merged(ground: GitHubGround) -> None:
    ground.github.protection[REPO] = {"strict": True}
    number, head = await opened(ground)
    assert await state(ground, number) == "clean"
    ground.push("main", {"c.txt": b"three\n"})

    assert (await ground.forge.merge_request(REPO, number)).behind
    refused = await ground.forge.merge(REPO, number, head=head, message="M")

    assert refused == NotMerged("rejected by GitHub: 1 of 1 required status checks are expected.")


async def test_without_that_rule_a_branch_behind_merges(ground: GitHubGround) -> None:
    number, head = await opened(ground)
    ground.push("main", {"c.txt": b"three\n"})

    assert not (await ground.forge.merge_request(REPO, number)).behind
    assert isinstance(await ground.forge.merge(REPO, number, head=head, message="M"), Merged)


async def test_update_branch_merges_main_into_the_branch(ground: GitHubGround) -> None:
    ground.github.protection[REPO] = {"strict": True}
    number, head = await opened(ground)
    path = f"/pulls/{number}/update-branch"
    assert (await ask(ground, "PUT", path)).status_code == 422
    ground.push("main", {"c.txt": b"three\n"})

    assert (await ask(ground, "PUT", path, expected_head_sha="0" * 40)).status_code == 422
    assert (await ask(ground, "PUT", path, expected_head_sha=head)).status_code == 202

    found = await ground.forge.merge_request(REPO, number)
    assert found.head != head
    assert found.mergeable == "blocked", "the new head has no status"


@pytest.mark.parametrize(
    ("protection", "rules", "allowed", "expected"),
    [
        ({}, [], {"merge", "squash", "rebase"}, ["merge"]),
        ({}, [], {"squash", "rebase"}, ["squash"]),
        ({}, [], {"rebase"}, ["rebase"]),
        ({"linear": True}, [], {"merge", "squash"}, ["merge", "squash"]),
        ({}, [rule("required_linear_history")], {"merge", "squash"}, ["squash"]),
        ({}, [rule("pull_request", allowed_merge_methods=["rebase"])], {"rebase"}, ["rebase"]),
    ],
)
async def test_an_allowed_method_is_chosen(
    ground: GitHubGround,
    protection: dict[str, Any],
    rules: list[dict[str, Any]],
    allowed: set[str],
    expected: list[str],
) -> None:
    ground.github.protection[REPO] = protection
    ground.github.rulesets[REPO] = rules
    ground.github.repository_methods[REPO] = allowed
    number, head = await opened(ground)

    merged = await ground.forge.merge(REPO, number, head=head, message="Title\n\nBody")

    assert isinstance(merged, Merged)
    assert ground.github.methods == expected
    commit = ground.made.forge.git.open(REPO)[merged.sha]
    assert len(commit.parents) == (2 if expected[-1] == "merge" else 1)  # type: ignore[attr-defined] # a commit
    assert await ground.forge.merge_request_of(REPO, merged.sha) is not None


async def test_no_common_method_is_told(ground: GitHubGround) -> None:
    ground.github.repository_methods[REPO] = {"merge"}
    ground.github.rulesets[REPO] = [rule("pull_request", allowed_merge_methods=["squash"])]
    number, head = await opened(ground)

    refused = await ground.forge.merge(REPO, number, head=head, message="M")

    assert isinstance(refused, NotMerged)
    assert refused.reason.startswith("no merge method is allowed by both")
    assert ground.github.methods == []


async def test_a_method_that_a_policy_asks_for_is_not_replaced(ground: GitHubGround) -> None:
    ground.github.repository_methods[REPO] = {"squash"}
    number, head = await opened(ground)

    refused = await ground.forge.merge(
        REPO, number, head=head, message="M", method=MergeMethod.MERGE
    )

    told = "rejected by GitHub: Merge commits are not allowed on this repository."
    assert refused == NotMerged(told)


async def test_reviews_that_github_requires_keep_it_blocked(ground: GitHubGround) -> None:
    ground.github.protection[REPO] = {"reviews": 1}
    number, head = await opened(ground)
    assert await state(ground, number) == "blocked"
    refused = await ground.forge.merge(REPO, number, head=head, message="M")
    assert isinstance(refused, NotMerged)
    assert "At least 1 approving review is required" in refused.reason

    ground.approve(number)
    assert await state(ground, number) == "clean"


async def test_a_review_is_dismissed_when_the_difference_changes(ground: GitHubGround) -> None:
    ground.github.protection[REPO] = {"reviews": 1, "dismiss_stale": True}
    number, _ = await opened(ground)
    ground.approve(number)
    ground.push("wave", {"b.txt": b"two\n", "d.txt": b""})

    assert await ground.forge.reviews(REPO, number) == ()
    assert await state(ground, number) == "blocked"


async def test_the_last_push_needs_an_approval_of_its_own(ground: GitHubGround) -> None:
    ground.github.protection[REPO] = {"reviews": 1, "last_push": True}
    number, _ = await opened(ground)
    ground.approve(number)
    assert await state(ground, number) == "clean"
    ground.push("wave", {"d.txt": b""})

    assert await state(ground, number) == "blocked"
