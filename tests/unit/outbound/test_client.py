"""Requests go to the address that was checked, under the name that was asked for."""

import asyncio
import traceback
from typing import NoReturn

import httpx
import pytest

from bot.outbound import OutboundError, Reply, Server
from bot.outbound.client import MOST_BYTES, OutboundClient
from tests.fakes.receiver import PUBLIC, answering

HOST = Server("https://checks.example.com")


def send(made: OutboundClient, server: Server = HOST, target: str = "/hook?a=b") -> Reply:
    return asyncio.run(made.send(server, "POST", target, headers={"x-a": "b"}, body=b"{}"))


def unasked(request: httpx.Request) -> httpx.Response:
    raise AssertionError(request.url)


def test_it_connects_to_the_checked_address_and_names_the_host() -> None:
    seen: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, content=b"ok")

    assert send(answering(serve, PUBLIC)) == Reply(202, b"ok")
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC}/hook?a=b"
    assert request.headers["host"] == "checks.example.com"
    assert request.extensions["sni_hostname"] == "checks.example.com"
    assert request.read() == b"{}"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.7", "192.168.1.1", "169.254.169.254", "::1", "::ffff:127.0.0.1",
     "64:ff9b::a9fe:a9fe", "fd00::1", "0.0.0.0", "2002:7f00:1::"],
)  # fmt: skip
def test_a_name_that_leads_to_a_private_address_is_not_asked(address: str) -> None:
    for addresses in ([address], [PUBLIC, address]):
        with pytest.raises(OutboundError, match=r"which is not public: `privateNetwork: true`"):
            send(answering(unasked, *addresses))


@pytest.mark.parametrize("address", ["169.254.169.254", "0.0.0.0", "64:ff9b::a9fe:a9fe"])
def test_metadata_addresses_are_not_asked_even_where_private_ones_are(address: str) -> None:
    with pytest.raises(OutboundError, match="not public"):
        send(answering(unasked, address), Server(HOST.address, private_network=True))


def test_a_private_address_is_asked_where_a_policy_says_so() -> None:
    found = answering(lambda _: httpx.Response(200), "10.0.0.7")

    assert send(found, Server(HOST.address, private_network=True)).status == 200


def test_a_redirect_is_an_answer_like_any_other() -> None:
    seen: list[str] = []

    def serve(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://169.254.169.254/"})

    assert send(answering(serve, PUBLIC)).status == 302
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("address", "target"),
    [("ftp://a.example.com", "/"), ("https://user@a.example.com", "/"), ("https://", "/"),
     ("https://a.example.com", "@evil.example.com/"), ("https://a.example.com", ":99/")],
)  # fmt: skip
def test_what_is_no_address_of_that_server_is_not_asked(address: str, target: str) -> None:
    with pytest.raises(OutboundError, match="is no address of a server"):
        send(answering(unasked, PUBLIC), Server(address), target)


def test_large_answers_broken_ones_and_missing_names_are_told() -> None:
    large = answering(lambda _: httpx.Response(200, content=b"x" * (MOST_BYTES + 1)), "1.1.1.1")
    with pytest.raises(OutboundError, match="more than 1048576 bytes"):
        send(large)

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow", request=request)

    with pytest.raises(OutboundError, match="too slow"):
        send(answering(broken, "1.1.1.1"))
    with pytest.raises(OutboundError, match="has no address"):
        send(answering(unasked))


def test_the_next_address_is_tried_when_one_refuses_connections() -> None:
    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.host == "1.1.1.1":
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200)

    assert send(answering(serve, "1.1.1.1", "1.0.0.1")).status == 200
    with pytest.raises(OutboundError, match="cannot be reached: refused"):
        send(answering(serve, "1.1.1.1"))


SECRET = "hunter2-and-more"
WITH_SECRETS = {
    "user": (f"https://bot:{SECRET}@a.example.com", "/", {}),
    "user and no port": (f"https://bot:{SECRET}/x@a.example.com", "/", {}),
    "query": (HOST.address, f"/hook?token={SECRET}", {}),
    "path": (HOST.address, f"/services/{SECRET}", {}),
    "header": (HOST.address, "/", {"authorization": f"Bearer {SECRET}"}),
    "header of two lines": (HOST.address, "/", {"authorization": f"Bearer {SECRET}\n"}),
    "header beyond ASCII": (HOST.address, "/", {"authorization": f"Bearer {SECRET}\u20ac"}),
}
FAILURES: tuple[type[httpx.RequestError], ...] = (
    httpx.ConnectError,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
)


@pytest.mark.parametrize("where", WITH_SECRETS)
def test_no_error_quotes_a_secret_of_the_request(where: str) -> None:
    address, target, headers = WITH_SECRETS[where]

    for failure in FAILURES:

        def fail(request: httpx.Request, failure: type[httpx.RequestError] = failure) -> NoReturn:
            raise failure(f"{request.url} {request.headers.raw}", request=request)

        client = answering(fail, PUBLIC)
        with pytest.raises(OutboundError) as caught:
            asyncio.run(client.send(Server(address), "POST", target, headers=headers))
        assert "example.com" in str(caught.value) or where == "user and no port"
        assert SECRET not in "".join(traceback.format_exception(caught.value))
