"""`switchyard health`, which containers run as their health check."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from bot.__main__ import main


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Broken(Answers):
    def do_GET(self) -> None:
        self.send_error(500)


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), request.param) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("url", [Answers], indirect=True)
def test_a_service_that_answers_is_healthy(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--url", url]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("url", [Broken], indirect=True)
def test_an_error_is_reported(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--url", url]) == 1
    assert capsys.readouterr().err == f"{url} answers with status 500\n"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://127.0.0.1:x"])
def test_no_service_is_reported(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", "--url", url]) == 1
    assert capsys.readouterr().err.startswith(f"{url} does not answer: ")
