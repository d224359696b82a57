"""Authentication and input validation of the API. Used by `api` and `api_requests`.

What FastAPI asks before a handler is asynchronous, since it would start a thread for each plain
function: these wait for nothing.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Body, Depends, Request

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState

MAX_BODY = 1024 * 1024


async def forge_of(request: Request) -> ForgeState:
    """The forge of this application."""
    return _forge(request)


async def signed_in(request: Request) -> User:
    """The user of the bearer token (RFC 6750)."""
    return _user(request)


async def readable(request: Request, group: str, name: str) -> str:
    """The path of the repository, after checking that the user may read it."""
    path = f"{group}/{name}"
    _forge(request).require(_user(request), path, "read")
    return path


def _forge(request: Request) -> ForgeState:
    forge = request.app.state.forge
    assert isinstance(forge, ForgeState)
    return forge


def _user(request: Request) -> User:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user = _forge(request).authenticate(None, token) if scheme.lower() == "bearer" else None
    if user is None:
        raise RequestError(401, "a valid token is required: Authorization: Bearer <token>")
    return user


def text(fields: Mapping[str, Any], name: str) -> str:
    """A text field; empty if it is missing.

    Raises:
        RequestError: it is not a string, or not valid UTF-8.
    """
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise RequestError(422, f"{name} must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RequestError(422, f"{name} must not contain a lone surrogate") from None
    if "\0" in value:
        raise RequestError(422, f"{name} must not contain NUL")
    return value


TheForge = Annotated[ForgeState, Depends(forge_of)]
Me = Annotated[User, Depends(signed_in)]
Path = Annotated[str, Depends(readable)]
Fields = Annotated[dict[str, Any], Body()]
