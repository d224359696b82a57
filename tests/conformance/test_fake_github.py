"""The fake GitHub refuses what GitHub refuses."""

from pathlib import Path

import pytest

from bot.forges import ForgeError
from bot.forges.github import GitHubForge
from bot.forges.github.tokens import AppTokens
from renderers import yaml
from tests.conformance.grounds import REPO, GitHubGround
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
