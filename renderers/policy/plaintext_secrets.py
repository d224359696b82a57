"""Secrets stay out of Git in the clear. No message here shows a value.

Sources: Kubernetes documentation, "Secrets"; SOPS README, "Encryption Protocol" (the `sops` part
with its `mac`, values as `ENC[...]`); RFC 7468 (PEM labels).
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping

from planners.model import Json

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
_INSTEAD = "keep them out of Git: use a SealedSecret, an ExternalSecret or a SOPS-encrypted file"


def secret_violations(item: Mapping[str, Json], *, plaintext_allowed: bool) -> Iterator[str]:
    """What an object tells that should be secret.

    With `plaintext_allowed` (a test fleet) values may stand in the clear; tokens of service
    accounts may not even then, since Kubernetes fills those in for whoever may write a Secret.
    """
    if item.get("kind") == "Secret":
        if item.get("type") == _TOKEN:
            yield "asks for a token of a service account; mount a projected token instead"
        if not plaintext_allowed:
            yield from _secret(item)
    elif not plaintext_allowed:
        for path in _private_keys(dict(item), ""):
            yield f"holds a private key at {path}; {_INSTEAD}"


def _secret(item: Mapping[str, Json]) -> Iterator[str]:
    fields = [field for field in ("data", "stringData") if item.get(field)]
    if not fields:
        return
    if not _is_sops(item.get("sops")):
        yield f"holds plain values; {_INSTEAD}"
        return
    for field in fields:
        values = item[field]
        keys = sorted(values) if isinstance(values, dict) else []
        plain = [key for key in keys if not _is_encrypted(_value(values, key))]
        if plain or not keys:
            places = ", ".join(f"{field}.{key}" for key in plain) or field
            yield f"holds plain values at {places}, beside SOPS-encrypted ones; encrypt all of it"


def _is_sops(part: Json) -> bool:
    return isinstance(part, dict) and _is_encrypted(part.get("mac")) and part.get("mac") != ""


def _is_encrypted(value: Json) -> bool:
    """Whether it is as SOPS writes it; SOPS leaves an empty text empty."""
    return isinstance(value, str) and (
        not value or (value.startswith("ENC[") and value.endswith("]"))
    )


def _value(values: Json, key: str) -> Json:
    return values.get(key) if isinstance(values, dict) else None


def _private_keys(value: Json, path: str) -> Iterator[str]:
    """The places of texts that hold a private key in PEM, bare or in base64."""
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
    """Whether a text holds a private key in PEM, bare or in base64."""
    return bool(_PRIVATE_KEY.search(text) or _PRIVATE_KEY.search(_decoded(text)))


def _decoded(text: str) -> str:
    if not text.startswith("LS0tLS1CRUdJTi"):
        return ""
    try:
        return base64.b64decode(text).decode("latin-1")
    except binascii.Error:
        return text
