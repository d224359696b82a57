"""Sessions: a signed cookie with the user, and a token in every form."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState

COOKIE = "localforge"


class Sessions:
    """A session is valid until the forge stops (its key is random) or the user's token changes."""

    def __init__(self, forge: ForgeState) -> None:
        self._forge = forge
        self._key = secrets.token_bytes(32)

    def begin(self, response: Response, user: User) -> None:
        """Sign the user in."""
        value = f"{user.login}.{self._sign('session', user)}"
        response.set_cookie(COOKIE, value, httponly=True, samesite="lax")

    def end(self, response: Response) -> None:
        """Sign out."""
        response.delete_cookie(COOKIE)

    def user(self, request: Request) -> User | None:
        """The signed-in user."""
        login, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        user = self._forge.users.get(login)
        if user is None or not _same(self._sign("session", user), signature):
            return None
        return user

    def form_token(self, user: User | None) -> str:
        """The token that this user's forms must contain."""
        return self._sign("form", user) if user else ""

    def check_form(self, request: Request, token: str) -> User:
        """Check the token of a form, and return its user."""
        check_origin(request)
        user = self.user(request)
        if user is None:
            raise RequestError(401, "sign in first")
        if not _same(self._sign("form", user), token):
            raise RequestError(403, "this form has expired; reload the page")
        return user

    def _sign(self, kind: str, user: User) -> str:
        message = f"{kind}:{user.login}:{user.token_hash}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Reject a form sent by another site (browsers send the origin of a POST)."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise RequestError(403, "this form was sent from another site")


def local_path(back: str) -> str:
    """A path of this site to return to; the front page for anything else."""
    plain = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if plain else "/"


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
