"""Who is looking at a page: a cookie that names a user, signed; and a token in every form."""

import hashlib
import hmac
import secrets

from fastapi import Request, Response

from bot.localforge.accounts import RefusedError
from bot.localforge.forge import Forge
from bot.localforge.records import User

COOKIE = "localforge"


class Sessions:
    """Sessions last as long as the process: its key is drawn at start."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._key = secrets.token_bytes(32)

    def begin(self, response: Response, user: User) -> None:
        """Sign the user in."""
        value = f"{user.login}.{self._sign('session', user.login)}"
        response.set_cookie(COOKIE, value, httponly=True, samesite="lax")

    def end(self, response: Response) -> None:
        """Sign out."""
        response.delete_cookie(COOKIE)

    def user(self, request: Request) -> User | None:
        """Who is signed in."""
        login, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        expected = self._sign("session", login).encode()
        if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return None
        return self._forge.users.get(login)

    def form_token(self, user: User | None) -> str:
        """The token that this user's forms must carry."""
        return self._sign("form", user.login) if user else ""

    def check_form(self, request: Request, token: str) -> User:
        """The signed-in user of a form that this site gave out."""
        user = self.user(request)
        if user is None:
            raise RefusedError(401, "sign in first")
        expected = self._sign("form", user.login).encode()
        if not hmac.compare_digest(expected, token.encode("utf-8", "replace")):
            raise RefusedError(403, "this form is out of date; load the page again")
        return user

    def _sign(self, kind: str, login: str) -> str:
        return hmac.new(self._key, f"{kind}:{login}".encode(), hashlib.sha256).hexdigest()
