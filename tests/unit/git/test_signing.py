"""Signed commits, verified by Git and OpenSSH themselves."""

import subprocess
from pathlib import Path

import pytest

from bot.app import make_signer
from bot.git import CommitSigner, GitError, Mirrors
from bot.settings import Settings
from tests.fakes.githttp import git
from tests.unit.git.world import BOT, CREDENTIALS, NOON, REPO, World

EMAIL = "switchyard-bot@example.com"


def keygen(file: Path, *arguments: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", *arguments, "-f", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return keygen(tmp_path / "key")


@pytest.fixture
def signed(world: World, tmp_path: Path, key: Path) -> World:
    """The world, in which the mirror signs."""
    world.add({"top": b"t"})
    world.mirrors = Mirrors(tmp_path / "signing", signer=CommitSigner.read(key, EMAIL))
    world.mirror = world.mirrors.of(REPO)
    world.fetch()
    return world


def commit(world: World, message: str = "Say why", files: int = 1) -> str:
    parent = world.mirror.head("main")
    assert parent is not None
    changes = {f"a/{number}": b"x%d" % number for number in range(files)}
    return world.mirror.commit(parent, changes, message=message, author=BOT, at=NOON)


def folder(tmp_path: Path) -> Path:
    return next((tmp_path / "signing").iterdir())


def verify(tmp_path: Path, sha: str, public: Path, identity: str = EMAIL) -> str:
    """What `git verify-commit` says; it asks `ssh-keygen -Y verify`."""
    signers = tmp_path / "signers"
    signers.write_text(f'{identity} namespaces="git" {public.read_text()}')
    settings = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}")
    command = ["git", f"--git-dir={folder(tmp_path)}", *settings, "verify-commit", sha]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("files", [1, 500], ids=["loose", "packed"])
def test_git_verifies_a_commit(signed: World, tmp_path: Path, key: Path, files: int) -> None:
    sha = commit(signed, "Roll out shop\n\nWhy.\n\nKey: välue", files)

    said = verify(tmp_path, sha, key.with_suffix(".pub"))

    assert f'Good "git" signature for {EMAIL} with ED25519 key' in said
    assert "is valid" not in git(folder(tmp_path), "fsck", "--strict", sha)
    info = signed.mirror.commit_info(sha)
    assert (info.author_email, info.committer_email) == (BOT.email, EMAIL)
    assert info.message == "Roll out shop\n\nWhy.\n\nKey: välue\n"


def test_another_key_and_a_changed_commit_are_not_verified(
    signed: World, tmp_path: Path, key: Path
) -> None:
    sha = commit(signed)
    other = keygen(tmp_path / "other").with_suffix(".pub")
    with pytest.raises(AssertionError, match="No principal matched"):
        verify(tmp_path, sha, other)

    raw = git(folder(tmp_path), "cat-file", "commit", sha).replace("Say why", "Say what") + "\n"
    changed = git(
        folder(tmp_path), "hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.encode()
    )
    with pytest.raises(AssertionError, match="Signature verification failed"):
        verify(tmp_path, changed, key.with_suffix(".pub"))


def test_equal_commits_have_equal_ids_and_can_be_pushed(signed: World) -> None:
    sha = commit(signed)

    assert commit(signed) == sha
    signed.mirror.push(signed.url, CREDENTIALS, {})


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    encrypted = tmp_path / "encrypted"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(encrypted)], check=True
    )
    ecdsa = tmp_path / "ecdsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(ecdsa)], check=True)
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    nonsense.chmod(0o600)

    for file in (encrypted, ecdsa, nonsense):
        with pytest.raises(GitError, match="must be an Ed25519 private key") as refused:
            CommitSigner.read(file, EMAIL)
        assert str(file) in str(refused.value)


def test_a_key_that_others_can_read_is_refused(key: Path) -> None:
    key.chmod(0o644)

    with pytest.raises(GitError, match=r"the signing key .* has mode 0644"):
        CommitSigner.read(key, EMAIL)


def test_the_settings_name_the_key_and_its_account(key: Path) -> None:
    known = {"fleet": "local:fleet/fleet", "marker_key": "m" * 16, "report_key": "r" * 16}

    signer = make_signer(Settings(**known, commit_signing_key=key, commit_email=EMAIL))

    assert make_signer(Settings(**known)) is None
    assert signer is not None
    assert signer.email == EMAIL
    for lacking in ({"commit_signing_key": key}, {"commit_email": EMAIL}):
        with pytest.raises(ValueError, match="must be set together"):
            Settings(**known, **lacking)
