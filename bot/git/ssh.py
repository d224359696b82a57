"""Git over SSH: one deploy key for one repository, and host keys that are pinned.

libgit2 compares a server's key with `.ssh/known_hosts` below its home folder and says whether it is
there; pygit2 hands on that word alone, never the key. So the pinned keys are all that libgit2 is
given to compare with: neither HOME nor the user's own file has a say, and nothing is trusted on
first use.
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
KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
MOST_BYTES = 16_384

_PATH = r"[\w.~+][\w.~+/-]*"
_HOST = r"(?P<user>[\w.][\w.-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)"
_URL = re.compile(rf"ssh://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/{_PATH}", re.ASCII)
_PEM = re.compile(
    rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----"
    rb"([A-Za-z0-9+/=\s]+)"
    rb"-----END OPENSSH PRIVATE KEY-----\s*"
)
_MAGIC = b"openssh-key-v1\0"
_SHORT = re.compile(rf"{_HOST}:(?P<port>){_PATH}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an SSH address leads; `str` names the host, and the port where it is not `PORT`."""

    user: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `ssh://user@host:port/path` or `user@host:path`.

        libgit2 puts the path between quotes into a command for the server, as it is: so no quotes,
        spaces or other odd signs are taken.

        Raises:
            GitError: it is neither.
        """
        found = _URL.fullmatch(url) or _SHORT.fullmatch(url)
        if found is None:
            raise GitError(
                f"{url!r} cannot be reached with a deploy key: "
                "an SSH address is ssh://user@host/path or user@host:path"
            )
        return cls(found["user"], found["host"], int(found["port"] or PORT))

    def __str__(self) -> str:
        return self.host if self.port == PORT else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DeployKey:
    """The private key of one repository, known by its path alone, and the hosts it is shown to."""

    file: Path
    hosts: KnownHosts

    def check(self) -> None:
        """Refuse a file that others can read, or that libssh2 cannot be trusted with.

        Who may read is OpenSSH's rule (`sshkey_perm_ok`): our own file is for nobody else. Of a
        file that belongs to another user, as one that Kubernetes mounts, a group may read, others
        not. RSA is not taken: libssh2 1.11.1 writes past its memory, which ends the process, when a
        server offers many algorithms for such a key (`server-sig-algs`), as asyncssh does.

        Raises:
            GitError: with the file and what is wrong with it, never with what it holds.
        """
        try:
            with self.file.open("rb") as opened:
                found = os.fstat(opened.fileno())
                content = opened.read(MOST_BYTES)
        except OSError as error:
            raise GitError(f"the deploy key {self.file} cannot be read: {error.strerror}") from None
        refused = 0o077 if found.st_uid == os.geteuid() else 0o007
        if found.st_mode & refused:
            mode = stat.S_IMODE(found.st_mode)
            raise GitError(
                f"the deploy key {self.file} has mode {mode:04o}: nobody else may read a private "
                "key (chmod 600)"
            )
        if _kind(content) not in KINDS:
            raise GitError(
                f"the deploy key {self.file} is no private key in OpenSSH's format, Ed25519 or "
                "ECDSA, without a passphrase: make one with ssh-keygen -t ed25519 -N ''"
            )

    def pair(self, url: str) -> pygit2.Keypair:
        """What libgit2 signs in with; it reads the file itself."""
        return pygit2.Keypair(Address.parse(url).user, None, self.file, "")

    def complaint(self, url: str) -> str:
        """Why a server's key was not accepted."""
        address = Address.parse(url)
        if self.hosts.has(address.host, address.port):
            return (
                f"{address} shows another host key than those pinned in {self.hosts.file}: "
                "nothing was sent; find out whether it was replaced or somebody is in between"
            )
        return (
            f"{address} is not among the known hosts of {self.hosts.file}: nothing was sent; "
            "add its key as its owner publishes it, and restart"
        )


def _kind(content: bytes) -> str:
    """The type of a private key that has no passphrase, empty for anything else.

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
    """A length and so many bytes (RFC 4251, section 5), and what follows."""
    end = 4 + int.from_bytes(raw[:4])
    return raw[4:end], raw[end:]


def pin_hosts(file: Path, home: Path) -> KnownHosts:
    """Read a file of known hosts and make it all that libgit2 knows, for this whole process.

    `home` is a folder of our own, which gets a copy without anything but the keys.

    Raises:
        GitError: see `KnownHosts.read`.
    """
    hosts = KnownHosts.read(file)
    folder = home.resolve() / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "known_hosts").write_text(hosts.text(), encoding="ascii")
    pygit2.settings.homedir = str(folder.parent)
    return hosts
