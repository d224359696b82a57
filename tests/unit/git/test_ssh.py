"""Git over SSH against a real server on loopback: deploy keys in, strange hosts out."""

import base64
import gc
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pygit2
import pytest

from bot.forges import GitCredentials
from bot.git import (
    BranchUpdate,
    DeployKey,
    GitError,
    Limits,
    Mirror,
    Mirrors,
    TransientGitError,
    pin_hosts,
)
from tests.fakes.githttp import git
from tests.fakes.gitssh import SshServer, hashed, new_key, public, save_key, serve_ssh
from tests.unit.git.world import BOT, NOON, REPO

KEY = new_key()


def locked() -> bytes:
    """The beginning of an OpenSSH private key that has a passphrase."""
    parts = (b"aes256-ctr", b"bcrypt", b"options", new_key().public_data)
    lengthy = [len(part).to_bytes(4) + part for part in parts]
    raw = b"openssh-key-v1\0" + b"".join([*lengthy[:3], (1).to_bytes(4), lengthy[3]])
    return (
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
        + base64.encodebytes(raw)
        + b"-----END OPENSSH PRIVATE KEY-----\n"
    )


@dataclass
class Place:
    """A server with one repository that has a deploy key, and its mirror."""

    folder: Path
    server: SshServer
    remote: Path
    mirror: Mirror
    file: Path

    @property
    def url(self) -> str:
        return self.server.url("deploy")

    def key(self, pins: str | None = None) -> DeployKey:
        """The key, shown to a server that is pinned so."""
        known = self.folder / "known_hosts"
        known.write_text(pins or f"{self.server.name} {public(self.server.host_key)}\n")
        return DeployKey(self.file, pin_hosts(known, self.folder / "ssh"))

    def fetch(self, pins: str | None = None) -> None:
        self.mirror.fetch(self.url, self.key(pins))

    def add(self, text: str, branch: str = "main") -> str:
        """Commit on the server."""
        tree = git(self.remote, "mktree")
        sha = git(self.remote, "commit-tree", "-m", text, tree)
        git(self.remote, "update-ref", f"refs/heads/{branch}", sha)
        return sha


@pytest.fixture
def kept_home() -> Iterator[None]:
    """Git's home folder, which a deploy key sets for the whole process, is as before at the end."""
    before = pygit2.settings.homedir
    yield
    pygit2.settings.homedir = before


@pytest.fixture
def place(tmp_path: Path, kept_home: None) -> Iterator[Place]:
    del kept_home
    with serve_ssh(tmp_path / "server", KEY) as server:
        remote = server.create("deploy")
        mirror = Mirrors(tmp_path / "mirrors").of(REPO)
        yield Place(tmp_path, server, remote, mirror, save_key(KEY, tmp_path / "key"))


def refused(place: Place, pins: str) -> str:
    """Fetch and be refused for good, before anybody signed in; why."""
    with pytest.raises(GitError) as caught:
        place.fetch(pins)
    assert not isinstance(caught.value, TransientGitError)
    assert (place.server.offers, place.server.commands) == (0, [])
    return str(caught.value)


def test_branches_are_fetched_and_pushed(place: Place) -> None:
    main, old = place.add("one"), place.add("two", "old")
    place.fetch()
    assert place.mirror.branches() == {"main": main, "old": old}
    new = place.mirror.commit(main, {"a": b"a" * 200_000}, message="New", author=BOT, at=NOON)
    theirs = place.add("theirs", "old")
    updates = {
        "main": BranchUpdate(new, main),
        "fresh": BranchUpdate(new, None),
        "old": BranchUpdate(new, old),
    }
    outcome = place.mirror.push(place.url, place.key(), updates)
    assert outcome == {
        "main": None,
        "fresh": None,
        "old": f"stale: the branch is at {theirs[:12]}, not at {old[:12]}",
    }
    assert place.mirror.push(place.url, place.key(), {"fresh": BranchUpdate(None, new)}) == {
        "fresh": None
    }
    place.fetch()
    assert place.mirror.branches() == {"main": new, "old": theirs}
    git(place.remote, "fsck", "--strict")


def test_a_branch_moved_while_the_push_is_under_way_is_not_overwritten(place: Place) -> None:
    main = place.add("one")
    place.fetch()
    new = place.mirror.commit(main, {"a": b"a"}, message="New", author=BOT, at=NOON)
    moved: list[str] = []
    place.server.before_receive = lambda: moved.append(place.add("theirs"))
    outcome = place.mirror.push(place.url, place.key(), {"main": BranchUpdate(new, main)})
    assert outcome == {"main": "failed to update ref"}
    assert git(place.remote, "rev-parse", "main") == moved[0]


