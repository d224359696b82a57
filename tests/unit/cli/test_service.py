"""What `serve` does before it serves."""

import os
import resource

import pytest

from bot.cli.service import OPEN_FILES, _forget_settings, _raise_open_files


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
