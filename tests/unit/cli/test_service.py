"""What `serve` does before it serves."""

import os
import resource
import socket
from typing import Literal

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bot.cli.errors import InputError
from bot.cli.service import OPEN_FILES, _forget_settings, _raise_open_files, serve_to_the_end


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
