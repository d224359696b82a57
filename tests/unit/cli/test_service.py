"""What `serve` does before it serves."""

import os
import resource
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.__main__ import main
from bot.cli.errors import InputError
from bot.cli.service import (
    OPEN_FILES,
    _build,
    _forget_settings,
    _raise_open_files,
    serve_to_the_end,
)
from bot.settings import Settings
from bot.tracing import Traces


def test_settings_leave_the_environment_that_planners_inherit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWITCHYARD_GITLAB_TOKEN", "canary")
    monkeypatch.setenv("SWITCHYARD_MARKER_KEY", "canary")
    monkeypatch.setenv("OTHER", "stays")

    _forget_settings()

    assert "canary" not in os.environ.values()
    assert os.environ["OTHER"] == "stays"


def test_there_is_a_file_descriptor_for_each_connection() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        _raise_open_files()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert hard == before[1]
        assert soft == (OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("lifespan", ["off", "on"])
async def test_a_service_that_cannot_start_says_why(lifespan: Literal["off", "on"]) -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no room"})

    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
        config = uvicorn.Config(app, port=port, log_config=None, lifespan=lifespan)
        with pytest.raises(InputError) as ended:
            await serve_to_the_end(uvicorn.Server(config))

    cannot_listen = f"cannot listen on 127.0.0.1 port {port}: see the log; stop the program that "
    expected = cannot_listen if lifespan == "off" else "the service cannot start: see the log"
    assert str(ended.value).startswith(expected)


NEEDED = {"FLEET": "local:a/b", "MARKER_KEY": "k" * 16, "REPORT_KEY": "k" * 16}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Sets a variable beside those that are needed; an empty one is none."""
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"SWITCHYARD_{name}", value)

    def give(name: str, value: str) -> None:
        if value:
            monkeypatch.setenv(f"SWITCHYARD_{name}", value)
        else:
            monkeypatch.delenv(f"SWITCHYARD_{name}")

    return give


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FLEET", "", "SWITCHYARD_FLEET: must be set\n"),
        ("PORT", "http", "SWITCHYARD_PORT: Input should be a valid integer"),
        ("SSH_KEYS", "key", "SWITCHYARD_SSH_KEYS: must be JSON\n"),
        ("GATE_KEYS", '{"https://x": "canary"}', "SWITCHYARD_GATE_KEYS: https://x: [key]: String"),
    ],
)
def test_a_wrong_setting_is_told_with_its_variable(
    name: str,
    value: str,
    said: str,
    given: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    given(name, value)

    assert main(["serve"]) == 1

    told = capsys.readouterr().err
    assert told.startswith(f"invalid settings:\n{said}")
    assert "canary" not in told


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("/proc", "SWITCHYARD_DATA_DIR=/proc: "),
        ("/dev/null", "SWITCHYARD_DATA_DIR=/dev/null: "),
        ("a-database", "the database is not available: unable to open database file"),
    ],
)
async def test_a_data_folder_that_cannot_be_used_is_told_at_once(
    folder: str, said: str, given: Callable[[str, str], None], tmp_path: Path
) -> None:
    (tmp_path / "a-database/switchyard.db").mkdir(parents=True)
    given("DATA_DIR", str(tmp_path / folder))

    with pytest.raises(InputError) as refused:
        await _build(Settings(), Traces())

    assert str(refused.value).startswith(said)
