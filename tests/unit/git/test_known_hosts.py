from pathlib import Path

import pytest

from bot.git import GitError
from bot.git.known_hosts import KnownHosts

# As GitHub publishes it: docs.github.com, "GitHub's SSH key fingerprints".
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def read(tmp_path: Path, text: str) -> KnownHosts:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    return KnownHosts.read(file)


def test_names_plain_with_a_port_and_hashed_are_found(tmp_path: Path) -> None:
    # Written by `ssh-keygen -H` (OpenSSH 9.2) for git.example.com and [ported.example.com]:2222.
    hashed = "|1|PXMDKjXK+IcS6GYYblUpFY3ypQk=|wg5Z7lwWQgtIbgO0w6KA+puTszw="
    ported = "|1|TNAj6BAdMNluIvlc9MGL3RTO+AQ=|i/Ajq9sO4ZUZjWZq+HTDWOsj4ME="
    names = ["github.com,192.0.2.1", "[one.example]:2222", hashed, ported]
    hosts = read(tmp_path, "# pins\n\n" + "".join(f"{name} {KEY} a comment\n" for name in names))
    found = [
        hosts.has("github.com", 22),
        hosts.has("github.com", 443),
        hosts.has("192.0.2.1", 22),
        hosts.has("one.example", 2222),
        hosts.has("git.example.com", 22),
        hosts.has("ported.example.com", 2222),
    ]
    assert found == [True] * 6
    assert not hosts.has("one.example", 22)
    assert not hosts.has("ported.example.com", 22)
    assert not hosts.has("example.com", 22)


def test_only_names_and_keys_are_passed_to_libgit2(tmp_path: Path) -> None:
    hosts = read(tmp_path, f"# x\r\n  github.com \t{KEY} somebody@somewhere\r\n")
    assert hosts.text() == f"github.com {KEY}\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"@revoked github.com {KEY}", "the marker @revoked is not supported"),
        (f"@cert-authority *.com {KEY}", "the marker @cert-authority is not supported"),
        (f"*.github.com {KEY}", "patterns are not supported"),
        (f"!github.com,github.com {KEY}", "patterns are not supported"),
        (f"git?.com {KEY}", "patterns are not supported"),
        (f"|1|abc|def {KEY}", "is not a host name"),
        (f"|2|abc|def {KEY}", "is not a host name"),
        (f"github.com, {KEY}", "'' is not a host name"),
        (f"[github.com]:x {KEY}", "is not a host name"),
        ("github.com ssh-ed25519", "host names, key type and key"),
        ("github.com 1024 35 1234", "'1024' is not one of"),
        (f"github.com ssh-dss {KEY[12:]}", "'ssh-dss' is not one of"),
        (f"github.com ssh-rsa {KEY[12:]}", "the key is not of type ssh-rsa"),
        ("github.com ssh-rsa !!!!", "the key is not of type ssh-rsa"),
        ("github.com ssh-rsa AAA", "the key is not of type ssh-rsa"),
    ],
)
def test_an_unsupported_line_is_rejected_with_its_position(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(GitError, match="known_hosts:2: ") as caught:
        read(tmp_path, f"github.com {KEY}\n{line}\n")
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n\n"])
def test_a_file_without_keys_is_rejected(tmp_path: Path, text: str) -> None:
    with pytest.raises(GitError, match="contains no host keys"):
        read(tmp_path, text)


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="cannot read the known hosts file"):
        KnownHosts.read(tmp_path / "none")
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(GitError, match="cannot read the known hosts file"):
        KnownHosts.read(tmp_path / "odd")
