"""Rejects plaintext secrets and private keys. No message contains a value.

Sources: Kubernetes documentation, "Secrets"; SOPS README, "Encryption Protocol" (the `sops` part
with its `mac`, values as `ENC[...]`); RFC 7468 (PEM labels).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from planners.model import Json

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
    fields = [field for field in ("data", "stringData") if item.get(field)]
    if not fields:
        return
    if not _is_sops(item.get("sops")):
        yield f"contains plaintext values; {_INSTEAD}"
        return
    for field in fields:
        values = item[field]
        keys = sorted(values) if isinstance(values, dict) else []
        plain = [key for key in keys if not _is_encrypted(_value(values, key))]
        if plain or not keys:
            places = ", ".join(f"{field}.{key}" for key in plain) or field
            yield f"contains plaintext values at {places} beside encrypted ones; encrypt all values"


def _is_sops(part: Json) -> bool:
    return isinstance(part, dict) and _is_encrypted(part.get("mac")) and part.get("mac") != ""


def _is_encrypted(value: Json) -> bool:
    """Whether SOPS encrypted the value; SOPS leaves an empty text empty."""
    return isinstance(value, str) and (
        not value or (value.startswith("ENC[") and value.endswith("]"))
    )


def _value(values: Json, key: str) -> Json:
    return values.get(key) if isinstance(values, dict) else None


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
