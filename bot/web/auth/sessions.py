"""What the browser keeps: who signed in, and a sign-in on its way. Signed, and good for a while.

Nothing is kept here, so that every replica knows every session. A cookie whose name begins with
`__Host-` is taken by browsers from this very host alone, over TLS (RFC 6265bis, section 4.1.3.2).
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

SESSION, BEGUN = "switchyard-session", "switchyard-sign-in"
LASTS = {SESSION: timedelta(hours=12), BEGUN: timedelta(minutes=10)}
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signed in at a forge."""

    forge: str
    login: str


@dataclass(slots=True)
class Sessions:
    """Writes and reads the cookies."""

    settings: Settings
    clock: Clock
    _key: bytes = field(init=False)
    _https: bool = field(init=False)

    def __post_init__(self) -> None:
        """Derive the key; a service that people reach by https keeps its cookies to that."""
        self._key = session_key(self.settings.marker_key.get_secret_value())
        self._https = self.settings.public_url.scheme == "https"

    def visitor(self, request: Request) -> Visitor | None:
        """Who is signed in."""
        found = self.read(request, SESSION)
        return Visitor(found["forge"], found["login"]) if found else None

    def begin(self, response: Response, visitor: Visitor) -> None:
        """Sign somebody in."""
        self.write(response, SESSION, {"forge": visitor.forge, "login": visitor.login})

    def write(self, response: Response, name: str, values: Mapping[str, str]) -> None:
        """Give the browser a cookie."""
        until = self.clock() + LASTS[name]
        response.set_cookie(
            self._named(name),
            self._seal(name, {**values, "until": str(int(until.timestamp()))}),
            max_age=int(LASTS[name].total_seconds()),
            secure=self._https,
            httponly=True,
            samesite="lax",
        )

    def read(self, request: Request, name: str) -> dict[str, str] | None:
        """What a cookie of that name holds, if it is ours and still good."""
        given = request.cookies.get(self._named(name), "")
        encoded, _, _ = given.partition(".")
        if len(given) > LONGEST or not _same(f"{encoded}.{self._sign(name, encoded)}", given):
            return None
        values: dict[str, str] = json.loads(
            base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        )
        until = datetime.fromtimestamp(int(values["until"]), self.clock().tzinfo)
        return values if self.clock() < until else None

    def end(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(self._named(name), secure=self._https, httponly=True, samesite="lax")

    def verifier(self, state: str) -> str:
        """The secret of a sign-in with that state (RFC 7636): 64 characters, kept nowhere."""
        return self._sign("verifier", state)

    def _named(self, name: str) -> str:
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
