"""Tokens with which people read `/api/v1` from the command line.

A person makes one on the account page, so that it names who signed in and nobody else. It is shown
once; kept is a keyed hash of it, which neither gives the token back to who reads the database nor
lets who writes there invent one. It is looked up by that hash, whose bytes nobody can choose, so
that the time of a search tells nothing. A token reads; it opens no page and no other method, and
the person's access at the forge is checked as for a session.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from bot.clock import Clock
from bot.keys import token_key
from bot.settings import Settings
from bot.store.keys import TOKENS
from bot.store.views import ViewKind, Views
from bot.web.auth.sessions import Visitor

PREFIX = "sy_"
SECRET_BYTES = 32
LENGTH = len(PREFIX) + len(secrets.token_urlsafe(SECRET_BYTES))
LIFETIME = timedelta(days=30)
MOST = 10
API = "/api/v1/"


class TooManyTokensError(Exception):
    """The person has as many tokens as one may have."""


@dataclass(frozen=True, slots=True)
class Token:
    """Whose token it is, and until when; the token itself is not kept."""

    forge: str
    account: int
    login: str
    created: datetime
    until: datetime

    @property
    def visitor(self) -> Visitor:
        """The person."""
        return Visitor(self.forge, self.account, self.login)


KIND = ViewKind(TOKENS, Token)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of all people."""

    settings: Settings
    views: Views
    clock: Clock

    def create(self, visitor: Visitor) -> str:
        """A new token, which is shown once. Expired ones of everybody are forgotten.

        Raises:
            TooManyTokensError: they have to revoke one before.
        """
        now, known = self.clock(), self.views.load_all(KIND)
        self.views.drop([TOKENS + name for name, each in known.items() if each.until <= now])
        if len(self.of(visitor)) >= MOST:
            raise TooManyTokensError
        text = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
        token = Token(visitor.forge, visitor.account, visitor.login, now, now + LIFETIME)
        self.views.save(KIND, self._hash(text), token)
        return text

    def of(self, visitor: Visitor) -> dict[str, Token]:
        """A person's tokens that are valid, by hash, the oldest first."""
        person, now = (visitor.forge, visitor.account), self.clock()
        found = [
            (name, each)
            for name, each in self.views.load_all(KIND).items()
            if (each.forge, each.account) == person and now < each.until
        ]
        return dict(sorted(found, key=lambda each: each[1].created))

    def revoke(self, visitor: Visitor, name: str) -> None:
        """Forget one of a person's tokens, by its hash."""
        if name in self.of(visitor):
            self.views.drop([TOKENS + name])

    def visitor(self, text: str) -> Visitor | None:
        """Whose token it is, if it is valid."""
        if len(text) != LENGTH or not text.isascii():
            return None
        found = self.views.load(KIND, self._hash(text))
        return found.visitor if found is not None and self.clock() < found.until else None

    def _hash(self, text: str) -> str:
        key = token_key(self.settings.marker_key.get_secret_value())
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def bearer(request: Request) -> str | None:
    """The token with which a request asks to read the API; None for every other request."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    reads = request.method == "GET" and request.url.path.startswith(API)
    return text.strip() if reads and scheme.lower() == "bearer" else None
