"""GitHub on bad days, one answer at a time: limits, renewal, renames, queue."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp

from bot.forges import Delivery, ForgeError, NotMerged, TransientForgeError
from bot.forges.github import webhooks
from planners.model import MergeMethod
from tests.conformance.grounds import REPO, GitHubGround
from tests.fakes.faults import Faults


class Faulty(GitHubGround):
    """A GitHub with faults."""

    def described(self, app: ASGIApp) -> ASGIApp:
        self.faults = Faults()
        return self.faults.wrap(super().described(app))


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Faulty]:
    made = Faulty(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


async def opened(ground: Faulty) -> int:
    ground.push("wave", {"a.txt": b"two\n"})
    made = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="T", body="B"
    )
    return made.number


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {"retry-after": "90"}, b"{}"),
        (429, {}, b"{}"),
        (429, {"retry-after": "9" * 40, "x-ratelimit-reset": "9" * 40}, b"{}"),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795176600"}, b"{}"),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit."}'),
    ],
)
async def test_every_kind_of_rate_limit_states_its_end(
    ground: Faulty, status: int, headers: dict[str, str], body: bytes
) -> None:
    ground.faults.add("GET", "deploy$", status=status, headers=headers, body=body)

    with pytest.raises(
        TransientForgeError, match="delayed by GitHub's rate limits until"
    ) as delayed:
        await ground.forge.repository(REPO)
    assert delayed.value.retry_after > 1
    asked = len(ground.faults.asked)
    with pytest.raises(TransientForgeError):
        await ground.forge.repository(REPO)
    assert len(ground.faults.asked) == asked, "nothing is sent before it ends"


async def test_a_403_without_limit_headers_is_a_rejection(ground: Faulty) -> None:
    ground.faults.add("GET", "deploy$", status=403, body=b'{"message": "Not for you"}')

    with pytest.raises(ForgeError, match="Not for you") as refused:
        await ground.forge.repository(REPO)
    assert not isinstance(refused.value, TransientForgeError)


async def test_a_rejected_token_is_renewed_once(ground: Faulty) -> None:
    ground.faults.add("GET", "deploy$", status=401, body=b'{"message": "Bad credentials"}')

    assert (await ground.forge.repository(REPO)).path == REPO
    assert [each["repositories"] for each in ground.github.made] == [["deploy"], ["deploy"]]
    assert ground.github.made[0]["permissions"] == {
        "contents": "write",
        "issues": "read",
        "merge_queues": "write",
        "metadata": "read",
        "pull_requests": "write",
        "statuses": "write",
    }


async def test_a_renamed_repository_is_followed_on_reading_but_to_no_other_host(
    ground: Faulty,
) -> None:
    here = f"{ground.server.url}/api/v3/repos/{REPO}"
    ground.faults.add("GET", "old/name$", status=301, headers={"location": here}, times=2)
    ground.made.forge.create_repository("old/name", {"switchyard": "write"})
    ground.github.names_of["old/name"] = REPO
    assert (await ground.forge.repository("old/name")).path == REPO

    there = {"location": "https://elsewhere.example/api/v3/repos/x/y"}
    ground.faults.script[-1].happened = 2
    ground.faults.add("GET", "old/name$", status=307, headers=there)
    with pytest.raises(ForgeError, match=r"redirects to elsewhere\.example; the token is not sent"):
        await ground.forge.repository("old/name")


async def test_a_merge_that_requires_the_queue_is_enqueued_with_its_head(ground: Faulty) -> None:
    number = await opened(ground)
    ground.github.needs_queue = True
    head = (await ground.forge.merge_request(REPO, number)).head

    first = await ground.forge.merge(REPO, number, head=head, message="Merge\n\nTrailer: x")
    again = await ground.forge.merge(REPO, number, head=head, message="Merge")

    assert first == NotMerged("in GitHub's merge queue, position 1")
    assert again == NotMerged("in GitHub's merge queue")
    assert list(ground.github.queued.values()) == [head]


async def test_unchanged_resources_are_not_transferred_again(ground: Faulty) -> None:
    first = await ground.forge.repository(REPO)

    assert await ground.forge.repository(REPO) == first
    assert ground.answers.checked == 3, "installation, token, and the repository once"


async def test_an_app_that_is_not_installed_there_says_what_to_do(ground: Faulty) -> None:
    with pytest.raises(ForgeError, match="the GitHub App is not installed on no/such: install it"):
        await ground.forge.repository("no/such")


async def test_no_secret_is_serialised(ground: Faulty) -> None:
    token = (await ground.forge.git_credentials(REPO)).password
    ground.faults.add("GET", "pulls/1$", status=422, body=b'{"message": "no"}')

    with pytest.raises(ForgeError) as refused:
        await ground.forge.merge_request(REPO, 1)

    assert token not in f"{refused.value!r} {vars(ground.forge)!r}"


async def test_an_unreachable_server_is_a_transient_error(tmp_path: Path) -> None:
    made = Faulty(tmp_path)
    made.stop()

    with pytest.raises(TransientForgeError, match="is unreachable"):
        await made.forge.repository(REPO)


async def test_a_webhook_sent_as_a_form_is_read_too() -> None:
    payload = json.dumps({"repository": {"full_name": "a/b"}, "pull_request": {"number": 7}})
    body = urlencode({"payload": payload}).encode()
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-github-delivery": "d",
        "x-github-event": "pull_request",
        "x-hub-signature-256": f"sha256={signature}",
    }

    assert webhooks.verify(headers, body, (b"secret",)) == Delivery("d", "pull_request", "a/b", 7)
    assert webhooks.verify(headers, b"payload=%7B%7D", (b"secret",)) is None


@pytest.mark.parametrize(
    ("event", "sender"),
    [("push", "bot"), ("issue_comment", "bot"), ("check_suite", ""), ("workflow_run", "")],
)
def test_the_sender_of_later_events_did_not_just_act(event: str, sender: str) -> None:
    body = json.dumps({"repository": {"full_name": "a/b"}, "sender": {"login": "bot"}}).encode()
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-delivery": "d",
        "x-github-event": event,
        "x-hub-signature-256": f"sha256={signature}",
    }

    found = webhooks.verify(headers, body, (b"secret",))

    assert found is not None
    assert found.sender == sender


async def test_a_merge_group_names_its_pull_request() -> None:
    group = {"head_ref": "refs/heads/gh-readonly-queue/main/pr-12-" + "a" * 40, "head_sha": "b"}
    body = json.dumps({"repository": {"full_name": "a/b"}, "merge_group": group}).encode()
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    headers = {
        "x-github-delivery": "d",
        "x-github-event": "merge_group",
        "x-hub-signature-256": f"sha256={signature}",
    }

    assert webhooks.verify(headers, body, (b"secret",)) == Delivery("d", "merge_group", "a/b", 12)


async def test_a_token_asks_for_no_more_than_the_app_was_granted(ground: Faulty) -> None:
    ground.github.granted = {"contents": "read", "actions": "write"}

    await ground.forge.repository(REPO)

    assert ground.github.made[-1]["permissions"] == {"contents": "read"}


async def test_no_right_to_merge_is_a_refusal(ground: Faulty) -> None:
    number = await opened(ground)
    head = (await ground.forge.merge_request(REPO, number)).head
    ground.github.granted["contents"] = "read"

    refused = await ground.forge.merge(REPO, number, head=head, message="M")

    assert refused == NotMerged(
        "rejected by GitHub: the GitHub App lacks the permission contents: write on fleet/deploy; "
        "add it in the App's settings, Permissions & events, and an owner of fleet can accept it "
        "in the settings of fleet, GitHub Apps"
    )


@pytest.mark.parametrize("method", list(MergeMethod))
async def test_the_requested_merge_method_is_used(ground: Faulty, method: MergeMethod) -> None:
    number = await opened(ground)
    head = (await ground.forge.merge_request(REPO, number)).head
    ground.faults.add("PUT", "/merge$", status=405, body=b'{"message": "not now"}')

    first = await ground.forge.merge(REPO, number, head=head, message="M", method=method)
    await ground.forge.merge(REPO, number, head=head, message="M", method=method)

    assert first == NotMerged("rejected by GitHub: not now")
    assert ground.github.methods == [method.value]


async def test_the_bot_user_is_read_with_a_token_of_any_installation(ground: Faulty) -> None:
    assert (await ground.forge.me()).login == "switchyard[bot]"
    assert ground.github.made == [{"permissions": {"metadata": "read"}}]


async def test_a_suspended_installation_says_who_can_clear_it(ground: Faulty) -> None:
    ground.made.forge.create_repository("shop/app", {"switchyard": "write"})
    ground.github.suspended = {"fleet"}

    with pytest.raises(ForgeError, match="on fleet is suspended: an owner of fleet can unsuspend"):
        await ground.forge.repository(REPO)
    assert (await ground.forge.me()).login == "switchyard[bot]"
    assert (await ground.forge.repository("shop/app")).path == "shop/app"


async def test_an_app_without_installations_says_what_to_do(ground: Faulty) -> None:
    ground.made.forge.repositories.clear()

    with pytest.raises(ForgeError, match="the GitHub App is not installed on any account"):
        await ground.forge.me()


async def test_comments_are_not_listed_where_there_are_none(ground: Faulty) -> None:
    """The pull request tells how many comments of each kind there are."""
    number = await opened(ground)
    lists = "GET", f"/api/v3/repos/{REPO}/issues/{number}/comments"
    assert await ground.forge.comments(REPO, number) == ()
    assert lists not in ground.faults.asked
    await ground.forge.add_comment(REPO, number, "hello")
    assert [each.body for each in await ground.forge.comments(REPO, number)] == ["hello"]
    assert lists in ground.faults.asked
