"""Requests of a person's terminal: to the service, and to the forge.

A secret goes to the host that the person named and to no other: redirects are not followed, and
without TLS it goes to this machine alone.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from bot.cli.errors import InputError, describe
from bot.settings import is_loopback

TIMEOUT = 30.0
MAX_ANSWER = 64 * 1024 * 1024
MAX_DETAIL = 500
SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `body` is sent as JSON."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; `value` is its JSON, None where it is none."""

    status: int
    value: Any

    @property
    def succeeded(self) -> bool:
        """Whether it did what was asked."""
        return self.status in SUCCESS

    @property
    def detail(self) -> str:
        """What the server says of an error: FastAPI's, GitHub's and GitLab's word for it."""
        value = self.value if isinstance(self.value, dict) else {}
        said = value.get("detail") or value.get("message") or value.get("error") or ""
        return str(said)[:MAX_DETAIL]


def send(call: Call) -> Reply:
    """Send a request.

    Raises:
        InputError: the address is none, not safe for a secret, or nobody answers there.
    """
    address = urlsplit(call.url)
    host, netloc = address.hostname or "", address.netloc.rpartition("@")[2]
    place = f"{address.scheme}://{netloc}"
    if address.scheme not in {"http", "https"} or not host:
        shown = call.url.rpartition("@")[2]
        raise InputError(f"{shown} is no address of a server; expected https://HOST")
    if netloc != address.netloc:
        raise InputError(f"{place}: leave out the user and password in its address")
    if address.scheme == "http" and call.headers and not is_loopback(host):
        raise InputError(f"{place}: a token is not sent without TLS; use https://")
    text = None if call.body is None else json.dumps(call.body).encode()
    headers = {"accept": "application/json", "user-agent": "switchyard", **call.headers}
    if text is not None:
        headers["content-type"] = "application/json"
    query = f"?{address.query}" if address.query else ""
    try:
        with closing(_connection(address)) as connection:
            connection.request(call.method, f"{address.path}{query}", text, headers)
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER + 1)
    except OSError as error:
        raise InputError(f"{place} does not answer: {describe(error)}") from error
    except (http.client.HTTPException, ValueError) as error:
        raise InputError(f"{place} does not answer: {error}") from error
    if len(content) > MAX_ANSWER:
        raise InputError(f"{place} answers with more than {MAX_ANSWER} bytes")
    return Reply(answer.status, _json(content))


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    host, port = address.hostname or "", address.port
    if address.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    trusted = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=trusted)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
