"""Signed cookies with an expiry: the session of a user, and a sign-in in progress.

The server keeps nothing, so that every replica accepts every session. Browsers accept a cookie
whose name begins with `__Host-` from this host alone, over TLS (RFC 6265bis, section 4.1.3.2).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import Request, Response

from bot.clock import Clock
from bot.keys import session_key
from bot.settings import Settings

SESSION, PENDING_SIGN_IN = "switchyard-session", "switchyard-sign-in"
LIFETIMES = {SESSION: timedelta(hours=12), PENDING_SIGN_IN: timedelta(minutes=10)}
MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user who signed in at a forge: the id of the account, and its login then."""

    forge: str
    account: int
    login: str


@dataclass(slots=True)
class SessionCookies:
    """Writes and reads the cookies."""

    settings: Settings
    clock: Clock
    _key: bytes = field(init=False)
    _https: bool = field(init=False)

    def __post_init__(self) -> None:
        """Derive the signing key; behind https the cookies are limited to https."""
        self._key = session_key(self.settings.marker_key.get_secret_value())
        self._https = self.settings.public_url.scheme == "https"

    def visitor(self, request: Request) -> Visitor | None:
        """The user that the session cookie names, if it is valid."""
        found = self.read(request, SESSION)
        if found is None or "account" not in found:
            return None
        return Visitor(found["forge"], int(found["account"]), found["login"])

    def sign_in(self, response: Response, visitor: Visitor) -> None:
        """Start a session."""
        values = {"forge": visitor.forge, "account": str(visitor.account), "login": visitor.login}
        self.write(response, SESSION, values)

    def write(self, response: Response, name: str, values: Mapping[str, str]) -> None:
        """Set a cookie."""
        until = self.clock() + LIFETIMES[name]
        response.set_cookie(
            self._cookie_name(name),
            self._seal(name, {**values, "until": str(int(until.timestamp()))}),
            max_age=int(LIFETIMES[name].total_seconds()),
            secure=self._https,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request, name: str) -> dict[str, str] | None:
        """The values in a cookie, if its signature is valid and it has not expired."""
        given = request.cookies.get(self._cookie_name(name), "")
        encoded, _, _ = given.partition(".")
        if len(given) > MAX_LENGTH or not _same(f"{encoded}.{self._sign(name, encoded)}", given):
            return None
        values: dict[str, str] = json.loads(
            base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        )
        until = datetime.fromtimestamp(int(values["until"]), self.clock().tzinfo)
        return values if self.clock() < until else None

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(
            self._cookie_name(name), secure=self._https, httponly=True, samesite="lax"
        )

    def verifier(self, state: str) -> str:
        """The PKCE secret of a sign-in (RFC 7636): 64 characters, derived from its state."""
        return self._sign("verifier", state)

    def _cookie_name(self, name: str) -> str:
        return f"__Host-{name}" if self._https else name

    def _seal(self, purpose: str, values: Mapping[str, str]) -> str:
        encoded = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
        return f"{encoded}.{self._sign(purpose, encoded)}"

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(
        expected.encode("utf-8", "replace"), given.encode("utf-8", "replace")
    )
