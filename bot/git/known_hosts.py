"""Parses the pinned host keys of SSH servers from an OpenSSH `known_hosts` file, strictly.

The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". libssh2, which compares the keys,
treats markers and patterns as names: a `@revoked` key stays trusted if another line pins it, and
`!name,name` is trusted as `name`. Such lines are rejected here, before libssh2 reads them.
"""

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.git.errors import GitError

KEY_TYPES = frozenset(
    {
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-ed25519",
        "ssh-rsa",
    }
)

_NAME = re.compile(r"[A-Za-z0-9._:-]+|\[[A-Za-z0-9._:-]+\]:[0-9]{1,5}")
_HASHED = re.compile(r"\|1\|([A-Za-z0-9+/]{27}=)\|([A-Za-z0-9+/]{27}=)")


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """One line of the file: the names of a host, and `<type> <key>`."""

    names: tuple[str, ...]
    key: str


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The keys that a file pins."""

    file: Path
    entries: tuple[PinnedKey, ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file.

        Raises:
            GitError: the file cannot be read, has no keys, or has an unsupported line.
        """
        try:
            lines = file.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise GitError(f"cannot read the known hosts file {file}: {error}") from error
        entries = []
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                try:
                    entries.append(_entry(line))
                except ValueError as error:
                    raise GitError(f"{file}:{number}: {error}") from None
        if not entries:
            raise GitError(f"{file}: the file contains no host keys")
        return cls(file, tuple(entries))

    def has(self, host: str, port: int) -> bool:
        """Whether a key is pinned for a host: as `[host]:port`, or as `host` for every port."""
        wanted = (host, f"[{host}]:{port}")
        return any(
            _is(name, each) for entry in self.entries for name in entry.names for each in wanted
        )

    def text(self) -> str:
        """The entries without comments, one per line."""
        return "".join(f"{','.join(entry.names)} {entry.key}\n" for entry in self.entries)


def _entry(line: str) -> PinnedKey:
    """Parse a line. Raises ValueError with the reason if it is invalid."""
    fields = line.split()
    if fields[0].startswith("@"):
        raise ValueError(f"the marker {fields[0]} is not supported: remove the line")
    if len(fields) < 3:  # noqa: PLR2004 - names, type, key
        raise ValueError("a line must have host names, key type and key")
    names = tuple(fields[0].split(","))
    for name in names:
        if any(sign in name for sign in "*?!"):
            raise ValueError(f"{name}: patterns are not supported; list each host")
        if not (_HASHED.fullmatch(name) and len(names) == 1) and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a host name")
    kind, key = fields[1:3]
    if kind not in KEY_TYPES:
        raise ValueError(f"{kind!r} is not one of {', '.join(sorted(KEY_TYPES))}")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        raw = b""
    if not raw.startswith(len(kind).to_bytes(4) + kind.encode()):
        raise ValueError(f"the key is not of type {kind}")
    return PinnedKey(names, f"{kind} {key}")


def _is(name: str, host: str) -> bool:
    """Whether a name, plain or hashed (`|1|salt|HMAC-SHA1(salt, host)`), denotes that host."""
    hashed = _HASHED.fullmatch(name)
    if hashed is None:
        return name == host
    salt, digest = (base64.b64decode(part) for part in hashed.groups())
    return hmac.digest(salt, host.encode(), "sha1") == digest
