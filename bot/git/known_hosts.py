"""The pinned host keys of SSH servers: an OpenSSH `known_hosts` file, read strictly.

The format is that of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". libssh2, which compares the keys,
takes markers and patterns for names: a key that is `@revoked` stays trusted where another line pins
it, `!name,name` is trusted as `name`. Such lines are refused here, before libssh2 sees them.
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
class KnownHosts:
    """What a file pins: for each entry its names and `type key`, as they stand there."""

    file: Path
    entries: tuple[tuple[tuple[str, ...], str], ...]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file.

        Raises:
            GitError: it cannot be read, pins nothing, or has a line that is not followed.
        """
        try:
            lines = file.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise GitError(f"the known hosts cannot be read: {file}: {error}") from error
        entries = []
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith("#"):
                try:
                    entries.append(_entry(line))
                except ValueError as error:
                    raise GitError(f"{file}:{number}: {error}") from None
        if not entries:
            raise GitError(f"{file}: no host key is pinned here")
        return cls(file, tuple(entries))

    def has(self, host: str, port: int) -> bool:
        """Whether any key is pinned for a host: as `[host]:port` or, for every port, as `host`."""
        wanted = (host, f"[{host}]:{port}")
        return any(
            _is(name, each) for names, _ in self.entries for name in names for each in wanted
        )

    def text(self) -> str:
        """The entries alone, one a line."""
        return "".join(f"{','.join(names)} {key}\n" for names, key in self.entries)


def _entry(line: str) -> tuple[tuple[str, ...], str]:
    """The names and the key of a line. Raises ValueError with what is wrong."""
    fields = line.split()
    if fields[0].startswith("@"):
        raise ValueError(f"the marker {fields[0]} is not followed: leave the line out")
    if len(fields) < 3:  # noqa: PLR2004 - names, type, key
        raise ValueError("a line is: names, type of key, key")
    names = tuple(fields[0].split(","))
    for name in names:
        if any(sign in name for sign in "*?!"):
            raise ValueError(f"{name}: patterns are not followed; name each host")
        if not (_HASHED.fullmatch(name) and len(names) == 1) and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a host")
    kind, key = fields[1:3]
    if kind not in KEY_TYPES:
        raise ValueError(f"{kind!r} is not one of {', '.join(sorted(KEY_TYPES))}")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error:
        raw = b""
    if not raw.startswith(len(kind).to_bytes(4) + kind.encode()):
        raise ValueError(f"the key is no {kind} key")
    return names, f"{kind} {key}"


def _is(name: str, host: str) -> bool:
    """Whether a name, plain or hashed (`|1|salt|HMAC-SHA1(salt, host)`), is that host's."""
    hashed = _HASHED.fullmatch(name)
    if hashed is None:
        return name == host
    salt, digest = (base64.b64decode(part) for part in hashed.groups())
    return hmac.digest(salt, host.encode(), "sha1") == digest
