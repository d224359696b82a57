"""Git over SSH: one deploy key per repository, and pinned host keys.

libgit2 compares a server's key with `.ssh/known_hosts` in its home folder; pygit2 reports only the
result, never the key. So libgit2 gets a home folder that contains only the pinned keys: neither
HOME nor the user's own file counts, and nothing is trusted on first use.
"""

import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pygit2

from bot.git.errors import GitError
from bot.git.known_hosts import KnownHosts

PORT = 22
KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
MAX_KEY_BYTES = 16_384

_PATH = r"[\w.~+][\w.~+/-]*"
_HOST = r"(?P<user>[\w.][\w.-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)"
_URL = re.compile(rf"ssh://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/{_PATH}", re.ASCII)
_PEM = re.compile(
    rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----"
    rb"([A-Za-z0-9+/=\s]+)"
    rb"-----END OPENSSH PRIVATE KEY-----\s*"
)
_MAGIC = b"openssh-key-v1\0"
_SCP_STYLE = re.compile(rf"{_HOST}:(?P<port>){_PATH}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed SSH address; `str` gives the host, and the port if it is not `PORT`."""

    user: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `ssh://user@host:port/path` or `user@host:path`.

        libgit2 puts the path unescaped into a quoted command for the server, so quotes, spaces and
        other special characters are rejected.

        Raises:
            GitError: the URL has neither form.
        """
        found = _URL.fullmatch(url) or _SCP_STYLE.fullmatch(url)
        if found is None:
            raise GitError(
                f"{url!r} cannot be used with a deploy key: "
                "expected ssh://user@host/path or user@host:path"
            )
        return cls(found["user"], found["host"], int(found["port"] or PORT))

    def __str__(self) -> str:
        return self.host if self.port == PORT else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DeployKey:
    """The private key file of one repository, and the hosts that it may be used with."""

    file: Path
    hosts: KnownHosts

    def check(self) -> None:
        """Reject a file that others can read, or that libssh2 cannot handle safely.

        RSA is not supported: libssh2 1.11.1 overflows a buffer and crashes the process if a server
        offers many signature algorithms for such a key (`server-sig-algs`), as asyncssh does.

        Raises:
            GitError: with the file and the reason, never with its content.
        """
        if _kind(read_private_file(self.file, "deploy key")) not in KEY_TYPES:
            raise GitError(
                f"the deploy key {self.file} must be an Ed25519 or ECDSA private key in OpenSSH "
                "format without a passphrase: create one with ssh-keygen -t ed25519 -N ''"
            )

    def pair(self, url: str) -> pygit2.Keypair:
        """The credentials for libgit2, which reads the file itself."""
        return pygit2.Keypair(Address.parse(url).user, None, self.file, "")

    def host_key_error(self, url: str) -> str:
        """The error message for a host key that was not accepted."""
        address = Address.parse(url)
        if self.hosts.has(address.host, address.port):
            return (
                f"the host key of {address} differs from those pinned in {self.hosts.file}: "
                "nothing was sent; check whether the key was replaced or the connection intercepted"
            )
        return (
            f"{address} is not in the known hosts file {self.hosts.file}: nothing was sent; "
            "add its key as published by its owner, and restart"
        )


def read_private_file(file: Path, what: str) -> bytes:
    """The content of a private key's file.

    Permissions follow OpenSSH (`sshkey_perm_ok`): our own file must be private. A file of another
    user, such as one mounted by Kubernetes, may be readable by its group.

    Raises:
        GitError: others can read it, or it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            content = opened.read(MAX_KEY_BYTES)
    except OSError as error:
        raise GitError(f"cannot read the {what} {file}: {error.strerror}") from None
    forbidden = 0o077 if found.st_uid == os.geteuid() else 0o007
    if found.st_mode & forbidden:
        mode = stat.S_IMODE(found.st_mode)
        raise GitError(
            f"the {what} {file} has mode {mode:04o}: other users must not be able to read it "
            "(chmod 600)"
        )
    return content


def _kind(content: bytes) -> str:
    """The type of a private key without a passphrase; empty for anything else.

    The format is that of OpenSSH's PROTOCOL.key: the magic, then the cipher, the name and options
    of the key derivation, how many keys, and the public key, which begins with its type.
    """
    found = _PEM.fullmatch(content)
    try:
        raw = binascii.a2b_base64(found[1]) if found else b""
    except binascii.Error:
        return ""
    cipher, rest = _string(raw.removeprefix(_MAGIC))
    _, rest = _string(rest)
    _, rest = _string(rest)
    public, _ = _string(rest[4:])
    kind, _ = _string(public)
    plain = raw.startswith(_MAGIC) and cipher == b"none"
    return kind.decode("ascii", "replace") if plain else ""


def _string(raw: bytes) -> tuple[bytes, bytes]:
    """A length-prefixed string (RFC 4251, section 5), and the remaining bytes."""
    end = 4 + int.from_bytes(raw[:4])
    return raw[4:end], raw[end:]


def pin_hosts(file: Path, home: Path) -> KnownHosts:
    """Read a known hosts file and make it the only one that libgit2 uses in this process.

    `home` is a folder of the service; a copy with only the keys is written there.

    Raises:
        GitError: see `KnownHosts.read`.
    """
    hosts = KnownHosts.read(file)
    folder = home.resolve() / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "known_hosts").write_text(hosts.text(), encoding="ascii")
    pygit2.settings.homedir = str(folder.parent)
    return hosts
