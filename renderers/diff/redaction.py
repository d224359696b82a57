"""What must not be shown of manifests: values of Secrets, and values that look like secrets.

A value counts as secret by where it stands (`data` of a Secret), by what it is called (`password`,
an `env` entry `DB_TOKEN`, `--api-key`) or by what it is (a private key, a token of a forge, the
password in an address). In doubt it is hidden: a reviewer loses a word, nobody loses a password.

Sources: Kubernetes API reference, Secret v1; RFC 7468 (PEM labels); RFC 3986, 3.2.1 (userinfo);
the forges' own token prefixes (GitHub: "Token formats", GitLab: "Token prefixes").
"""

import re

from planners.model import Json

HIDDEN = "***"
_SECRET_FIELDS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LAST_WORDS = frozenset(
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
_BEFORE_KEY = frozenset(["access", "api", "client", "encryption", "private", "secret", "signing"])
_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY")
_PARTS = re.compile(
    r"(?P<address>(?<=://)[^/\s:@]*+:[^/\s@]++(?=@))"
    r"|(?P<named>(?:passphrase|password|passwd|secret|token|api[_-]?key|(?:access|private)[_-]?key)"
    r"(?:\s{0,9}=\s{0,9}|\s{0,9}:\s{1,9}|[\"']\s{0,9}:\s{0,9})[\"']?)[^\s\"',;&]++"
    r"|(?<![\w-])(?:gh[opsur]_\w{36}\w*+|github_pat_\w{22}\w*+|glpat-[\w-]{20}[\w-]*+"
    r"|xox[abprs]-[\w-]{10}[\w-]*+|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}+\.[\w-]{10,}+\.[\w-]*+)",
    re.IGNORECASE,
)


def masked(value: Json, twin: Json, word: str) -> Json:
    """The value without secrets at any depth: `***` for each, which says `word` if it differs.

    `twin` is the same value on the other side (None: there is none).
    """
    match value:
        case list():
            return _list(value, twin, word)
        case dict():
            return _mapping(value, twin if isinstance(twin, dict) else {}, word)
        case str():
            return _text(value, twin, word)
        case _:
            return value


def is_hidden(value: Json) -> bool:
    """Whether part of a text was hidden."""
    return isinstance(value, str) and HIDDEN in value


def _list(items: list[Json], twin: Json, word: str) -> list[Json]:
    others = twin if isinstance(twin, list) else []
    named = {each["name"]: each for each in others if isinstance(each, dict) and _has_name(each)}
    found: list[Json] = []
    for index, item in enumerate(items):
        other = others[index] if index < len(others) else None
        if isinstance(item, dict) and _has_name(item):
            other = named.get(item["name"])
        before = items[index - 1] if index else None
        if isinstance(item, str) and isinstance(before, str) and _is_option(before):
            found.append(_hide(item, other, word))
        else:
            found.append(masked(item, other, word))
    return found


def _has_name(item: dict[str, Json]) -> bool:
    return isinstance(item.get("name"), str)


def _is_option(text: str) -> bool:
    """Whether it is such as `--password`, whose value is the next argument."""
    return text.startswith("-") and "=" not in text and _is_sensitive(text)


def _mapping(value: dict[str, Json], twin: dict[str, Json], word: str) -> dict[str, Json]:
    secret = str(value.get("kind")).casefold() == "secret"
    titled = any(_is_sensitive(value.get(each)) for each in ("name", "key"))
    found: dict[str, Json] = {}
    for key, each in value.items():
        other = twin.get(key)
        if secret and key in _SECRET_FIELDS:
            found[key] = _hide_all(each, other, word)
        elif key == _LAST_APPLIED:
            found[key] = HIDDEN
        elif isinstance(each, str) and (_is_sensitive(key) or (titled and key == "value")):
            found[key] = _hide(each, other, word)
        else:
            found[key] = masked(each, other, word)
    return found


def _is_sensitive(name: Json) -> bool:
    """Whether what is called so is a secret: by its last words, so that `secretName` is none."""
    if not isinstance(name, str):
        return False
    words = [each.lower() for each in _WORDS.findall(name[-100:])][-2:]
    if not words:
        return False
    return words[-1] in _LAST_WORDS or (words[-1] == "key" and words[0] in _BEFORE_KEY)


def _hide(value: Json, twin: Json, word: str) -> Json:
    return HIDDEN if value == twin else f"{HIDDEN} ({word})"


def _hide_all(value: Json, twin: Json, word: str) -> Json:
    if not isinstance(value, dict):
        return HIDDEN
    known = twin if isinstance(twin, dict) else {}
    return {key: _hide(each, known.get(key, value), word) for key, each in value.items()}


def _text(value: str, twin: Json, word: str) -> str:
    """A text with what is secret in it hidden; all of it where it holds a private key."""
    if _KEY.search(value):
        return str(_hide(value, twin, word))
    secrets = [found[0] for found in _PARTS.finditer(value)]
    if not secrets:
        return value
    others = [found[0] for found in _PARTS.finditer(twin)] if isinstance(twin, str) else []
    shown = HIDDEN if secrets == others else f"{HIDDEN} ({word})"
    return _PARTS.sub(lambda found: f"{found['named'] or ''}{shown}", value)
