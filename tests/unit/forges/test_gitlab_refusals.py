"""What each refusal of GitLab is told as, whether it is retried, and who clears it."""

import json

import pytest

from bot.forges.gitlab import refusals

EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
REVOKED = "Token was revoked. You have to re-authorize from the user."
SCOPE = "The request requires higher privileges than provided by the access token."
READ_ONLY = "You cannot perform write operations on a read-only instance"
MOVED = "Non GET methods are not allowed for moved projects"
NEW_TOKEN = "create a new token and configure it as SWITCHYARD_GITLAB_TOKEN"
TABLE = [
    ("GET", 401, {"message": "401 Unauthorized"}, f"GitLab rejects the token: {NEW_TOKEN}", False),
    ("GET", 401, {"error": "invalid_token", "error_description": EXPIRED},
     f"the token expired: {NEW_TOKEN}", False),
    ("PUT", 401, {"error": "invalid_token", "error_description": REVOKED},
     f"the token was revoked: {NEW_TOKEN}", False),
    ("POST", 403, {"error": "insufficient_scope", "error_description": SCOPE, "scope": "api"},
     f"the token lacks the scope `api`: {NEW_TOKEN}", False),
    ("GET", 403, {"message": "403 Forbidden - Your account has been blocked."},
     "the token's user is blocked: an administrator of GitLab unblocks it", False),
    ("GET", 403, {"message": "403 Forbidden - Your primary email address is not confirmed. Please"},
     "403 Forbidden - Your primary email address is not confirmed. Please", False),
    ("POST", 403, {"message": "403 Forbidden"},
     ("403 Forbidden: the token's user lacks the role, or the project is archived or about to be "
     "deleted; a maintainer of the project clears it"), False),
    ("GET", 403, {"message": "403 Forbidden"}, "403 Forbidden", False),
    ("POST", 403, {"message": READ_ONLY},
     "GitLab is in maintenance mode and accepts no writes", True),
    ("GET", 404, {"message": "404 Project Not Found"},
     ("the project does not exist, or the token's user is not a member of it: a maintainer of the "
     "project adds the user"), False),
    ("GET", 404, {"message": "404 Not found"}, "404 Not found", False),
    ("PUT", 405, {"message": "405 Method Not Allowed"}, "405 Method Not Allowed", False),
    ("PUT", 405, {"message": MOVED},
     "the project was moved or renamed; a platform engineer writes its new name in the fleet repo",
     False),
    ("PUT", 406, {"message": "Branch cannot be merged"}, "406 Branch cannot be merged", False),
    ("PUT", 409, {"message": "SHA does not match HEAD of source branch: abc"},
     "409 SHA does not match HEAD of source branch: abc", False),
    ("POST", 409, {"message": "Another update to this commit status is in progress"},
     "GitLab is still busy with an earlier request", True),
    ("POST", 409, {"message": ["Another open merge request already exists for this branch: !1"]},
     "409 Another open merge request already exists for this branch: !1", False),
    ("PUT", 412, {"message": "412 Precondition Failed"}, "412 Precondition Failed", False),
    ("POST", 400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}},
     "400 note is too long (maximum is 1000000 characters)", False),
    ("POST", 413, {"error": "Request Entity Too Large"}, "the text is too large for GitLab", False),
    ("POST", 422, {"message": "The number of jobs has exceeded the limit"},
     "422 The number of jobs has exceeded the limit", False),
    ("GET", 500, {"message": "500 Internal Server Error"}, "GitLab responded 500", True),
    ("GET", 502, "<html>GitLab is not responding</html>", "GitLab responded 502", True),
    ("POST", 503, {"message": "503 Service Unavailable"}, "GitLab responded 503", True),
    ("GET", 418, "", "418", False),
    ("GET", 400, ["odd"], "400 ['odd']", False),
]  # fmt: skip


@pytest.mark.parametrize(("method", "status", "answer", "told", "retried"), TABLE)
def test_a_refusal_says_what_it_is_and_who_clears_it(
    method: str, status: int, answer: object, told: str, retried: bool
) -> None:
    body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()

    found = refusals.read(status, method, body)

    assert (found.message, found.retry_after is not None) == (told, retried)


def test_words_of_gitlab_are_bounded() -> None:
    found = refusals.read(400, "POST", json.dumps({"message": "x" * 5_000}).encode())

    assert len(found.message) <= refusals.MAX_MESSAGE + len("400 ")
