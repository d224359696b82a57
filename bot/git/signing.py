"""Signs commits with an SSH key, as `git commit -S` does with `gpg.format = ssh`.

The format is that of OpenSSH's PROTOCOL.sshsig with the namespace `git`; Git keeps the signature
in the commit's header `gpgsig` (git documentation, gitformat-signature). The only importer of
cryptography.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from bot.git.errors import GitError
from bot.git.ssh import read_private_file

NAMESPACE = b"git"
HASH = b"sha512"
KEY_TYPE = b"ssh-ed25519"
_MAGIC = b"SSHSIG"
_VERSION = (1).to_bytes(4)
_LINE = 70


@dataclass(frozen=True, slots=True)
class CommitSigner:
    """The key, and the e-mail address of the account that holds it.

    Forges compare the committer's address with the verified addresses of that account. Only Ed25519
    keys: their signatures are deterministic, so that equal commits keep equal ids.
    """

    key: Ed25519PrivateKey
    email: str

    @classmethod
    def read(cls, file: Path, email: str) -> Self:
        """Read the private key of a file.

        Raises:
            GitError: others can read the file, or it is no Ed25519 key without a passphrase.
        """
        content = read_private_file(file, "signing key")
        try:
            key = load_ssh_private_key(content, None)
        except (TypeError, ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise GitError(
                f"the signing key {file} must be an Ed25519 private key in OpenSSH format without "
                "a passphrase: create one with ssh-keygen -t ed25519 -N ''"
            )
        return cls(key, email)

    def signature(self, content: bytes) -> str:
        """The armored signature of a commit without its `gpgsig` header."""
        digest = hashlib.sha512(content).digest()
        fields = b"".join(map(_string, (NAMESPACE, b"", HASH)))
        signed = self.key.sign(_MAGIC + fields + _string(digest))
        blob = b"".join(
            (
                _MAGIC,
                _VERSION,
                _string(self._public()),
                fields,
                _string(_string(KEY_TYPE) + _string(signed)),
            )
        )
        text = base64.b64encode(blob).decode()
        lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
        return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])

    def _public(self) -> bytes:
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _string(KEY_TYPE) + _string(raw)


def _string(raw: bytes) -> bytes:
    """A length-prefixed string (RFC 4251, section 5)."""
    return len(raw).to_bytes(4) + raw
