"""The fake GitLab does what GitLab does, asked as anybody asks it, without the bot's client."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bot.forges._certificates import ssl_context
from tests.conformance.grounds import CONTEXT, REPO, GitLabGround, token_of
from tests.fakes.gitlab.description import Described
from tests.fakes.gitlab.pipelines import BRANCH, MERGE_REQUEST, MERGED_RESULTS

PROJECT = f"/api/v4/projects/{quote(REPO, safe='')}"
Json = dict[str, Any]


class Caller:
    """Somebody with a token."""

    def __init__(self, ground: GitLabGround, login: str = "switchyard") -> None:
        headers = {"private-token": token_of(login)}
        self.client = httpx.AsyncClient(
            base_url=ground.server.url, headers=headers, verify=ssl_context()
        )

    async def ask(self, method: str, path: str, **fields: Any) -> tuple[int, Any]:
        """The status and the answer."""
        given = {"params": fields} if method == "GET" else {"json": fields}
        answer = await self.client.request(method, PROJECT + path, **given)
        return answer.status_code, answer.json()

    async def status(self, sha: str, **fields: Any) -> tuple[int, Any]:
        """Set the status CONTEXT to success, unless `fields` say otherwise."""
        told = {"state": "success", "name": CONTEXT, **fields}
        return await self.ask("POST", f"/statuses/{sha}", **told)

    async def merge(self, number: int, **fields: Any) -> tuple[int, Any]:
        words = {"merge_commit_message": "Merge", "squash_commit_message": "Squash"}
        return await self.ask("PUT", f"/merge_requests/{number}/merge", **words, **fields)


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitLabGround]:
    made = GitLabGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


@pytest.fixture
async def bot(ground: GitLabGround) -> AsyncIterator[Caller]:
    caller = Caller(ground)
    yield caller
    await caller.client.aclose()


async def opened(bot: Caller, ground: GitLabGround, branch: str = "wave") -> Json:
    ground.push(branch, {f"{branch}.txt": b"two\n"})
    fields = {"source_branch": branch, "target_branch": "main", "title": branch}
    _, found = await bot.ask("POST", "/merge_requests", **fields)
    return dict(found)


async def status_of(bot: Caller, number: int) -> str:
    """The detailed merge status, once GitLab has checked it."""
    for _ in range(2):
        _, found = await bot.ask("GET", f"/merge_requests/{number}")
    return str(found["detailed_merge_status"])


async def test_a_status_makes_a_pipeline_of_its_branch(bot: Caller, ground: GitLabGround) -> None:
    found = await opened(bot, ground)
    assert await status_of(bot, 1) == "ci_must_pass"

    code, told = await bot.status(found["sha"], ref="wave")

    assert (code, told["ref"]) == (201, "wave")
    _, found = await bot.ask("GET", "/merge_requests/1")
    pipeline = found["head_pipeline"]
    assert (pipeline["id"], pipeline["source"]) == (told["pipeline_id"], "external")
    assert found["detailed_merge_status"] == "mergeable"


async def test_a_status_without_a_ref_goes_to_the_first_branch_with_the_commit(
    bot: Caller, ground: GitLabGround
) -> None:
    found = await opened(bot, ground)
    ground.made.forge.git.restore(REPO, "a-copy", found["sha"])

    _, told = await bot.status(found["sha"])

    assert told["ref"] == "a-copy"
    assert await status_of(bot, 1) == "ci_must_pass"


async def test_a_status_joins_the_newest_pipeline_of_its_commit(
    bot: Caller, ground: GitLabGround
) -> None:
    ground.gitlab.pipelines.ci = MERGE_REQUEST
    found = await opened(bot, ground)
    other = ground.gitlab.pipelines.start(REPO, "other", found["sha"], "push")

    _, told = await bot.status(found["sha"])

    assert told["pipeline_id"] == other.id


@pytest.mark.parametrize("ci", [BRANCH, MERGE_REQUEST, MERGED_RESULTS])
async def test_only_the_head_pipeline_counts(bot: Caller, ground: GitLabGround, ci: str) -> None:
    ground.gitlab.pipelines.ci = ci
    found = await opened(bot, ground)
    head = found["head_pipeline"]
    assert (head["sha"] == found["sha"]) is (ci != MERGED_RESULTS)

    await bot.status(head["sha"], pipeline_id=head["id"], state="pending")
    assert await status_of(bot, 1) == "ci_still_running"
    await bot.status(head["sha"], pipeline_id=head["id"])
    assert await status_of(bot, 1) == "mergeable"


async def test_merge_request_pipelines_go_before_those_of_the_branch(
    bot: Caller, ground: GitLabGround
) -> None:
    found = await opened(bot, ground)
    await bot.status(found["sha"], ref="wave", state="failed")
    assert await status_of(bot, 1) == "ci_must_pass"

    ground.gitlab.pipelines.ci = MERGE_REQUEST
    assert await status_of(bot, 1) == "mergeable"


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"pipeline_id": 99}, 404, "404 Pipeline for pipeline_id, sha and ref Not Found"),
        ({"ref": "other", "pipeline_id": 1}, 404, "404 Pipeline for pipeline_id, sha and ref"),
        ({"state": "pending"}, 400, "Cannot transition status via :enqueue from :pending"),
    ],
)
async def test_statuses_that_are_refused(
    bot: Caller, ground: GitLabGround, fields: Json, code: int, message: str
) -> None:
    found = await opened(bot, ground)
    await bot.status(found["sha"], ref="wave", state="pending")

    told = await bot.status(found["sha"], **fields)

    assert (told[0], told[1]["message"][: len(message)]) == (code, message)


async def test_a_status_of_a_commit_on_no_branch_is_refused(
    bot: Caller, ground: GitLabGround
) -> None:
    found = await opened(bot, ground)
    ground.delete_branch("wave")

    assert await bot.status(found["sha"]) == (
        404,
        {"message": "404 References for commit Not Found"},
    )
    assert (await bot.status("0" * 40))[0] == 404


async def test_a_merge_is_refused_with_the_status_of_its_reason(
    bot: Caller, ground: GitLabGround
) -> None:
    found = await opened(bot, ground)
    assert (await bot.merge(1, sha="0" * 40))[0] == 409
    assert (await bot.merge(1, sha=found["sha"]))[0] == 405
    await bot.status(found["sha"], ref="wave")
    ground.gitlab.squash_option = "always"
    assert (await bot.merge(1, sha=found["sha"]))[0] == 422
    ground.gitlab.allowed_to_merge = "maintain"
    assert (await bot.merge(1, sha=found["sha"], squash=True))[0] == 401
    ground.gitlab.allowed_to_merge = "write"
    assert (await bot.merge(1, sha=found["sha"], squash=True))[0] == 200


@pytest.mark.parametrize("method", ["ff", "rebase_merge"])
async def test_a_branch_behind_its_target_needs_a_rebase(
    bot: Caller, ground: GitLabGround, method: str
) -> None:
    ground.gitlab.merge_method = method
    found = await opened(bot, ground)
    await bot.status(found["sha"], ref="wave")
    assert await status_of(bot, 1) == "mergeable"

    ground.push("main", {"b.txt": b"three\n"})

    assert await status_of(bot, 1) == "need_rebase"
    assert (await bot.merge(1, sha=found["sha"]))[0] == 405


async def test_the_merge_status_is_unchecked_until_somebody_asks(
    bot: Caller, ground: GitLabGround
) -> None:
    await opened(bot, ground)
    await status_of(bot, 1)
    ground.push("main", {"wave.txt": b"three\n"})

    async def listed(**query: Any) -> tuple[str, bool]:
        _, (found,) = await bot.ask("GET", "/merge_requests", state="opened", **query)
        return found["detailed_merge_status"], found["has_conflicts"]

    assert await listed() == ("unchecked", False)
    assert await listed(with_merge_status_recheck=True) == ("unchecked", False)
    assert await listed() == ("conflict", True)


async def test_a_fast_forward_leaves_no_merge_commit(bot: Caller, ground: GitLabGround) -> None:
    ground.gitlab.merge_method = "ff"
    found = await opened(bot, ground)
    await bot.status(found["sha"], ref="wave")

    _, merged = await bot.merge(1, sha=found["sha"])

    assert (merged["state"], merged["merge_commit_sha"]) == ("merged", None)
    assert ground.made.forge.git.head(REPO, "main") == found["sha"]


async def test_other_reasons_come_before_those_of_pipelines(
    bot: Caller, ground: GitLabGround
) -> None:
    await opened(bot, ground)
    ground.gitlab.held[1] = "discussions_not_resolved"

    assert await status_of(bot, 1) == "discussions_not_resolved"


async def test_an_emoji_touches_a_note_as_an_edit_does(bot: Caller, ground: GitLabGround) -> None:
    await opened(bot, ground)
    _, note = await bot.ask("POST", "/merge_requests/1/notes", body="Hello")
    assert note["updated_at"] == note["created_at"]

    path = f"/merge_requests/1/notes/{note['id']}/award_emoji"
    assert (await bot.ask("POST", path, name="eyes"))[0] == 201
    assert (await bot.ask("POST", path, name="eyes"))[0] == 404

    _, (note,) = await bot.ask("GET", "/merge_requests/1/notes")
    assert note["updated_at"] != note["created_at"]


async def test_a_query_of_too_many_points_is_refused(bot: Caller, ground: GitLabGround) -> None:
    sha = str(ground.made.forge.git.head(REPO, "main"))
    trees = " ".join(f'c{n}: tree(ref: "{sha}") {{ lastCommit {{ sha }} }}' for n in range(16))
    asked = {"query": trees, "variables": {"path": REPO}}

    answer = (await bot.client.post("/api/graphql", json=asked)).json()

    assert "exceeds max complexity" in answer["errors"][0]["message"]


def test_what_gitlab_does_not_know_is_noticed() -> None:
    described = Described(httpx.ASGITransport)  # type: ignore[arg-type] # nothing is sent on

    described.check("POST", f"{PROJECT[7:]}/hooks/1/test/push_events", {"message": "x"}, {"a": 1})
    described.check("GET", f"{PROJECT[7:]}/hooks", [], None, {"sort": "asc"})
    described.check("GET", f"{PROJECT[7:]}/hooks", [{"id": "one"}])
    described.check("GET", "/elsewhere", [])

    assert len(described.wrong) >= 4
    assert "'a' was unexpected" in described.wrong[0]
    assert "'sort' was unexpected" in described.wrong[1]


@pytest.mark.parametrize("many", [False, True])
async def test_without_a_licence_for_more_one_reviewer_is_kept(
    ground: GitLabGround, bot: Caller, many: bool
) -> None:
    number, ids = (await opened(bot, ground))["iid"], {}
    for login in ("rita", "otto"):
        ids[login] = ground.made.forge.users[login].id
    ground.gitlab.many_reviewers = many

    await bot.ask("PUT", f"/merge_requests/{number}", reviewer_ids=[ids["otto"]])
    await ground.forge.request_reviews(REPO, number, ("rita", "fleet"))

    assert ground.reviewers(number) == (["otto", "rita"] if many else ["otto"])


async def test_who_cannot_read_the_project_is_no_reviewer(
    ground: GitLabGround, bot: Caller
) -> None:
    number = (await opened(bot, ground))["iid"]
    stranger = ground.made.forge.create_user("stranger", "a-token-of-a-stranger").id

    await bot.ask("PUT", f"/merge_requests/{number}", reviewer_ids=[stranger])
    assert ground.reviewers(number) == []