@pytest.mark.parametrize(
    "kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
)
def test_every_supported_key_type_authenticates(place: Place, kind: str) -> None:
    key = new_key(kind)
    place.server.users.append(key)
    save_key(key, place.file)
    main = place.add("one")
    place.fetch()
    assert place.mirror.head("main") == main


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("ssh-rsa", "openssh"), ("ssh-rsa", "pkcs1-pem"), ("ssh-ed25519", "pkcs8-pem")],
)
def test_an_rsa_key_is_rejected(place: Place, kind: str, shape: str) -> None:
    save_key(new_key(kind), place.file, shape)
    with pytest.raises(GitError, match="ssh-keygen -t ed25519"):
        place.fetch()
    assert place.server.offers == 0


@pytest.mark.parametrize("kind", ["ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521"])
def test_every_supported_host_key_type_is_compared(tmp_path: Path, place: Place, kind: str) -> None:
    with serve_ssh(tmp_path / "other", KEY, host=kind) as other:
        other.create("deploy")
        place.server = other
        place.fetch()
        other.commands.clear()
        other.offers = 0
        assert "differs from those pinned" in refused(
            place, f"{other.name} {public(new_key(kind))}\n"
        )


@pytest.mark.parametrize("name", ["{0}", "127.0.0.1", "git.invalid,{0}", "hashed"])
def test_a_pinned_host_is_trusted_however_its_name_is_written(place: Place, name: str) -> None:
    main = place.add("one")
    written = hashed(place.server.name) if name == "hashed" else name.format(place.server.name)
    place.fetch(f"# a comment\r\n\r\n{written}\t{public(place.server.host_key)} who\r\n")
    assert place.mirror.head("main") == main


@pytest.mark.parametrize("write", [str, hashed])
def test_another_host_key_is_refused(place: Place, write: type[str]) -> None:
    said = refused(place, f"{write(place.server.name)} {public(new_key())}\n")
    assert f"the host key of 127.0.0.1:{place.server.port} differs from those pinned" in said


def test_a_host_key_of_another_kind_than_pinned_is_refused(place: Place) -> None:
    with pytest.raises(GitError):
        place.fetch(f"{place.server.name} {public(new_key('ecdsa-sha2-nistp256'))}\n")
    assert place.server.offers == 0


@pytest.mark.parametrize("name", ["git.invalid", "[127.0.0.1]:22", hashed("git.invalid")])
def test_a_host_that_is_not_pinned_is_refused(place: Place, name: str) -> None:
    said = refused(place, f"{name} {public(place.server.host_key)}\n")
    assert f"127.0.0.1:{place.server.port} is not in the known hosts file" in said


def test_a_push_to_another_host_key_is_refused(place: Place) -> None:
    main = place.add("one")
    place.fetch()
    new = place.mirror.commit(main, {"a": b"a"}, message="New", author=BOT, at=NOON)
    key = place.key(f"{place.server.name} {public(new_key())}\n")
    with pytest.raises(GitError, match="differs from those pinned"):
        place.mirror.push(place.url, key, {"main": BranchUpdate(new, main)})
    assert git(place.remote, "rev-parse", "main") == main


def test_the_users_own_known_hosts_are_ignored(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = place.folder / "home" / ".ssh"
    own.mkdir(parents=True)
    (own / "known_hosts").write_text(f"{place.server.name} {public(place.server.host_key)}\n")
    monkeypatch.setenv("HOME", str(own.parent))
    monkeypatch.chdir(own)
    assert "not in the known hosts" in refused(
        place, f"git.invalid {public(place.server.host_key)}\n"
    )


def test_an_unknown_key_is_tried_once(place: Place) -> None:
    save_key(new_key(), place.file)
    with pytest.raises(GitError, match=f"rejects the deploy key {place.file}") as caught:
        place.fetch()
    assert not isinstance(caught.value, TransientGitError)
    assert (place.server.offers, place.server.commands) == (1, [])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o610])
def test_a_key_readable_by_others_is_rejected(place: Place, mode: int) -> None:
    place.file.chmod(mode)
    with pytest.raises(GitError, match=f"{place.file} has mode {mode:04o}: .*chmod 600"):
        place.fetch()
    assert place.server.offers == 0


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_an_own_key_is_used(place: Place, mode: int) -> None:
    place.file.chmod(mode)
    place.fetch()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_mounted_key_may_be_read_by_a_group(place: Place) -> None:
    os.chown(place.file, 12_345, 12_345)
    place.file.chmod(0o440)
    place.fetch()
    place.file.chmod(0o444)
    with pytest.raises(GitError, match="mode 0444"):
        place.fetch()


