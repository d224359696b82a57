"""Sign-in at a forge: authorization code with PKCE (RFC 6749, RFC 7636).

The access token is used once, to read whose it is, and not kept.
"""

import base64
import hashlib
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from bot.forges import ForgeError, SignIn, TransientForgeError, certificate_error

TIMEOUT = httpx.Timeout(20.0)
MAX_ANSWER_BYTES = 64 * 1024
MAX_ERROR_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the forge; its login can change, and go to somebody else."""

    id: int
    login: str


@dataclass(frozen=True, slots=True)
class AuthorizationCodeFlow:
    """One sign-in; the forge sends the browser to `redirect_uri`, `verifier` is the PKCE secret."""

    sign_in: SignIn
    redirect_uri: str
    verifier: str

    def authorize_url(self, state: str) -> str:
        """The forge's page where the user consents."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": self.sign_in.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if self.sign_in.scope:
            query["scope"] = self.sign_in.scope
        return f"{self.sign_in.authorize}?{urlencode(query)}"

    async def account(self, code: str) -> Account:
        """The account that the code was issued for.

        Raises:
            ForgeError: the forge rejects the code, or its certificate is not trusted.
            TransientForgeError: the forge is unreachable.
        """
        fields = {
            "grant_type": "authorization_code",
            "client_id": self.sign_in.client_id,
            "client_secret": self.sign_in.client_secret.get_secret_value(),
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        context = ssl.create_default_context()
        if self.sign_in.ca_file is not None:
            context.load_verify_locations(self.sign_in.ca_file)
        async with httpx.AsyncClient(verify=context, trust_env=False, timeout=TIMEOUT) as client:
            answer = await self._ask(
                client.build_request("POST", self.sign_in.token, data=fields), client
            )
            if "access_token" not in answer:
                reason = str(answer.get("error", "no access token"))[:MAX_ERROR_LENGTH]
                raise ForgeError(
                    f"{self.sign_in.title} rejected the sign-in ({reason}). Sign in again."
                )
            headers = {"authorization": f"Bearer {answer['access_token']}"}
            user = await self._ask(
                client.build_request("GET", self.sign_in.user, headers=headers), client
            )
        login, number = user.get(self.sign_in.login), user.get("id")
        if not isinstance(login, str) or not login or not isinstance(number, int):
            raise ForgeError(f"{self.sign_in.title} did not return the user's name. Sign in again.")
        return Account(number, login)

    async def _ask(self, request: httpx.Request, client: httpx.AsyncClient) -> dict[str, Any]:
        """The answer, a JSON object; error answers of the forge are objects as well."""
        request.headers["accept"] = "application/json"
        body = bytearray()
        try:
            answer = await client.send(request, stream=True)
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    break
            await answer.aclose()
            found = json.loads(body)
        except httpx.HTTPError as error:
            silent = TransientForgeError(
                f"{self.sign_in.title} is unreachable: {type(error).__name__}"
            )
            raise certificate_error(self.sign_in.title, error) or silent from error
        except (ValueError, RecursionError) as error:
            raise TransientForgeError(f"{self.sign_in.title} did not answer in JSON") from error
        return found if isinstance(found, dict) else {}
