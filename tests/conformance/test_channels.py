"""What every kind of channel does: what can have arrived is told apart, and no secret is told."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_string
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.engine import discovery
from bot.notify import Address, ChannelKind, Message, NotDeliveredError, Outside, UnsureError
from bot.notify.email import Email
from tests.fakes.builders import NOW
from tests.fakes.certificates import make_authority
from tests.fakes.channels import HOOK_URL, KEY, TEAMS_URL, TOKEN, Channels, MailServer, signed
from tests.fakes.receiver import PUBLIC, answering

KINDS = discovery.channels()
SECRETS = {"slack": TOKEN, "teams": TEAMS_URL, "webhook": HOOK_URL}
CONVERSATION = ("C0123ABCDEF",)
MAIL = Address(("ops@example.com", "rita@example.com"), "bot@example.com")
LIE = "shop: <!channel> & [x](https://evil) *b*\r\nBcc: all@example.com"
MESSAGE = Message(
    "1" * 64, "shop/abc", "needs", "shop", LIE, ("Approve <@U1>",), "https://s/r/shop"
)
over_http = pytest.mark.parametrize("name", SECRETS)


def address(name: str) -> Address:
    return Address(CONVERSATION) if name == "slack" else Address()


def send(name: str, outbound: Any, message: Message = MESSAGE) -> str:
    outside = Outside(outbound, NOW, SECRETS[name], KEY)
    return asyncio.run(KINDS[name].send(message, address(name), outside))


def failing(name: str, reply: httpx.Response | Exception, *addresses: str) -> Exception:
    def serve(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    with pytest.raises((NotDeliveredError, UnsureError)) as caught:
        send(name, answering(serve, *addresses))
    assert "secret" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return caught.value


def test_every_kind_but_mail_is_among_the_examples() -> None:
    assert {*KINDS} == {*SECRETS, "email"}


@over_http
@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_a_refusal_is_final_and_no_redirect_is_followed(name: str, status: int) -> None:
    headers = {"location": "http://169.254.169.254/"}
    error = failing(name, httpx.Response(status, headers=headers), PUBLIC)

    assert isinstance(error, NotDeliveredError)
    assert error.final


@over_http
def test_a_busy_server_is_asked_again_when_it_says(name: str) -> None:
    error = failing(name, httpx.Response(429, headers={"Retry-After": "30"}), PUBLIC)

    assert isinstance(error, NotDeliveredError)
    assert (error.final, error.retry_after) == (False, 30.0)


@over_http
@pytest.mark.parametrize("wait", ["-1", "soon", "9" * 30, ""])
def test_a_strange_wait_is_bounded(name: str, wait: str) -> None:
    error = failing(name, httpx.Response(503, headers={"Retry-After": wait}), PUBLIC)

    assert isinstance(error, NotDeliveredError)
    assert 0 <= error.retry_after <= 3600


@over_http
def test_without_a_connection_it_has_not_arrived(name: str) -> None:
    for error in (
        failing(name, httpx.ConnectError("refused"), PUBLIC),
        failing(name, httpx.Response(200), "169.254.169.254"),
        failing(name, httpx.Response(200), "10.0.0.1"),
        failing(name, httpx.Response(200)),
    ):
        assert isinstance(error, NotDeliveredError)
        assert not error.final


@over_http
def test_without_an_answer_it_may_have_arrived(name: str) -> None:
    assert isinstance(failing(name, httpx.ReadTimeout("slow"), PUBLIC), UnsureError)


def test_slack_says_with_status_200_that_it_did_not_post() -> None:
    for told, final in (("channel_not_found", True), ("ratelimited", False)):
        error = failing("slack", httpx.Response(200, json={"ok": False, "error": told}), PUBLIC)
        assert isinstance(error, NotDeliveredError)
        assert error.final is final
        assert told in str(error)


def test_slack_neither_mentions_nor_links_what_others_wrote_and_keeps_a_thread() -> None:
    channels = Channels()
    first = send("slack", channels.outbound)
    send("slack", channels.outbound, replace(MESSAGE, reference=first))

    one, two = channels.told["slack.com"]
    assert "<!channel>" not in one["text"]
    assert "&lt;!channel&gt; &amp; [x]" in one["text"]
    assert "<https://s/r/shop|Plan and current state>" in one["text"]
    assert "thread_ts" not in one
    assert two["thread_ts"] == first == "1700000000.000001"


def test_teams_shows_what_others_wrote_as_plain_text() -> None:
    channels = Channels()
    send("teams", channels.outbound)

    (told,) = channels.told["flows.example.com"]
    card = told["attachments"][0]["content"]
    assert {each["type"] for each in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"] == LIE
    assert card["actions"][0]["url"] == "https://s/r/shop"


def test_a_webhook_is_signed_and_has_the_same_identity_each_time() -> None:
    found = []

    def serve(request: httpx.Request) -> httpx.Response:
        assert signed(request, NOW)
        found.append((request.headers["webhook-id"], json.loads(request.content)["type"]))
        return httpx.Response(204)

    for _ in range(2):
        send("webhook", answering(serve, PUBLIC))

    assert found == [("1" * 64, "rollout.needs")] * 2


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MailServer, Path]]:
    authority = make_authority(tmp_path_factory.mktemp("mail") / "ca")
    server = MailServer(authority)
    yield server, authority.ca_file
    server.stop()


def post(kind: ChannelKind, secret: str, message: Message = MESSAGE) -> None:
    asyncio.run(
        kind.send(message, MAIL, Outside(answering(lambda _: httpx.Response(500)), NOW, secret))
    )


def test_mail_is_encrypted_and_a_thread_that_needs_no_memory(mail: tuple[MailServer, Path]) -> None:
    server, ca_file = mail
    kind = Email(context=ssl.create_default_context(cafile=ca_file))
    post(kind, server.secret)
    post(kind, server.secret, replace(MESSAGE, id="2" * 64))

    one, two = map(message_from_string, server.letters)
    assert server.users[0] == "\0bot\0pass@word"
    assert one["Bcc"] is None
    assert "Bcc: all@example.com" in one["Subject"]
    assert one["To"] == "ops@example.com, rita@example.com"
    assert one["References"] == two["References"] == two["In-Reply-To"]
    assert one["Message-ID"] != two["Message-ID"]
    assert one["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("verb", "answer", "final"),
    [
        ("STARTTLS", "454 TLS not available", False),
        ("AUTH", "535 no", True),
        ("MAIL", "451 later", False),
        ("RCPT", "550 nobody", True),
        ("DATA", "554 spam", True),
    ],
)
def test_mail_that_was_refused_has_not_arrived(
    mail: tuple[MailServer, Path], verb: str, answer: str, final: bool
) -> None:
    server, ca_file = mail
    kind, before = Email(context=ssl.create_default_context(cafile=ca_file)), len(server.letters)
    server.answers = {verb: answer}
    try:
        with pytest.raises(NotDeliveredError) as caught:
            post(kind, server.secret)
    finally:
        server.answers = {}

    assert caught.value.final is final
    assert "pass" not in str(caught.value)
    assert len(server.letters) == before


def test_mail_to_a_server_nobody_vouches_for_is_not_sent(mail: tuple[MailServer, Path]) -> None:
    server, _ = mail
    users = len(server.users)

    with pytest.raises(NotDeliveredError):
        post(KINDS["email"], server.secret)
    assert len(server.users) == users


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("slack", Address()),
        ("slack", Address(("#general",))),
        ("teams", Address(CONVERSATION)),
        ("webhook", Address(("https://evil.example.com",))),
        ("email", Address((), "bot@example.com")),
        ("email", Address(("ops@example.com",))),
        ("email", Address(("ops@example.com\nBcc: x@example.com",), "bot@example.com")),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(name: str, wrong: Address) -> None:
    assert KINDS[name].defect(wrong)
    assert not KINDS["email"].defect(MAIL)


@pytest.mark.parametrize("name", ["teams", "webhook", "email"])
@pytest.mark.parametrize(
    "secret", ["", "hunter2", "https://bot:hunter2@example.com/", "smtp://bot:hunter2/x@host",
               "https://[hunter2/", "smtps://bot:hun:hunter2", "https://host:hunter2/"]
)  # fmt: skip
def test_a_secret_that_is_no_url_is_refused_and_not_told(name: str, secret: str) -> None:
    outside = Outside(Channels().outbound, NOW, secret, KEY)
    with pytest.raises(NotDeliveredError) as caught:
        asyncio.run(KINDS[name].send(MESSAGE, MAIL if name == "email" else Address(), outside))

    assert caught.value.final
    assert "hun" not in str(caught.value)


@pytest.mark.parametrize("secret", ["", "xoxb-hunter2\n", "xoxb hunter2", "xoxb-h\xfcnter2"])
def test_a_secret_that_is_no_token_is_refused_and_not_told(secret: str) -> None:
    outside = Outside(Channels().outbound, NOW, secret)
    with pytest.raises(NotDeliveredError, match="no token of Slack"):
        asyncio.run(KINDS["slack"].send(MESSAGE, address("slack"), outside))
