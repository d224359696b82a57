"""What the first page says of a GitLab set-up that will fail, or let people merge out of order."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.forges.gitlab import merge_status
from tests.conformance.grounds import NOW, REPO, GitLabGround
from tests.fakes.gitlab.schemas import MERGE_STATUS

ADDRESS = "http://bot.test/hooks"


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitLabGround]:
    made = GitLabGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    made.gitlab.hooks[REPO] = []
    yield made
    made.stop()


async def told(ground: GitLabGround) -> list[str]:
    found = await ground.forge.check_setup([REPO], [REPO], ADDRESS)
    return [each for each in found if "webhook" not in each]


@pytest.mark.parametrize(("days", "warned"), [(15, False), (14, True), (1, True), (0, True)])
async def test_the_end_of_the_token_is_told_two_weeks_before(
    ground: GitLabGround, days: int, warned: bool
) -> None:
    at = (NOW + timedelta(days=days)).date().isoformat()
    ground.gitlab.token["expires_at"] = at

    said = f"the token ends on {at}, in {days} days: create a new token and configure it as"
    assert [each.startswith(said) for each in await told(ground)] == [True] * warned


async def test_a_token_without_an_end_and_one_that_cannot_write(ground: GitLabGround) -> None:
    assert await told(ground) == []

    ground.gitlab.token["scopes"] = ["read_api"]
    (lacking,) = await told(ground)
    assert lacking.startswith("the token lacks the scope `api`")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"archived": True}, "the project is archived; an owner can unarchive it"),
        (
            {"marked_for_deletion_on": "2026-12-01"},
            "the project is deleted on 2026-12-01; an owner can restore it",
        ),
        (
            {"path_with_namespace": "fleet/moved"},
            (
                "the project is fleet/moved now; a platform engineer writes that name in the fleet "
                "repo"
            ),
        ),
        (
            {"allow_merge_on_skipped_pipeline": True},
            (
                "people can merge out of order with a skipped pipeline: disable 'Skipped "
                "pipelines are considered successful' in the project's merge request settings"
            ),
        ),
        (
            {"builds_access_level": "disabled"},
            (
                "statuses cannot be set: enable CI/CD in the project's settings, Visibility, "
                "project features, permissions"
            ),
        ),
    ],
)
async def test_a_project_that_cannot_be_rolled_out_to_is_told(
    ground: GitLabGround, settings: dict[str, Any], said: str
) -> None:
    ground.gitlab.settings[REPO] = settings

    assert await told(ground) == [f"{REPO}: {said}"]


def test_every_merge_status_of_gitlab_is_explained_or_waited_for() -> None:
    known = set(MERGE_STATUS["enum"]) - {"mergeable"}

    assert {each for each in known if not merge_status.meaning(each)} == merge_status.CHECKING
