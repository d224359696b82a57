"""What a kubeconfig may hold, and that its secrets stay in it."""

import base64
from pathlib import Path
from typing import Any

import pytest

from bot.clusters import ClusterError, Connection, Credentials, read_kubeconfig
from renderers import yaml

SECRET = "top-secret-token"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> Any:
    """A kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://c1.example:6443/"}}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "c1.kubeconfig"
    made.touch(mode=0o600)
    return made


def test_a_token_and_its_authority_are_read(file: Path) -> None:
    cluster = {
        "server": "https://c1.example:6443/",
        "certificate-authority-data": encoded("PEM"),
        "tls-server-name": "kubernetes",
    }
    file.write_bytes(yaml.dump(config(cluster)))
    found = read_kubeconfig(file)

    assert found == Credentials("https://c1.example:6443", "PEM", "kubernetes", SECRET)
    assert SECRET not in repr(found)


def test_a_client_certificate_is_read(file: Path) -> None:
    user = {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY")}
    file.write_bytes(yaml.dump(config(user=user)))
    found = read_kubeconfig(file)

    assert (found.client_certificate, found.client_key) == ("CERT", "KEY")
    assert "KEY" not in repr(found)


REFUSED: list[tuple[Any, str]] = [
    (config(user={"exec": {"command": "/bin/sh", "args": [SECRET]}}), "exec, which runs a program"),
    (config(user={"auth-provider": {"name": "gcp"}}), "auth-provider, which runs a program"),
    (config(user={"token": SECRET, "exec": {}}), "exec, which runs a program"),
    (config(user={"tokenFile": "/etc/passwd"}), "the user has tokenFile"),
    (config(user={"client-certificate": "/a", "client-key": "/b"}), "client-certificate"),
    (config(user={"username": "a", "password": SECRET}), "the user has password"),
    (config(user={"token": SECRET, "as": "root"}), "the user has as"),
    (config(user={}), "neither a token nor"),
    (config(user={"client-key-data": encoded("KEY")}), "neither a token nor"),
    (config(user={"client-key-data": "?"}), "client-key-data is no base64"),
    (config({"server": "http://c1.example"}), "server is no https:// address"),
    (config({"server": "https://user:pw@c1.example"}), "server is no https:// address"),
    (
        config({"server": "https://c1", "insecure-skip-tls-verify": True}),
        "insecure-skip-tls-verify",
    ),
    (config({"server": "https://c1", "certificate-authority": "/x"}), "certificate-authority"),
    (config({"server": "https://c1", "proxy-url": "http://x"}), "proxy-url"),
    ({**config(), "current-context": "other"}, "contexts has no entry 'other'"),
    ({**config(), "users": None}, "users has no entry 'u'"),
    ({**config(), "clusters": [3]}, "clusters has no entry 'c'"),
    ([], "the file is no mapping"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_runs_programs_reads_files_or_skips_checks_is_refused(
    file: Path, content: Any, words: str
) -> None:
    file.write_bytes(yaml.dump(content))

    with pytest.raises(ClusterError) as error:
        read_kubeconfig(file)
    assert words in str(error.value)
    assert str(file) in str(error.value)
    assert SECRET not in str(error.value)


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.write_bytes(yaml.dump(config()))
    file.chmod(0o640)

    with pytest.raises(ClusterError, match="chmod 600"):
        read_kubeconfig(file)


@pytest.mark.parametrize("content", [b"a: [", b"\xff", b"a: 1\n---\nb: 2\n", b"x" * 300_000, b""])
def test_other_files_are_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(ClusterError):
        read_kubeconfig(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="cannot be read: No such file"):
        read_kubeconfig(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials("https://c1", ca="no PEM", token=SECRET),
        Credentials("https://c1", client_certificate="no PEM", client_key=SECRET),
    ],
)
async def test_certificates_that_are_none_are_refused(credentials: Credentials) -> None:
    with pytest.raises(ClusterError, match="certificates for https://c1") as error:
        Connection("c1", credentials)
    assert SECRET not in str(error.value)
