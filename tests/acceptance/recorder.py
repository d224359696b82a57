"""Stands between notification-controller and the service, and keeps what each of them sent.

Requests and responses are passed on byte for byte, so that signatures stay valid.
"""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PASSED_HEADERS = ("authorization", "content-type", "x-signature", "gotk-component")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One report: `seconds` since the recorder started, the body, and the service's answer."""

    seconds: float
    agent: str
    cluster: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: str

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Recorder:
    """A server on loopback that passes reports on to `service_url`, which is set later."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.service_url = ""
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Send a report on, and keep it with its answer."""
        try:
            answer = httpx.post(
                f"{self.service_url}{path}", content=body, headers=headers, timeout=30
            )
            status, content = answer.status_code, answer.content
        except httpx.HTTPError as error:
            status, content = 502, str(error).encode()
        seconds = round(time.monotonic() - self._began, 3)
        text = content.decode(errors="replace")
        with self._lock:
            agent, cluster = path.split("/")[-2:]
            self.exchanges.append(Exchange(seconds, agent, cluster, headers, body, status, text))
        return status, content


def _handler(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {
                name: self.headers[name] for name in PASSED_HEADERS if self.headers.get(name)
            }
            status, content = recorder.pass_on(self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    return Handler
