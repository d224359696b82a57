"""Who is looking at a page: a signed cookie that names a user; and a token in every form."""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response

from bot.sandbox.forge.accounts import RefusedError
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.records import User

COOKIE = "localforge"


class Sessions:
    """A session lasts until the forge ends (its key is drawn at start) or the token changes."""

    def __init__(self, forge: Forge) -> None:
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
        """Who is signed in."""
        login, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        user = self._forge.users.get(login)
        if user is None or not _same(self._sign("session", user), signature):
            return None
        return user

    def form_token(self, user: User | None) -> str:
        """The token that this user's forms must carry."""
        return self._sign("form", user) if user else ""

    def check_form(self, request: Request, token: str) -> User:
        """The signed-in user of a form that this site gave out."""
        check_origin(request)
        user = self.user(request)
        if user is None:
            raise RefusedError(401, "sign in first")
        if not _same(self._sign("form", user), token):
            raise RefusedError(403, "this form is out of date; load the page again")
        return user

    def _sign(self, kind: str, user: User) -> str:
        message = f"{kind}:{user.login}:{user.token_hash}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Refuse a form that another site sent (browsers say where a POST comes from)."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise RefusedError(403, "this form was sent from another site")


def local_path(back: str) -> str:
    """An address of this site to go back to; the front page for everything else."""
    plain = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return back if plain else "/"


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
