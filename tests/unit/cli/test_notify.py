"""`notify test` sends one message to a channel, or says what to correct, without any secret."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from bot.__main__ import main
from bot.cli.errors import InputError
from bot.cli.notify import find_channels, send_test
from bot.documents import read_fleet
from bot.settings import Settings
from tests.fakes.receiver import PUBLIC, answering
from tests.fakes.world import small_fleet

KEY = "a-key-of-the-tests"
SECRET = "xoxb-hunter2-and-more"
CHANNEL = "{channel: platform, kind: slack, to: [C0123ABCDEF], events: [%s]}"
POLICY = f"{{notify: [{CHANNEL % 'needs'}, {CHANNEL % 'ends'}]}}"
FILES = {path: content or b"" for path, content in small_fleet(policy=POLICY).items()}
REFUSED = {
    "for good": (200, {"ok": False, "error": "channel_not_found"}, "channel_not_found"),
    "for now": (503, {}, "slack.com answered with status 503"),
}


def sent(folder: Path, status: int, body: object) -> str:
    """What was sent, where the server answers like that."""
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json=body)

    settings = Settings(
        data_dir=folder,
        fleet="local:fleet/fleet",
        marker_key=KEY,
        report_key=KEY,
        notify_secrets={"platform": SECRET},
    )
    (channel,) = find_channels(read_fleet(FILES).fleet, "platform")
    asyncio.run(send_test(channel, settings, answering(serve, PUBLIC)))
    (request,) = seen
    return request.read().decode()


def test_one_message_is_sent_to_each_address_of_the_channel(tmp_path: Path) -> None:
    told = json.loads(sent(tmp_path, 200, {"ok": True, "ts": "1"}))

    assert told["channel"] == "C0123ABCDEF"
    assert "Switchyard: test of channel platform" in told["text"]


@pytest.mark.parametrize("how", REFUSED)
def test_a_refusal_is_told_with_the_next_step_and_without_the_secret(
    how: str, tmp_path: Path
) -> None:
    status, body, told = REFUSED[how]

    with pytest.raises(InputError, match=told) as caught:
        sent(tmp_path, status, body)
    assert "correct its entry in SWITCHYARD_NOTIFY_SECRETS or in the policy" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("platfrom", "no policy of the fleet has a channel 'platfrom' (did you mean 'platform'?)"),
        ("platform", "channel 'platform' has no secret: add one for it to SWITCHYARD_NOTIFY_SECR"),
    ],
)
def test_a_channel_that_cannot_be_asked_is_told_with_the_next_step(
    channel: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    monkeypatch.setenv("SWITCHYARD_DATA_DIR", str(tmp_path / "data"))
    for name, value in (("FLEET", "local:a/b"), ("MARKER_KEY", KEY), ("REPORT_KEY", KEY)):
        monkeypatch.setenv(f"SWITCHYARD_{name}", value)

    assert main(["notify", "test", channel, "--fleet", str(tmp_path)]) == 1
    assert told in capsys.readouterr().err
