"""The fake GitHub refuses what GitHub refuses."""

from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from bot.forges import ForgeError, Status, StatusState
from bot.forges.github import GitHubForge
from bot.forges.github.tokens import AppTokens
from renderers import yaml
from tests.conformance.grounds import CONTEXT, REPO, GitHubGround
from tests.fakes.github.api import MOST_STATUSES
from tests.fakes.github.description import Described
from tests.fakes.github.manifests import faults
from tests.fakes.github.state import Json

APP = Path(__file__).parents[2] / "app.yaml"
POWERLESS = "Default events are not supported by permissions: "
UNSUPPORTED = "Default events unsupported: "
UNKNOWN = "Default permission records resource is not included in the list"


def manifest() -> Json:
    (document,) = yaml.load_documents(APP.read_bytes())
    assert isinstance(document.value, dict)
    return document.value


def test_the_manifest_of_the_app_is_accepted() -> None:
    assert faults(manifest()) == []


@pytest.mark.parametrize(
    ("permission", "events"),
    [
        ("contents", ["push"]),
        ("issues", ["issue_comment"]),
        ("merge_queues", ["merge_group"]),
        ("metadata", ["repository"]),
        (
            "pull_requests",
            ["pull_request", "pull_request_review", "pull_request_review_comment"],
        ),
        ("statuses", ["status"]),
    ],
)
def test_an_event_needs_its_permission(permission: str, events: list[str]) -> None:
    found = manifest()
    del found["default_permissions"][permission]

    assert faults(found) == [POWERLESS + " and ".join(events)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"default_events": ["installation"]},
            [f"{UNSUPPORTED}installation", f"{POWERLESS}installation"],
        ),
        ({"default_permissions": {"wiki": "read"}, "default_events": []}, [UNKNOWN]),
        ({"default_permissions": {"metadata": "admin"}, "default_events": []}, [UNKNOWN]),
        ({"url": ""}, ["Url can't be blank"]),
        ({"name": "x" * 35}, ["Name is too long (maximum is 34 characters)"]),
        ({"secret": "x"}, ['"secret" is not a permitted key']),
        (
            {"hook_attributes": {"url": "http://localhost:8080/hooks/github"}},
            ["Hook url is not supported because it isn't reachable over the public Internet"],
        ),
    ],
)
def test_a_wrong_manifest_is_refused(changed: Json, expected: list[str]) -> None:
    assert faults(manifest() | changed) == expected


@pytest.mark.parametrize("path", ["/users/switchyard%5Bbot%5D", f"/repos/{REPO}", "/user"])
async def test_a_jwt_of_the_app_is_refused_outside_its_endpoints(tmp_path: Path, path: str) -> None:
    ground = GitHubGround(tmp_path)
    forge = ground.forge
    assert isinstance(forge, GitHubForge)
    tokens = forge._tokens
    assert isinstance(tokens, AppTokens)

    assert (await tokens.call("GET", "/app", None))["slug"] == "switchyard"
    with pytest.raises(ForgeError, match="GitHub responded 401"):
        await tokens.call("GET", path, None)

    await forge.close()
    ground.stop()


async def test_a_commit_has_at_most_a_thousand_statuses_of_a_context(tmp_path: Path) -> None:
    ground = GitHubGround(tmp_path)
    head = ground.push("main", {"a.txt": b"one\n"})
    first, last = (Status(CONTEXT, StatusState.PENDING, each) for each in ("first", "last"))
    await ground.forge.set_status(REPO, head, first)
    ground.github.counted[REPO, head, CONTEXT] = MOST_STATUSES

    await ground.forge.set_status(REPO, head, last)

    assert await ground.forge.statuses(REPO, head) == (first,), "the last one was refused"
    await ground.forge.close()
    ground.stop()


@pytest.mark.parametrize(
    ("asked", "sent", "status", "answer", "wrong"),
    [
        (f"GET /repos/{REPO}/pulls", {"query": "who=me"}, 200, [], "no parameter who"),
        ("GET /repos/x/y/nothing", {}, 200, {}, "not described"),
        (f"POST /repos/{REPO}/pulls", {"body": {"titel": 1}}, 201, {}, "no field titel"),
        (f"PUT /repos/{REPO}/pulls/1/merge", {}, 418, {}, "418 is not described"),
        (f"PUT /repos/{REPO}/pulls/1/merge", {}, 405, {"message": 1}, "message: 1 is not"),
        (f"GET /repos/{REPO}", {}, 200, {"id": "x"}, "id: 'x' is not of type"),
        (f"GET /repos/{REPO}", {}, 404, {"message": []}, "message: [] is not of type"),
    ],
)
async def test_what_is_not_described_is_noticed(
    asked: str, sent: Json, status: int, answer: Json, wrong: str
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        await JSONResponse(answer, status)(scope, receive, send)

    described = Described(app)
    transport = httpx.ASGITransport(described)
    async with httpx.AsyncClient(transport=transport, base_url="http://github.test") as client:
        method, _, path = asked.partition(" ")
        url = f"/api/v3{path}?{sent.get('query', '')}"
        await client.request(method, url, json=sent.get("body"))

    assert any(wrong in each for each in described.wrong), described.wrong


async def test_one_who_is_no_collaborator_refuses_the_whole_request(tmp_path: Path) -> None:
    ground = GitHubGround(tmp_path)
    ground.push("main", {"a.txt": b"one\n"})
    ground.push("wave", {"a.txt": b"two\n"})
    made = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="Wave", body=""
    )
    path = f"/repos/{REPO}/pulls/{made.number}/requested_reviewers"
    assert isinstance(ground.forge, GitHubForge)

    with pytest.raises(ForgeError, match="One or more of the users or teams"):
        await ground.forge._http.send("POST", REPO, path, {"reviewers": ["rita", "nobody"]})
    assert ground.reviewers(made.number) == []
    await ground.forge.close()
    ground.stop()
