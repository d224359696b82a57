"""The OAuth server of a forge: issues codes, exchanges them for tokens, and enforces PKCE.

A code can be used once, with the client, the redirect URI and the verifier that it was requested
with (RFC 6749 section 4.1, RFC 7636 section 4.6). `visitor` is the user in front of the browser.
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
class CodeRequest:
    """Who consented, and the query of the request for the code."""

    login: str
    query: dict[str, str]


@dataclass(slots=True)
class OAuth:
    """Clients (id and secret), unused codes, and tokens with their users.

    Without a `visitor` it refuses.
    """

    visitor: str = "rita"
    clients: dict[str, str] = field(default_factory=lambda: {CLIENT: CLIENT_SECRET})
    callbacks: dict[str, str] = field(default_factory=dict)
    codes: dict[str, CodeRequest] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)

    def routes(self, authorize: str, token: str, refused: int) -> APIRouter:
        """Routes at the forge's own paths; `refused` is its HTTP status for an invalid code."""
        routes = APIRouter()

        @routes.get(authorize)
        async def consent(request: Request) -> Response:
            return self._consent(dict(request.query_params))

        @routes.post(token)
        async def exchange(request: Request) -> Response:
            assert request.headers["accept"] == "application/json"
            fields = {name: str(value) for name, value in (await request.form()).items()}
            return self._exchange(fields, refused)

        return routes

    def _consent(self, query: dict[str, str]) -> Response:
        back = query["redirect_uri"]
        assert query["client_id"] in self.clients
        assert back == self.callbacks.get(query["client_id"], back)
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        self.scopes.append(query.get("scope", ""))
        answer = {"state": query["state"]}
        if not self.visitor:
            answer |= {"error": "access_denied", "error_description": "The user refused."}
        else:
            answer["code"] = secrets.token_hex(10)
            self.codes[answer["code"]] = CodeRequest(self.visitor, query)
        return RedirectResponse(f"{back}?{urlencode(answer)}", 302)

    def _exchange(self, fields: Mapping[str, str], refused: int) -> Response:
        given = self.codes.pop(fields["code"], None)
        digest = hashlib.sha256(fields["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        valid = (
            given is not None
            and fields["grant_type"] == "authorization_code"
            and self.clients.get(fields["client_id"]) == fields["client_secret"]
            and fields["client_id"] == given.query["client_id"]
            and fields["redirect_uri"] == given.query["redirect_uri"]
            and challenge == given.query["code_challenge"]
        )
        if given is None or not valid:
            return JSONResponse({"error": "invalid_grant"}, refused)
        token = secrets.token_hex(20)
        self.tokens[token] = given.login
        return JSONResponse({"access_token": token, "token_type": "bearer"})
