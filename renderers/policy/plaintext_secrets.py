"""Rejects plaintext secrets and private keys. No message contains a value.

Sources: Kubernetes documentation, "Secrets"; RFC 7468 (PEM labels).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from planners.model import Json
from renderers.kubernetes import sops

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_TOKENS = frozenset({"bootstrap.kubernetes.io/token", "kubernetes.io/service-account-token"})
_INSTEAD = (
    "keep them out of Git: use a SOPS-encrypted file, or a SealedSecret or an ExternalSecret if "
    "the tenant may write it"
)


def secret_violations(item: Mapping[str, Json], *, plaintext_allowed: bool) -> Iterator[str]:
    """Which parts of an object contain plaintext secrets.

    `plaintext_allowed` (for test fleets) permits plaintext values, but not service account tokens:
    Kubernetes fills those in for anyone who may write a Secret.
    """
    if item.get("kind") == "Secret":
        if str(item.get("type")) in _TOKENS:
            yield "requests a service account token; mount a projected token instead"
        if not plaintext_allowed:
            yield from _secret(item)
    elif not plaintext_allowed:
        for path in _private_keys(dict(item), ""):
            yield f"contains a private key at {path}; {_INSTEAD}"


def _secret(item: Mapping[str, Json]) -> Iterator[str]:
    if not any(item.get(field) for field in sops.FIELDS):
        return
    plain = list(sops.plain_values(item))
    if not sops.has_sops_part(item):
        yield f"contains plaintext values; {_INSTEAD}"
    elif plain:
        yield f"contains plaintext values at {', '.join(plain)} beside encrypted ones; encrypt all"


def _private_keys(value: Json, path: str) -> Iterator[str]:
    """The paths of texts that contain a PEM private key, plain or in base64."""
    match value:
        case str():
            if holds_private_key(value):
                yield path
        case dict():
            for key in sorted(value):
                yield from _private_keys(value[key], f"{path}.{key}" if path else key)
        case list():
            for index, each in enumerate(value):
                yield from _private_keys(each, f"{path}[{index}]")
        case _:
            pass


def holds_private_key(text: str) -> bool:
    """Whether a text contains a PEM private key, plain or in base64."""
    return bool(_PRIVATE_KEY.search(text) or _PRIVATE_KEY.search(_decoded(text)))


def _decoded(text: str) -> str:
    if not text.startswith("LS0tLS1CRUdJTi"):
        return ""
    try:
        return base64.b64decode(text).decode("latin-1")
    except binascii.Error:
        return text