def test_a_missing_key_file_is_an_error(place: Place) -> None:
    place.file.unlink()
    with pytest.raises(GitError, match=r"cannot read the deploy key .*: No such file"):
        place.fetch()
    place.file.mkdir(mode=0o700)
    with pytest.raises(GitError, match=r"cannot read the deploy key .*: Is a directory"):
        place.fetch()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"s3cret",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\ns3cre\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\ns3cret==\n-----END OPENSSH PRIVATE KEY-----\n",
        KEY.export_private_key("openssh")[:200],
        KEY.export_private_key("openssh").replace(b"b3Bl", b"c3Bl"),
        locked(),
    ],
)
def test_the_content_of_an_invalid_key_file_is_not_quoted(place: Place, content: bytes) -> None:
    place.file.write_bytes(content)
    with pytest.raises(GitError, match="must be an Ed25519 or ECDSA private key") as caught:
        place.fetch()
    assert str(caught.value).startswith(
        f"the deploy key {place.file} must be an Ed25519 or ECDSA private key"
    )
    assert "s3cre" not in str(caught.value)


def test_a_broken_key_is_refused_for_good(place: Place) -> None:
    lines = place.file.read_bytes().splitlines(keepends=True)
    place.file.write_bytes(b"".join([*lines[:3], *lines[-1:]]))
    with pytest.raises(GitError, match="private key file") as caught:
        place.fetch()
    assert not isinstance(caught.value, TransientGitError)


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: Repository not found.\nfatal: Could not read from remote repository.\n",
        "ERROR: The project could not be found or you don't have permission to view it.\n",
        "ERROR: The key you are authenticating with has been marked as read only.\n",
        "ERROR: This deploy key does not have write access to this project.\n",
    ],
)
def test_a_rejection_has_the_message_of_the_forge(place: Place, words: str) -> None:
    place.server.refusal = words
    with pytest.raises(GitError, match="ERROR: ") as caught:
        place.fetch()
    assert not isinstance(caught.value, TransientGitError)


def test_a_missing_repository_is_an_error(place: Place) -> None:
    with pytest.raises(GitError, match="does not appear to be a git repository") as caught:
        place.mirror.fetch(place.server.url("other"), place.key())
    assert not isinstance(caught.value, TransientGitError)


def test_other_server_errors_are_transient(place: Place) -> None:
    place.server.refusal = "ERROR: Internal API unreachable\n"
    with pytest.raises(TransientGitError, match="Internal API unreachable"):
        place.fetch()
    key = place.key()
    with pytest.raises(TransientGitError, match="cannot fetch ssh"):
        place.mirror.fetch("ssh://git@127.0.0.1:1/x", key)


def test_an_unresponsive_server_times_out(place: Place) -> None:
    key = place.key()
    pygit2.settings.server_timeout = 200
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ssh://git@127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(TransientGitError, match="Timed out"):
            place.mirror.fetch(url, key)
    Mirrors(place.folder / "unused")


def test_a_fetch_over_the_size_limit_is_aborted(place: Place) -> None:
    place.add("one")
    mirror = Mirrors(place.folder / "small", limits=Limits(fetch_bytes=10)).of(REPO)
    with pytest.raises(GitError, match="exceeds 10 bytes"):
        mirror.fetch(place.url, place.key())


@pytest.mark.parametrize(
    "url",
    [
        "https://host/x.git",
        "file:///srv/git/x",
        "ssh://host/x",
        "ssh://git:password@host/x",
        "ssh://git@host/x'; touch y #",
        "ssh://git@host/-x",
        "ssh://git@-oProxyCommand=x/x",
        "ssh+git://git@host/x",
        "git@host",
        "git@host:-x",
        "git@host:a b",
    ],
)
def test_a_deploy_key_requires_an_ssh_url(place: Place, url: str) -> None:
    with pytest.raises(GitError, match="cannot be used with a deploy key"):
        place.mirror.fetch(url, place.key())


@pytest.mark.parametrize("access", [None, GitCredentials("git", "token")])
def test_an_ssh_url_requires_a_deploy_key(place: Place, access: GitCredentials | None) -> None:
    place.key()
    for url in (place.url.replace("git@", ""), place.url, "git@127.0.0.1:deploy.git"):
        with pytest.raises(GitError):
            place.mirror.fetch(url, access)
    assert place.server.offers == 0


def test_scp_style_urls_are_supported(place: Place) -> None:
    with pytest.raises(TransientGitError, match=r"cannot fetch git@nowhere\.invalid:group/x\.git"):
        place.mirror.fetch("git@nowhere.invalid:group/x.git", place.key())


@pytest.mark.usefixtures("kept_home")
@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_server_that_stops_leaves_no_command_behind(tmp_path: Path) -> None:
    """It stops while Git begins, at another instant each time."""
    for each in range(10):
        with serve_ssh(tmp_path / f"{each}", KEY) as server:
            server.create("deploy")
            mirror = Mirrors(tmp_path / f"mirrors{each}").of(REPO)
            here = Place(tmp_path, server, server.root, mirror, save_key(KEY, tmp_path / "key"))

            def fetch(place: Place = here) -> None:
                with suppress(GitError):
                    place.fetch()

            client = threading.Thread(target=fetch)
            client.start()
            while not server.commands:
                assert client.is_alive()
        client.join()
    gc.collect()
