"""What an answer of GitLab that is not the wanted one means, and who can clear it.

Sources: GitLab's lib/api/api_guard.rb (`error` and `error_description` of tokens),
lib/api/helpers.rb (moved projects answer 405 to writes), "Archive a project", "Maintenance Mode"
(403 to writes),
"Rate limits" (429, not always with `Retry-After`), "REST API" (status codes), "Commits API" (409
while another update of a status is in progress).
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

MAX_MESSAGE = 300
LATER = 60.0
RENEW = "create a new token and configure it as SWITCHYARD_GITLAB_TOKEN"
MOVED = "Non GET methods are not allowed for moved projects"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What happened and what to do; `retry_after` are seconds after which the same may work."""

    message: str
    retry_after: float | None = None


_NO_ACCESS = (
    "the project does not exist, or the token's user is not a member of it: a maintainer of the "
    "project adds the user"
)
_MOVED = (
    "the project was moved or renamed; a platform engineer writes its new name in the fleet repo"
)
_PHRASES = (
    (401, "expired", f"the token expired: {RENEW}"),
    (401, "revoked", f"the token was revoked: {RENEW}"),
    (401, "", f"GitLab rejects the token: {RENEW}"),
    (403, "insufficient_scope", f"the token lacks the scope `api`: {RENEW}"),
    (403, "blocked", "the token's user is blocked: an administrator of GitLab unblocks it"),
    (404, "Project Not Found", _NO_ACCESS),
    (405, MOVED, _MOVED),
    (413, "", "the text is too large for GitLab"),
)
_PASSING = (
    (403, "read-only", "GitLab is in maintenance mode and accepts no writes"),
    (409, "in progress", "GitLab is still busy with an earlier request"),
    (409, "lock", "GitLab is still busy with an earlier request"),
)
ARCHIVED = (
    "403 Forbidden: the token's user lacks the role, or the project is archived or about to be "
    "deleted; a maintainer of the project clears it"
)


def read(status: int, method: str, body: bytes) -> Refusal:
    """The meaning of an answer; its status is not one of success."""
    text = message_of(body)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal(f"GitLab responded {status}", 5.0)
    for known, phrase, meaning in _PASSING:
        if status == known and phrase.lower() in text.lower():
            return Refusal(meaning, LATER)
    for known, phrase, meaning in _PHRASES:
        if status == known and phrase.lower() in text.lower():
            return Refusal(meaning)
    if status == HTTPStatus.FORBIDDEN and method != "GET" and text in {"403 Forbidden", ""}:
        return Refusal(ARCHIVED)
    words = text[:MAX_MESSAGE]
    return Refusal(words if words.startswith(str(status)) else f"{status} {words}".strip())


def message_of(body: bytes) -> str:
    """GitLab's own words: `message`, which may be a structure, or `error` with its description."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body[:MAX_MESSAGE].decode("utf-8", "replace").strip()
    if not isinstance(found, dict):
        return str(found)[:MAX_MESSAGE]
    parts = (found.get(name) for name in ("message", "error", "error_description"))
    return ": ".join(_flat(each) for each in parts if each)


def _flat(value: object) -> str:
    """Errors by field, such as `{"note": ["is too long"]}`, as a clause."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(each)}" for name, each in value.items())
    if isinstance(value, list):
        return " and ".join(_flat(each) for each in value)
    return str(value)
