"""GitLab's odd ways: approvals without heads, statuses that cannot repeat, slow merging."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import requests
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.forges import (
    Forge,
    ForgeError,
    Merged,
    NotMerged,
    Role,
    Status,
    StatusState,
    TransientForgeError,
)
from bot.forges.gitlab import GitLabForge, parsing, webhooks
from bot.forges.gitlab.statuses import MAX_TEXTS
from tests.conformance.grounds import CONTEXT, REPO, GitLabGround, token_of
from tests.fakes.gitlab.server import start_gitlab

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BODY = (
    b'{"object_kind": "note", "project": {"path_with_namespace": "a/b/c"}, '
    b'"merge_request": {"iid": 7}}'
)
RITA = {"id": 3, "username": "rita"}


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[GitLabGround]:
    made = GitLabGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    await made.forge.close()
    made.stop()


async def opened(ground: GitLabGround) -> tuple[int, str]:
    ground.push("wave", {"a.txt": b"two\n"})
    made = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="T", body="B"
    )
    await ground.forge.set_status(REPO, made.head, Status(CONTEXT, StatusState.SUCCESS, "go"))
    return made.number, made.head


async def test_setting_the_same_status_again_is_accepted(ground: GitLabGround) -> None:
    _, head = await opened(ground)

    await ground.forge.set_status(REPO, head, Status(CONTEXT, StatusState.SUCCESS, "go"))

    assert [each.state for each in await ground.forge.statuses(REPO, head)] == ["success"]


async def test_a_merge_during_gitlabs_check_is_retried(ground: GitLabGround) -> None:
    number, head = await opened(ground)
    await ground.forge.set_status(REPO, head, Status("other", StatusState.FAILURE, "no"))
    ground.gitlab.checking[number] = 1

    with pytest.raises(TransientForgeError, match=r"GitLab is still checking !1 \(checking\)"):
        await ground.forge.merge(REPO, number, head=head, message="Merge")
    refused = await ground.forge.merge(REPO, number, head=head, message="Merge")
    assert isinstance(refused, NotMerged)
    assert refused.reason.startswith("rejected by GitLab: ci_must_pass")


async def test_no_right_to_merge_is_told_apart_from_a_rejected_token(ground: GitLabGround) -> None:
    number, head = await opened(ground)
    ground.gitlab.allowed_to_merge = "maintain"

    refused = await ground.forge.merge(REPO, number, head=head, message="Merge")

    assert refused == NotMerged(
        "rejected by GitLab: Switchyard's user is not allowed to merge into main; a maintainer "
        "can allow it in the project's settings, Repository, Protected branches"
    )
    ground.gitlab.allowed_to_merge = "write"
    assert isinstance(await ground.forge.merge(REPO, number, head=head, message="Merge"), Merged)


async def test_a_revoked_token_is_still_reported_at_the_merge(ground: GitLabGround) -> None:
    number, head = await opened(ground)
    ground.made.forge.users.pop("switchyard")

    with pytest.raises(ForgeError, match="GitLab rejects the token"):
        await ground.forge.merge(REPO, number, head=head, message="Merge")


def test_an_approval_applies_to_the_head_at_its_time() -> None:
    def versions(*times: str) -> list[dict[str, object]]:
        return [
            {"id": number, "head_commit_sha": f"head-{number}", "created_at": f"{at}Z"}
            for number, at in enumerate(times, 1)
        ][::-1]

    def head(at: str | None, *times: str) -> list[str]:
        notes = [
            {"system": False, "body": parsing.APPROVED, "author": RITA, "created_at": "2026-01-09Z"}
        ]
        if at:
            told = {
                "system": True,
                "body": parsing.APPROVED,
                "author": RITA,
                "created_at": f"{at}Z",
            }
            notes.append(told)
        return [
            each.head for each in parsing.approvals([{"user": RITA}], notes, versions(*times), 1)
        ]

    days = ("2026-01-01T10:00:00", "2026-01-01T11:00:00")
    assert head("2026-01-01T10:30:00", *days) == ["head-1"]
    assert head("2026-01-01T11:30:00", *days) == ["head-2"]
    assert head("2026-01-01T11:00:00", *days) == ["head-1"], "at the same moment: the older one"
    assert head("2026-01-01T09:00:00", *days) == [""], "bound to nothing, it does not count"
    assert head(None, *days) == [], "a person's note of the same words is no approval"


@pytest.mark.parametrize(
    ("level", "role"),
    [(0, Role.NONE), (5, Role.NONE), (10, Role.READ), (15, Role.READ), (20, Role.TRIAGE),
     (30, Role.WRITE), (40, Role.MAINTAIN), (50, Role.ADMIN), (60, Role.ADMIN)],
)  # fmt: skip
def test_access_levels(level: int, role: Role) -> None:
    assert parsing.role(level) is role


def signed(secret: str, at: datetime, body: bytes = BODY) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = str(int(at.timestamp()))
    digest = hmac.new(key, f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1a,xxx v1,{base64.b64encode(digest).decode()}",
    }


@pytest.mark.parametrize(
    ("payload", "sender"),
    [
        ({"object_kind": "push", "user_username": "bot"}, "bot"),
        ({"object_kind": "note", "user": {"username": "bot"}}, "bot"),
        ({"object_kind": "merge_request", "user": {"username": "bot"}}, "bot"),
        ({"object_kind": "pipeline", "user": {"username": "bot"}}, ""),
        ({"object_kind": "push", "user_username": 7}, ""),
    ],
)
def test_the_user_of_later_events_did_not_just_act(payload: object, sender: str) -> None:
    found = webhooks.verify(
        {"x-gitlab-token": "secret"}, json.dumps(payload).encode(), (b"secret",), NOW
    )

    assert found is not None
    assert found.sender == sender


def test_webhooks_have_a_signature_or_a_token() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    known = (b"retired-secret-of-tests", secret.encode())

    def verified(headers: dict[str, str], body: bytes = BODY) -> bool:
        return webhooks.verify(headers, body, known, NOW) is not None

    assert verified(signed(secret, NOW))
    assert not verified(signed(secret, NOW), BODY + b" ")
    assert not verified(signed(secret, NOW - timedelta(minutes=6))), "too old: it may be replayed"
    assert not verified(signed("whsec_" + base64.b64encode(b"x" * 32).decode(), NOW))
    plain = {"x-gitlab-token": "retired-secret-of-tests"}
    assert verified(plain)
    assert not verified({"x-gitlab-token": "retired"})
    assert not verified({**plain, "webhook-signature": "v1,xxx"}), "a wrong signature is no token"
    found = webhooks.verify(plain, BODY, known, NOW)
    assert found is not None
    assert (found.repository, found.number, found.event) == ("a/b/c", 7, "note")
    for odd in (b"[]", b"{", b"null", b'{"project": 1, "object_attributes": []}'):
        webhooks.verify(plain, odd, known, NOW)


@pytest.mark.parametrize("setting", ["always", "never"])
@pytest.mark.parametrize("way", ["merge", "rebase_merge", "ff"])
async def test_merges_with_every_method_and_squash_setting(
    ground: GitLabGround, setting: str, way: str
) -> None:
    ground.gitlab.merge_method, ground.gitlab.squash_option = way, setting
    number, head = await opened(ground)

    merged = await ground.forge.merge(REPO, number, head=head, message="Merge")

    assert isinstance(merged, Merged)
    tip = ground.made.forge.git.head(REPO, "main")
    assert merged.sha == tip
    found = await ground.forge.merge_request(REPO, number)
    assert (found.state, found.merge_sha) == ("merged", tip)
    assert (merged.sha == head) is (way == "ff" and setting != "always")


async def test_a_train_is_told_to_squash_where_the_project_requires_it(
    ground: GitLabGround,
) -> None:
    ground.gitlab.trains, ground.gitlab.squash_option = True, "always"
    number, head = await opened(ground)

    told = await ground.forge.merge(REPO, number, head=head, message="Merge")

    assert told == NotMerged("in GitLab's merge train")
    assert ground.gitlab.aboard == {number: head}


async def test_what_hinders_a_merge_is_told(ground: GitLabGround) -> None:
    number, head = await opened(ground)
    ground.gitlab.held[number] = "not_approved"

    refused = await ground.forge.merge(REPO, number, head=head, message="Merge")

    assert refused == NotMerged(
        "rejected by GitLab: not_approved (approvals that the project requires are missing; its "
        "approvers give them)"
    )


async def test_a_waiting_status_leaves_room_for_the_last_one(ground: GitLabGround) -> None:
    ground.push("wave", {"a.txt": b"two\n"})
    made = await ground.forge.open_merge_request(
        REPO, branch="wave", target="main", title="T", body="B"
    )
    ground.gitlab.pipelines.most_jobs = MAX_TEXTS + 1

    for number in range(MAX_TEXTS + 5):
        waiting = Status(CONTEXT, StatusState.PENDING, f"waits for {number}")
        await ground.forge.set_status(REPO, made.head, waiting)
    (told,) = await ground.forge.statuses(REPO, made.head)
    assert told == Status(CONTEXT, StatusState.PENDING, f"waits for {MAX_TEXTS - 1}")

    await ground.forge.set_status(REPO, made.head, Status(CONTEXT, StatusState.SUCCESS, "go"))
    (told,) = await ground.forge.statuses(REPO, made.head)
    assert told.state is StatusState.SUCCESS


class Answers:
    """Stands before GitLab and answers every request itself, once it has an answer."""

    def __init__(self) -> None:
        self.status, self.headers, self.asked = 0, dict[str, str](), 0

    def wrap(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            self.asked += scope["type"] == "http"
            if not self.status:
                await app(scope, receive, send)
                return
            raw = [(name.encode(), value.encode()) for name, value in self.headers.items()]
            start = {"type": "http.response.start", "status": self.status, "headers": raw}
            await send(start)
            await send({"type": "http.response.body", "body": b"{}"})

        return serve


class AnsweringGround(GitLabGround):
    """A GitLab behind `Answers`; the clock of its client is set by the test."""

    def connect(self) -> Forge:
        self.before, self.now = Answers(), NOW
        self.gitlab, self.server = start_gitlab(
            self.made.forge, lambda: NOW, lambda app: self.described(self.before.wrap(app))
        )
        token = token_of("switchyard")
        return GitLabForge(self.server.url, token, (b"retired",), lambda: self.now)


@pytest.fixture
async def answering(tmp_path: Path) -> AsyncIterator[AnsweringGround]:
    made = AnsweringGround(tmp_path)
    made.push("main", {"a.txt": b"one\n"})
    yield made
    made.server.stop()


RESET = str(int((NOW + timedelta(seconds=90)).timestamp()))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"ratelimit-reset": RESET}, 90),
        ({"retry-after": "30", "ratelimit-reset": RESET}, 30),
        ({}, 60),
        ({"retry-after": "soon", "ratelimit-reset": "9" * 40}, 60),
        ({"retry-after": "9" * 40, "ratelimit-reset": "soon"}, 60),
    ],
)
async def test_a_rate_limit_is_kept_until_it_ends(
    answering: AnsweringGround, headers: dict[str, str], seconds: int
) -> None:
    answering.before.status, answering.before.headers = 429, headers
    with pytest.raises(TransientForgeError) as limited:
        await answering.forge.repository(REPO)
    assert limited.value.retry_after == seconds

    answering.before.status = 0
    answering.now = NOW + timedelta(seconds=seconds - 1)
    with pytest.raises(TransientForgeError, match="rate limits"):
        await answering.forge.repository(REPO)
    assert answering.before.asked == 1, "nothing is sent before the limit ends"
    answering.now = NOW + timedelta(seconds=seconds)
    assert (await answering.forge.repository(REPO)).path == REPO


async def test_a_redirect_to_another_host_is_not_followed(answering: AnsweringGround) -> None:
    answering.before.status = 302
    answering.before.headers = {"location": "https://elsewhere.example.com/api/v4/projects/1"}

    with pytest.raises(ForgeError, match=r"to https://elsewhere\.example\.com: configure the new"):
        await answering.forge.repository(REPO)


@pytest.mark.parametrize(
    ("exempt", "proxy"), [("", "http://proxy.example.com:3128"), ("gitlab.example.com", None)]
)
async def test_a_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, exempt: str, proxy: str | None
) -> None:
    used: list[Mapping[str, str]] = []

    def send(_: object, __: object, *, proxies: Mapping[str, str], **___: object) -> NoReturn:
        used.append(proxies)
        raise requests.ConnectionError("nobody answers")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", exempt)
    forge = GitLabForge("https://gitlab.example.com", "token", (b"secret",), lambda: NOW)

    with pytest.raises(TransientForgeError, match="unreachable"):
        await forge.me()
    assert [each.get("https") for each in used] == [proxy]
    await forge.close()
