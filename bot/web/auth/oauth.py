"""Signing in at a forge: authorization code with PKCE (RFC 6749, RFC 7636).

The token that comes of it is asked once whose it is, then forgotten.
"""

import base64
import hashlib
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.forges import ForgeError, SignIn, TransientForgeError, untrusted

TIMEOUT = httpx.Timeout(20.0)
MAX_ANSWER = 64 * 1024
WORDS = 100


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in: `back` is where the forge sends the browser, `verifier` its secret."""

    way: SignIn
    back: str
    verifier: str

    def address(self, state: str) -> str:
        """Where the browser goes first."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": self.way.client_id,
            "redirect_uri": self.back,
            "response_type": "code",
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self.way.scope:
            query["scope"] = self.way.scope
        return f"{self.way.authorize}?{urlencode(query)}"

    async def login(self, code: str) -> str:
        """Who came back with the code.

        Raises:
            ForgeError: the forge does not know the code, or its certificate is not trusted.
            TransientForgeError: it does not answer.
        """
        fields = {
            "grant_type": "authorization_code",
            "client_id": self.way.client_id,
            "client_secret": self.way.client_secret.get_secret_value(),
            "code": code,
            "redirect_uri": self.back,
            "code_verifier": self.verifier,
        }
        context = ssl.create_default_context()
        if self.way.ca_file is not None:
            context.load_verify_locations(self.way.ca_file)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=TIMEOUT) as client:
            given = await self._ask(
                client.build_request("POST", self.way.token, data=fields), client
            )
            if "access_token" not in given:
                why = str(given.get("error", "no token came"))[:WORDS]
                raise ForgeError(f"{self.way.title} did not take the code ({why}): sign in again")
            headers = {"authorization": f"Bearer {given['access_token']}"}
            user = await self._ask(
                client.build_request("GET", self.way.user, headers=headers), client
            )
        login = user.get(self.way.login)
        if not isinstance(login, str) or not login:
            raise ForgeError(f"{self.way.title} does not tell who signed in: sign in again")
        return login

    async def _ask(self, request: httpx.Request, client: httpx.AsyncClient) -> dict[str, Any]:
        """The answer, a JSON object; what the forge refuses is one, too."""
        request.headers["accept"] = "application/json"
        body = bytearray()
        try:
            answer = await client.send(request, stream=True)
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    break
            await answer.aclose()
            found = json.loads(body)
        except httpx.HTTPError as error:
            silent = TransientForgeError(
                f"{self.way.title} does not answer: {type(error).__name__}"
            )
            raise untrusted(self.way.title, error) or silent from error
        except (ValueError, RecursionError) as error:
            raise TransientForgeError(f"{self.way.title} answered what is no JSON") from error
        return found if isinstance(found, dict) else {}
