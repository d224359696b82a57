"""The OAuth side of a forge: it asks who is there, hands out codes, and holds clients to PKCE.

Codes are good once, for the client, the address and the verifier that they were asked with
(RFC 6749 section 4.1, RFC 7636 section 4.6). Who sits before the browser is said by `visitor`.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

CLIENT, CLIENT_SECRET = "client-of-the-tests", "client-secret-of-the-tests"


@dataclass(slots=True)
class OAuth:
    """Applications by id, codes that wait, and tokens by the login whose they are."""

    visitor: str = "rita"
    clients: dict[str, str] = field(default_factory=lambda: {CLIENT: CLIENT_SECRET})
    callbacks: dict[str, str] = field(default_factory=dict)
    codes: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)

    def routes(self, authorize: str, token: str, refused: int) -> APIRouter:
        """At the forge's own paths; `refused` is its HTTP status for a code it does not take."""
        routes = APIRouter()

        @routes.get(authorize)
        def asked(request: Request) -> Response:
            return self._asked(dict(request.query_params))

        @routes.post(token)
        async def exchanged(request: Request) -> Response:
            assert request.headers["accept"] == "application/json"
            fields = {name: str(value) for name, value in (await request.form()).items()}
            return self._exchanged(fields, refused)

        return routes

    def _asked(self, query: dict[str, str]) -> Response:
        back = query["redirect_uri"]
        assert query["client_id"] in self.clients
        assert back == self.callbacks.get(query["client_id"], back)
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        self.scopes.append(query.get("scope", ""))
        told = {"state": query["state"]}
        if not self.visitor:
            told |= {"error": "access_denied", "error_description": "The user refused."}
        else:
            told["code"] = secrets.token_hex(10)
            self.codes[told["code"]] = (self.visitor, query)
        return RedirectResponse(f"{back}?{urlencode(told)}", 302)

    def _exchanged(self, fields: Mapping[str, str], refused: int) -> Response:
        login, query = self.codes.pop(fields["code"], ("", {}))
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = (
            login
            and fields["grant_type"] == "authorization_code"
            and self.clients.get(fields["client_id"]) == fields["client_secret"]
            and (fields["client_id"], fields["redirect_uri"], challenge)
            == tuple(query[name] for name in ("client_id", "redirect_uri", "code_challenge"))
        )
        if not good:
            return JSONResponse({"error": "invalid_grant"}, refused)
        token = secrets.token_hex(20)
        self.tokens[token] = login
        return JSONResponse({"access_token": token, "token_type": "bearer"})
