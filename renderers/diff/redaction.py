"""Redacts manifests: values of Secrets, and values that look like secrets.

A value counts as secret by its position (`data` of a Secret), by its name (`password`, an `env`
entry `DB_TOKEN`, `--api-key`) or by its content (a private key, a forge token, the password in a
URL). In doubt it is redacted: hiding a harmless word is better than showing a password.

Sources: Kubernetes API reference, Secret v1; RFC 7468 (PEM labels); RFC 3986, 3.2.1 (userinfo);
the forges' own token prefixes (GitHub: "Token formats", GitLab: "Token prefixes").
"""

import re

from planners.model import Json

MASK = "***"
_SECRET_FIELDS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NAME_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    [
        "apikey",
        "credential",
        "credentials",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "secret",
        "token",
        "tokens",
    ]
)
_KEY_QUALIFIERS = frozenset(
    ["access", "api", "client", "encryption", "private", "secret", "signing"]
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_SECRET_PARTS = re.compile(
    r"(?P<address>(?<=://)[^/\s:@]*+:[^/\s@]++(?=@))"
    r"|(?P<named>(?:passphrase|password|passwd|secret|token|api[_-]?key|(?:access|private)[_-]?key)"
    r"(?:\s{0,9}=\s{0,9}|\s{0,9}:\s{1,9}|[\"']\s{0,9}:\s{0,9})[\"']?)[^\s\"',;&]++"
    r"|(?<![\w-])(?:gh[opsur]_\w{36}\w*+|github_pat_\w{22}\w*+|glpat-[\w-]{20}[\w-]*+"
    r"|xox[abprs]-[\w-]{10}[\w-]*+|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}+\.[\w-]{10,}+\.[\w-]*+)",
    re.IGNORECASE,
)


def redact(value: Json, counterpart: Json, word: str) -> Json:
    """The value with each secret replaced by `***`, or `*** (word)` if its counterpart differs.

    `counterpart` is the value on the other side of the diff (None: there is none).
    """
    match value:
        case list():
            return _list(value, counterpart, word)
        case dict():
            return _mapping(value, counterpart if isinstance(counterpart, dict) else {}, word)
        case str():
            return _text(value, counterpart, word)
        case _:
            return value


def is_redacted(value: Json) -> bool:
    """Whether a value is a text with a redacted part."""
    return isinstance(value, str) and MASK in value


def _list(items: list[Json], counterpart: Json, word: str) -> list[Json]:
    others = counterpart if isinstance(counterpart, list) else []
    named = {each["name"]: each for each in others if isinstance(each, dict) and _has_name(each)}
    found: list[Json] = []
    for index, item in enumerate(items):
        other = others[index] if index < len(others) else None
        if isinstance(item, dict) and _has_name(item):
            other = named.get(item["name"])
        before = items[index - 1] if index else None
        if isinstance(item, str) and isinstance(before, str) and _is_option(before):
            found.append(_mask(item, other, word))
        else:
            found.append(redact(item, other, word))
    return found


def _has_name(item: dict[str, Json]) -> bool:
    return isinstance(item.get("name"), str)


def _is_option(text: str) -> bool:
    """Whether it is an option such as `--password`, whose value is the next argument."""
    return text.startswith("-") and "=" not in text and _is_sensitive(text)


def _mapping(value: dict[str, Json], counterpart: dict[str, Json], word: str) -> dict[str, Json]:
    secret = str(value.get("kind")).casefold() == "secret"
    titled = any(_is_sensitive(value.get(each)) for each in ("name", "key"))
    found: dict[str, Json] = {}
    for key, each in value.items():
        other = counterpart.get(key)
        if secret and key in _SECRET_FIELDS:
            found[key] = _mask_all(each, other, word)
        elif key == _LAST_APPLIED:
            found[key] = MASK
        elif isinstance(each, str) and (_is_sensitive(key) or (titled and key == "value")):
            found[key] = _mask(each, other, word)
        else:
            found[key] = redact(each, other, word)
    return found


def _is_sensitive(name: Json) -> bool:
    """Whether a name denotes a secret, by its last words: `dbPassword` does, `secretName` not."""
    if not isinstance(name, str):
        return False
    words = [each.lower() for each in _NAME_WORDS.findall(name[-100:])][-2:]
    if not words:
        return False
    return words[-1] in _SECRET_WORDS or (words[-1] == "key" and words[0] in _KEY_QUALIFIERS)


def _mask(value: Json, counterpart: Json, word: str) -> Json:
    return MASK if value == counterpart else f"{MASK} ({word})"


def _mask_all(value: Json, counterpart: Json, word: str) -> Json:
    if not isinstance(value, dict):
        return MASK
    known = counterpart if isinstance(counterpart, dict) else {}
    return {key: _mask(each, known.get(key, value), word) for key, each in value.items()}


def _text(value: str, counterpart: Json, word: str) -> str:
    """A text with its secrets masked; masked as a whole if it contains a private key."""
    if _PRIVATE_KEY.search(value):
        return str(_mask(value, counterpart, word))
    secrets = [found[0] for found in _SECRET_PARTS.finditer(value)]
    if not secrets:
        return value
    others = (
        [found[0] for found in _SECRET_PARTS.finditer(counterpart)]
        if isinstance(counterpart, str)
        else []
    )
    shown = MASK if secrets == others else f"{MASK} ({word})"
    return _SECRET_PARTS.sub(lambda found: f"{found['named'] or ''}{shown}", value)
