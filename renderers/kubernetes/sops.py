"""Recognises Secrets that SOPS encrypted.

Source: the SOPS README, "Encryption Protocol": the part `sops` with the `mac` of the document, and
every value as `ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]`; an empty text stays empty.
"""

import re
from collections.abc import Iterator, Mapping

from planners.model import Json

_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_ENCRYPTED = re.compile(
    rf"ENC\[AES256_GCM,data:{_BASE64},iv:{_BASE64},tag:{_BASE64},"
    r"type:(str|int|float|bool|bytes|comment)\]"
)
FIELDS = ("data", "stringData")


def has_sops_part(item: Mapping[str, Json]) -> bool:
    """Whether an object has the part that SOPS adds, with the encrypted `mac` of the document."""
    part = item.get("sops")
    return isinstance(part, dict) and _is_encrypted(part.get("mac"))


def plain_values(item: Mapping[str, Json]) -> Iterator[str]:
    """The paths of a Secret's values that are not encrypted."""
    for field in FIELDS:
        values = item.get(field)
        if isinstance(values, dict):
            plain = (key for key in sorted(values) if values[key] != "")
            yield from (f"{field}.{key}" for key in plain if not _is_encrypted(values[key]))
        elif values:
            yield field


def is_encrypted(item: Mapping[str, Json]) -> bool:
    """Whether an object is a Secret with encrypted values only."""
    is_secret = (item.get("apiVersion"), item.get("kind")) == ("v1", "Secret")
    return is_secret and has_sops_part(item) and not any(plain_values(item))


def decrypted_shape(item: Mapping[str, Json]) -> Mapping[str, Json]:
    """The object without the part that SOPS removes when it decrypts."""
    return (
        {key: value for key, value in item.items() if key != "sops"} if is_encrypted(item) else item
    )


def _is_encrypted(value: Json) -> bool:
    return isinstance(value, str) and _ENCRYPTED.fullmatch(value) is not None
