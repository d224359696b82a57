"""Logs of the service: one JSON object on a line, and no secret in it."""

import json
from pathlib import Path

import pytest
import structlog

from bot.logs import LossyStream, configure_logs


def test_a_traceback_tells_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(token: str) -> None:
        raise KeyError(len(token))

    before = structlog.get_config()
    try:
        configure_logs()
        log = structlog.get_logger()
        try:
            fails("token-of-rita")
        except KeyError:
            log.exception("command failed", reference="1234")
    finally:
        structlog.configure(**before)
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)

    assert (told["event"], told["reference"]) == ("command failed", "1234")
    assert told["exception"][0]["exc_type"] == "KeyError"
    assert told["exception"][0]["frames"][-1]["name"] == "fails"
    assert "token-of-rita" not in line


def test_a_full_disk_below_the_log_stops_nothing() -> None:
    file = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - it cannot be closed
    stream = LossyStream(file)

    stream.write("a line\n")
    stream.flush()

    with pytest.raises(OSError, match="No space left"):
        file.close()


def test_a_line_says_whose_pass_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        configure_logs()
        with structlog.contextvars.bound_contextvars(key="application/storefront", generation=7):
            structlog.get_logger().warning("not merged", number=3)
        structlog.get_logger().warning("elsewhere")
    finally:
        structlog.configure(**before)
    inside, outside = map(json.loads, capsys.readouterr().err.splitlines())

    assert (inside["key"], inside["generation"]) == ("application/storefront", 7)
    assert inside["number"] == 3
    assert "key" not in outside
