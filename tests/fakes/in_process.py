"""A forge of this process for clients that are made with `requests`: no socket, no thread."""

import io
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from starlette.types import ASGIApp, Message


class WaitsError(Exception):
    """The application waits for something that cannot come while its caller waits for it."""


class InProcess(HTTPAdapter):
    """Calls an ASGI application whose handlers wait for nothing, and reads what it answers."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        """Answer a request; what the application raises is a 500, as behind a server."""
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": _bytes(request.body), "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        try:
            _run(self._app(_scope(request), receive, send))
        except WaitsError:
            raise
        except Exception:  # noqa: BLE001 - a server logs it and answers
            told = told or [{"status": HTTPStatus.INTERNAL_SERVER_ERROR, "headers": []}]
        start, *rest = told
        body = b"".join(message.get("body", b"") for message in rest)
        answer = urllib3.HTTPResponse(
            io.BytesIO(body),
            [(name.decode(), value.decode()) for name, value in start["headers"]],
            start["status"],
            preload_content=False,
        )
        return self.build_response(request, answer)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


def _scope(request: requests.PreparedRequest) -> dict[str, Any]:
    assert request.url is not None
    url = urlsplit(request.url)
    headers = {"host": url.netloc, **request.headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), _bytes(value)) for name, value in headers.items()],
        "server": (url.hostname, url.port),
        "client": ("127.0.0.1", 0),
    }


def _run(call: Coroutine[Any, Any, None]) -> None:
    """Run to its end a coroutine that only lets others go on, see `inline`."""
    try:
        while (waits_for := call.send(None)) is None:
            pass
    except StopIteration:
        return
    call.close()
    raise WaitsError(waits_for)
