"""GitHub's check runs, beside the statuses of a commit."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.forges import ForgeError, Status, StatusState
from tests.conformance.grounds import CONTEXT, REPO, GitHubGround

CONCLUSIONS = {
    "success": StatusState.SUCCESS,
    **dict.fromkeys(
        ("failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"),
        StatusState.FAILURE,
    ),
    None: StatusState.PENDING,
}


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitHubGround]:
    made = GitHubGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


def report(ground: GitHubGround, head: str, name: str, **fields: Any) -> None:
    run = {"name": name, "app": "ci", "status": "completed", "conclusion": "success", **fields}
    ground.github.check_runs.setdefault((REPO, head), []).append(run)


async def test_only_the_conclusion_success_is_one(ground: GitHubGround) -> None:
    head = ground.push("wave", {"b.txt": b"two\n"})
    for conclusion in CONCLUSIONS:
        status = "completed" if conclusion else "in_progress"
        name = f"{conclusion}"
        report(ground, head, name, status=status, conclusion=conclusion, title="42 tests")

    found = {each.context: each for each in await ground.forge.checks(REPO, head)}
    assert {name: each.state for name, each in found.items()} == {
        f"{conclusion}": state for conclusion, state in CONCLUSIONS.items()
    }
    assert found["success"].description == "42 tests"
    assert found["success"].url.startswith("http")


async def test_the_newest_run_of_each_app_and_name_beside_the_statuses(
    ground: GitHubGround,
) -> None:
    head = ground.push("wave", {"b.txt": b"two\n"})
    await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.SUCCESS, "its turn"))
    report(ground, head, "tests", conclusion="failure")
    report(ground, head, "tests", conclusion="success")
    report(ground, head, "tests", app="other", conclusion="failure")
    for number in range(120):
        report(ground, head, f"shard {number}")

    found = await ground.forge.checks(REPO, head)
    assert len(found) == 1 + 2 + 120
    tests = [each.state for each in found if each.context == "tests"]
    assert sorted(tests) == [StatusState.FAILURE, StatusState.SUCCESS]


async def test_without_the_permission_it_is_refused(ground: GitHubGround) -> None:
    head = ground.push("wave", {"b.txt": b"two\n"})
    del ground.github.granted["contents"]

    with pytest.raises(ForgeError, match="permission"):
        await ground.forge.checks(REPO, head)
