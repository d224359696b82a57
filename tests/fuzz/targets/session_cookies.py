"""Session cookies, and the address to return to after a sign-in; `SIGN` is a genuine session."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from fastapi import Request, Response

from bot.settings import Settings
from bot.web.auth.routes import own_path
from bot.web.auth.sessions import PENDING_SIGN_IN, SESSION, SessionCookies, Visitor
from tests.fuzz import Target, text

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOST = "https://switchyard.example.com"
COOKIES = SessionCookies(
    Settings(fleet="local:a/b", marker_key="m" * 16, report_key="r" * 16), lambda: NOW
)
ADA = Visitor("github", 7, "ada")


def _genuine() -> str:
    response = Response()
    COOKIES.sign_in(response, ADA)
    return response.headers["set-cookie"].partition(";")[0].partition("=")[2]


GENUINE = _genuine()


def check(data: bytes) -> None:
    """Only the genuine cookie is a session; an address to return to stays on this host."""
    value = data.replace(b"SIGN", GENUINE.encode())
    request = Request({"type": "http", "headers": [(b"cookie", value)]})
    visitor = COOKIES.visitor(request)
    if visitor is not None:
        assert visitor == ADA
        assert GENUINE.encode() in value
    assert COOKIES.read(request, PENDING_SIGN_IN) is None
    target = urlsplit(urljoin(f"{HOST}/sign-in", own_path(text(data))))
    assert f"{target.scheme}://{target.netloc}" == HOST


def seeds() -> Iterator[bytes]:
    """A session, one under another name, and addresses."""
    yield f"{SESSION}=SIGN".encode()
    yield f"a=b; {SESSION}=SIGN; {PENDING_SIGN_IN}=SIGN".encode()
    yield f"{SESSION}={GENUINE[:-2]}00".encode()
    yield f'{SESSION}="{GENUINE}."; x'.encode()
    yield b"/rollouts/a?b=c#d"
    yield b"//evil.example.com/"


WORDS = (SESSION.encode() + b"=", b"SIGN", b"; ", b"//", b"/\\", b"\t", b"https:", b".", b"@")
TARGET = Target(check, seeds, WORDS, share=2)
