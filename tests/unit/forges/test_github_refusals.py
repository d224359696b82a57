"""What GitHub refuses and limits: told as what it is, with who clears it, and retried or not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from bot.forges import ForgeError, TransientForgeError
from bot.forges.github import GitHubForge
from bot.forges.github.refusals import Refused, explained
from tests.conformance.grounds import REPO, GitHubGround
from tests.fakes.faults import Faults

ACCEPT = "an owner of fleet can accept it in the settings of fleet, GitHub Apps"


@dataclass(frozen=True, slots=True)
class Case:
    """An answer of GitHub; `told` is a part of what people read; time clears what is `retried`."""

    status: int
    message: str
    told: str
    retried: bool = False
    headers: dict[str, str] = field(default_factory=dict)


CASES = {
    "secondary limit": Case(
        403, "You have exceeded a secondary rate limit.", "delayed by GitHub's rate limits", True
    ),
    "secondary limit that names its end": Case(
        403, "wait", "delayed by GitHub's rate limits until", True, {"retry-after": "30"}
    ),
    "primary limit": Case(
        403,
        "API rate limit exceeded",
        "delayed by GitHub's rate limits until",
        True,
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176600"},
    ),
    "too many requests": Case(429, "slow down", "delayed by GitHub's rate limits", True),
    "abuse detection": Case(
        403, "You have triggered an abuse detection mechanism.", "delayed by GitHub's", True
    ),
    "content creation": Case(
        403, "was submitted too quickly", "delayed by GitHub's rate limits", True
    ),
    "maintenance": Case(
        503, "down for maintenance", "GitHub is under maintenance or overloaded", True
    ),
    "bad gateway": Case(502, "oops", "GitHub is broken: it responded 502", True),
    "missing permission": Case(
        403,
        "Resource not accessible by integration",
        f"the GitHub App lacks the permission statuses: write on fleet/deploy; add it in the App's "
        f"settings, Permissions & events, and {ACCEPT}",
        headers={"x-accepted-github-permissions": "statuses=write"},
    ),
    "one of several permissions": Case(
        403,
        "Resource not accessible by integration",
        "lacks the permission issues: write or pull_requests: write on fleet/deploy",
        headers={"x-accepted-github-permissions": "issues=write; pull_requests=write"},
    ),
    "suspended": Case(
        403,
        "This installation has been suspended",
        "the installation of the GitHub App on fleet is suspended: an owner of fleet can unsuspend",
    ),
    "IP allow list": Case(
        403,
        "Although you appear to have the correct authorization credentials, the `fleet` "
        "organization has an IP allow list enabled, and your IP address is not permitted",
        "an owner of fleet can add the service's address",
    ),
    "SAML": Case(
        403,
        "Resource protected by organization SAML enforcement. You must grant your token access",
        "the owner of the token can authorize it for fleet",
    ),
    "archived": Case(
        403,
        "Repository was archived so is read-only.",
        "an admin of the repository can unarchive it",
    ),
    "blocked": Case(403, "Repository access blocked", "its owner can ask GitHub's support why"),
    "blocked for legal reasons": Case(451, "DMCA", "its owner can ask GitHub's support why"),
    "no access": Case(
        404,
        "Not Found",
        "it does not exist, or the GitHub App may not see it; an owner of fleet can add the "
        "repository to the App's installation",
    ),
    "token rejected twice": Case(
        401, "Bad credentials", "GitHub rejects a new token of the App's installation on fleet"
    ),
    "empty repository": Case(
        409, "Git Repository is empty.", "push a first commit to its default branch"
    ),
    "anything else": Case(403, "Not for you", "Not for you"),
}


class Faulty(GitHubGround):
    """A GitHub with faults."""

    def described(self, app: ASGIApp) -> ASGIApp:
        self.faults = Faults()
        return self.faults.wrap(super().described(app))


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Faulty]:
    made = Faulty(tmp_path)
    yield made
    await made.forge.close()
    made.stop()


@pytest.mark.parametrize("name", CASES)
async def test_each_refusal_is_told_as_what_it_is(ground: Faulty, name: str) -> None:
    case = CASES[name]
    body = f'{{"message": "{case.message}"}}'.encode()
    ground.faults.add(
        "GET", "deploy$", status=case.status, headers=case.headers, body=body, times=9
    )

    with pytest.raises(ForgeError) as refused:
        await ground.forge.repository(REPO)

    assert case.told in str(refused.value)
    assert isinstance(refused.value, TransientForgeError) is case.retried


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (401, "'Expiration time' claim ('exp') is too far in the future", "clock by NTP"),
        (401, "A JSON web token could not be decoded", "generate a new key in the App's settings"),
        (404, "Integration not found", "it was deleted, or SWITCHYARD_GITHUB_APP_ID is wrong"),
        (403, "no", "check the App's id, private key and permissions"),
    ],
)
async def test_refusals_of_the_app_itself(
    ground: Faulty, status: int, message: str, told: str
) -> None:
    body = f'{{"message": "{message}"}}'.encode()
    ground.faults.add("GET", "/app$", status=status, body=body)

    with pytest.raises(ForgeError, match=told) as refused:
        await ground.forge.me()

    assert not isinstance(refused.value, TransientForgeError)


async def test_a_limit_of_graphql_comes_with_status_200(ground: Faulty) -> None:
    assert isinstance(ground.forge, GitHubForge)
    body = b'{"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}'
    ground.faults.add("POST", "graphql$", status=200, body=body)

    with pytest.raises(TransientForgeError, match="delayed by GitHub's rate limits"):
        await ground.forge._http.graphql(REPO, "query { viewer { login } }", {})
    with pytest.raises(TransientForgeError):
        await ground.forge.repository(REPO)
    assert [path for _, path in ground.faults.asked if path.endswith("deploy")] == []


def test_a_fixed_token_is_told_by_its_setting() -> None:
    refused = Refused(401, "Bad credentials", {}, REPO, by_app=False)
    lacking = Refused(403, "Resource not accessible by personal access token", {}, REPO, False)

    assert "SWITCHYARD_GITHUB_TOKEN is wrong, expired or revoked" in explained(refused)
    assert "its owner can add it in the token's settings" in explained(lacking)
