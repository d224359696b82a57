"""Settings of deploy keys: what is missing or misspelt is said before anything runs."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.__main__ import main
from bot.settings import Settings

BASE = {
    "SWITCHYARD_FLEET": "local:fleet/fleet",
    "SWITCHYARD_MARKER_KEY": "marker-key-of-the-tests",
    "SWITCHYARD_REPORT_KEY": "report-key-of-the-tests",
}


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in BASE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SWITCHYARD_DATA_DIR", str(tmp_path / "data"))


def test_keys_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHYARD_SSH_KEYS", '{"gitlab:a/b/c": "/run/secrets/key"}')
    monkeypatch.setenv("SWITCHYARD_SSH_KNOWN_HOSTS", "/etc/known")
    settings = Settings()
    assert settings.ssh_keys == {"gitlab:a/b/c": Path("/run/secrets/key")}
    assert settings.ssh_known_hosts == Path("/etc/known")


def test_keys_without_known_hosts_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWITCHYARD_SSH_KEYS", '{"gitlab:a/b": "/run/secrets/key"}')
    assert main(["serve"]) == 1
    said = "SWITCHYARD_SSH_KNOWN_HOSTS: required with SWITCHYARD_SSH_KEYS"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a/b", "gitlab:b", "git:lab:a/b", ""])
def test_a_deploy_key_is_configured_per_repository(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SWITCHYARD_SSH_KEYS", f'{{"{name}": "/run/secrets/key"}}')
    with pytest.raises(ValidationError, match="String should match pattern"):
        Settings()


def test_the_service_exits_with_the_error_of_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SWITCHYARD_SSH_KEYS", '{"gitlab:a/b": "/run/secrets/key"}')
    monkeypatch.setenv("SWITCHYARD_SSH_KNOWN_HOSTS", str(tmp_path / "none"))
    assert main(["serve"]) == 1
    assert f"cannot read the known hosts file {tmp_path}/none" in capsys.readouterr().err
