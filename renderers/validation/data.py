"""Rules for ConfigMaps and Secrets.

Source: k8s.io/kubernetes/pkg/apis/core/validation (ValidateConfigMap, ValidateSecret);
k8s.io/kubernetes/pkg/apis/core/v1 (conversion of stringData). Values of SOPS are not decoded.
"""

import base64
import binascii
import json

from planners.model import Json
from renderers.kubernetes.fields import path_text
from renderers.validation.checks import Check, Object, Place, Violations, both, mapping, shape, text
from renderers.validation.containers import config_key

MOST_BYTES = 1024 * 1024
_REQUIRED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_JSON_KEYS = frozenset({".dockercfg", ".dockerconfigjson"})
_NOT_EMPTY = frozenset({"ssh-privatekey"})
_BASIC = ("username", "password")
_ACCOUNT = "kubernetes.io/service-account.name"
_ENCRYPTED = "ENC["


def _keys(value: Json, place: Place) -> Violations:
    for key in mapping(value):
        yield from config_key(key, place.at(key))


def _encoded(value: Json, place: Place) -> Violations:
    """Values of binary data are base64."""
    for key, content in mapping(value).items():
        if _decoded(text(content)) is None:
            yield place.at(key).violation("must be base64")


def _decoded(content: str) -> bytes | None:
    """What base64 stands for; line breaks are ignored, and what SOPS encrypted is kept."""
    if content.startswith(_ENCRYPTED):
        return content.encode()
    try:
        return base64.b64decode(content.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _one_place(item: Object, place: Place) -> Violations:
    """No key stands in data and binaryData."""
    for key in sorted(mapping(item.get("data")).keys() & mapping(item.get("binaryData")).keys()):
        yield place.at("data", key).violation("stands in binaryData too; keep one")


def _config_map_size(item: Object, place: Place) -> Violations:
    plain = sum(len(text(each).encode()) for each in mapping(item.get("data")).values())
    binary = mapping(item.get("binaryData")).values()
    size = plain + sum(len(_decoded(text(each)) or b"") for each in binary)
    if size > MOST_BYTES:
        yield place.violation("holds more than 1 MiB of data, the most that Kubernetes takes")


def _content(item: Object) -> dict[str, bytes]:
    """The data of a Secret; stringData takes precedence."""
    found = {key: _decoded(text(each)) or b"" for key, each in mapping(item.get("data")).items()}
    plain = mapping(item.get("stringData"))
    return {**found, **{key: text(each).encode() for key, each in plain.items()}}


def _secret(item: Object, place: Place) -> Violations:
    """The size of a Secret, and the keys that its type requires."""
    content, kind = _content(item), text(item.get("type"))
    if sum(map(len, content.values())) > MOST_BYTES:
        yield place.violation("holds more than 1 MiB of data, the most that Kubernetes takes")
    for key in _REQUIRED.get(kind, ()):
        where = place.at("data", key)
        if key not in content or (key in _NOT_EMPTY and not content[key]):
            yield place.violation(f"requires {path_text(where.path)}, because of its type")
        elif key in _JSON_KEYS and not _is_json_object(content[key]):
            yield where.violation("must be a JSON object")
    if kind == "kubernetes.io/basic-auth" and not any(key in content for key in _BASIC):
        yield place.violation("requires data.username or data.password, because of its type")
    annotations = mapping(mapping(item.get("metadata")).get("annotations"))
    if kind == "kubernetes.io/service-account-token" and not annotations.get(_ACCOUNT):
        yield place.violation(f"requires the annotation {_ACCOUNT}, because of its type")


def _is_json_object(content: bytes) -> bool:
    if content.startswith(_ENCRYPTED.encode()):
        return True
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


KINDS: dict[tuple[str, str], Check] = {
    ("", "ConfigMap"): shape(
        {"data": _keys, "binaryData": both(_keys, _encoded)}, _one_place, _config_map_size
    ),
    ("", "Secret"): shape({"data": both(_keys, _encoded), "stringData": _keys}, _secret),
}
