"""`report-key` needs the key that it derives from, and no other setting of the service."""

from pathlib import Path

import pytest

from bot.__main__ import main
from bot.keys import agent_key

KEY = "a-report-key-of-the-tests"


def test_only_the_report_key_must_be_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report-key", "eu-1"]) == 1
    assert capsys.readouterr().err == "invalid settings:\nSWITCHYARD_REPORT_KEY: must be set\n"

    monkeypatch.setenv("SWITCHYARD_REPORT_KEY", KEY)
    assert main(["report-key", "eu-1", "--generation", "2"]) == 0
    assert capsys.readouterr().out == f"{agent_key(KEY, 'flux', 'eu-1', 2).decode()}\n"


@pytest.mark.parametrize("command", [["report-key", "eu-1"], ["setup-link"], ["report", "eu-1"]])
def test_a_folder_of_secrets_that_does_not_exist_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--secrets-dir", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"--secrets-dir {tmp_path}/none: folder not found\n"
