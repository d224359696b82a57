"""Signed markers, by which the bot recognises its own merge requests and comments.

A marker is an HTML comment with a payload and an HMAC over kind, repository and payload, so that a
copy in another repository, or an edited one, is invalid. It counts as the whole first line of a
text only: text of others that the bot quotes comes after it, and so does what somebody appends to a
description. A marker alone is not sufficient: callers also check that the bot is the author of the
text.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from planners.model import Repo

_MARKER = re.compile(r"<!-- switchyard:([a-z]+) ([A-Za-z0-9_-]+) ([0-9a-f]{64}) -->")


@dataclass(frozen=True, slots=True)
class Markers:
    """Writes and reads markers with one key."""

    key: bytes

    def write(self, kind: str, repo: Repo, payload: Mapping[str, str]) -> str:
        """The marker as text, for a line of its own."""
        text = json.dumps(dict(payload), sort_keys=True, separators=(",", ":"))
        encoded = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"<!-- switchyard:{kind} {encoded} {self._sign(kind, repo, encoded)} -->"

    def read(self, kind: str, repo: Repo, text: str) -> dict[str, str] | None:
        """The payload if the first line is a valid marker of that kind, or None."""
        found = _MARKER.fullmatch(text.partition("\n")[0].rstrip("\r "))
        if found is None or found[1] != kind:
            return None
        encoded = found[2]
        if not hmac.compare_digest(self._sign(kind, repo, encoded), found[3]):
            return None
        payload = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        return {str(name): str(value) for name, value in payload.items()}

    def _sign(self, kind: str, repo: Repo, encoded: str) -> str:
        message = f"{kind}\n{repo}\n{encoded}".encode()
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()
