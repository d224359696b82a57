"""The bot's client of the local forge against a forge that misbehaves."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.forges import ForgeError, TransientForgeError
from bot.forges.local import LocalForge

Handler = Callable[[httpx.Request], httpx.Response]
SECRET = b"a-secret-of-the-tests"


@asynccontextmanager
async def client_of(handler: Handler) -> AsyncIterator[LocalForge]:
    transport = httpx.MockTransport(handler)
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        yield LocalForge("http://forge.test/", "token", (SECRET,), client)


async def failure(handler: Handler) -> ForgeError:
    async with client_of(handler) as forge:
        with pytest.raises(ForgeError) as raised:
            await forge.me()
        return raised.value


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504, 599])
async def test_a_busy_forge_is_a_transient_error(code: int) -> None:
    error = await failure(lambda _: httpx.Response(code))
    assert isinstance(error, TransientForgeError)


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("cut")],
)
async def test_an_unreachable_forge_is_a_transient_error(error: Exception) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    assert isinstance(await failure(handler), TransientForgeError)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(403, json={"message": "not you"}), "the forge responded 403: not you"),
        (httpx.Response(404, text="<h1>gone"), "the forge responded 404: <h1>gone"),
        (httpx.Response(400, json=[1]), "the forge responded 400: [1]"),
        (httpx.Response(200, text="<html>"), "the forge's response is not JSON"),
        (httpx.Response(200, json={}), "no field 'id'"),
        (httpx.Response(200, content=b"[" * 100_000), "the forge's response is not JSON"),
        (httpx.Response(200, content=b" " * (33 * 1024 * 1024)), "larger than 33554432 bytes"),
    ],
)
async def test_a_rejection_is_permanent_and_has_the_forges_message(
    answer: httpx.Response, words: str
) -> None:
    error = await failure(lambda _: answer)
    assert not isinstance(error, TransientForgeError)
    assert words in str(error)


async def test_the_token_is_not_sent_to_another_host() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    error = await failure(handler)
    assert "302" in str(error)
    assert seen == ["http://forge.test/api/v1/user"]


async def test_names_are_escaped_in_urls() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        return httpx.Response(404)

    calls: list[Callable[[LocalForge], Awaitable[object]]] = [
        lambda forge: forge.repository("a/../../evil?x#y"),
        lambda forge: forge.role("a/b", "../../evil"),
        lambda forge: forge.statuses("a/b", "../x?y"),
    ]
    async with client_of(handler) as forge:
        for call in calls:
            with pytest.raises(ForgeError):
                await call(forge)
    assert seen == [
        "/api/v1/repos/a/..%2F..%2Fevil%3Fx%23y",
        "/api/v1/repos/a/b/members/..%2F..%2Fevil",
        "/api/v1/repos/a/b/statuses/..%2Fx%3Fy",
    ]


async def test_an_endless_list_is_an_error() -> None:
    user = {"id": 1, "login": "a", "email": "", "bot": False}
    comment = {"id": 1, "author": user, "body": "", "created_at": "2026-01-01", "edited": False}
    answer = json.dumps([comment] * 50).encode()
    async with client_of(lambda _: httpx.Response(200, content=answer)) as forge:
        with pytest.raises(ForgeError, match="lists more than"):
            await forge.comments("a/b", 1)


def sign(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


HEADERS = {"x-switchyard-event": "push", "x-switchyard-delivery": "1"}
FORGE = LocalForge("http://forge.test", "token", (b"another", SECRET), httpx.AsyncClient())


@given(st.binary(max_size=50), st.text(max_size=80))
def test_unauthenticated_deliveries_are_rejected_without_an_error(
    body: bytes, signature: str
) -> None:
    headers = {**HEADERS, "x-switchyard-signature-256": signature}
    assert FORGE.verify(headers, body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["repository", "number", "x"]), JSON) | JSON)
def test_an_authentic_body_of_any_shape_is_parsed_or_rejected(event: object) -> None:
    body = json.dumps(event).encode()
    delivery = FORGE.verify({**HEADERS, "x-switchyard-signature-256": sign(body)}, body)
    if delivery is not None:
        assert isinstance(delivery.repository, str)
        assert delivery.number is None or type(delivery.number) is int


def test_signed_bytes_that_are_no_json_are_refused() -> None:
    for body in (b"", b"\xff", b"[" * 100_000, b"9" * 5000):
        headers = {**HEADERS, "x-switchyard-signature-256": sign(body)}
        assert FORGE.verify(headers, body) is None


def test_an_empty_secret_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="secret is empty"):
        LocalForge("http://forge.test", "token", (b"",))


async def test_calls_may_overlap() -> None:
    user = {"id": 1, "login": "a", "email": "", "bot": True}
    async with client_of(lambda _: httpx.Response(200, json=user)) as forge:
        found = await asyncio.gather(*(forge.me() for _ in range(5)))
    assert len(set(found)) == 1
