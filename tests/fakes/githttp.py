"""A Git server over smart HTTP: `git http-backend` behind a loopback port, with faults on demand.

Used by the tests of `bot/git`. The local forge serves Git by itself and needs none of this.
"""

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

GIT = shutil.which("git") or "git"
_ENV = {
    "PATH": os.defpath,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", **env: str) -> str:
    """Run git in a folder with nobody's configuration and a fixed author; what it printed."""
    command = [GIT, "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=_ENV | env, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace").strip()


@dataclass
class GitServer:
    """Serves every bare repository under `root`.

    `users` maps names to passwords (empty: no sign-in). `status` answers every request with that
    HTTP status, `redirect` sends every request to that address, `hang` leaves it without an answer;
    `before_receive` runs when the objects of a push arrive. `requests` lists what was asked.
    """

    root: Path
    users: dict[str, str] = field(default_factory=dict)
    port: int = 0
    status: int | None = None
    redirect: str | None = None
    hang: bool = False
    before_receive: Callable[[], object] | None = None
    requests: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, name: str) -> str:
        """The clone address of a repository."""
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def create(self, name: str) -> Path:
        """A new, empty bare repository that accepts pushes."""
        path = self.root / f"{name}.git"
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--bare", "--initial-branch=main")
        git(path, "config", "http.receivepack", "true")
        return path

    def admits(self, authorization: str | None) -> bool:
        """Whether that header belongs to a user."""
        pairs = (f"{user}:{password}" for user, password in self.users.items())
        known = {"Basic " + base64.b64encode(pair.encode()).decode() for pair in pairs}
        return not known or authorization in known


@contextmanager
def serve(root: Path, users: dict[str, str] | None = None) -> Iterator[GitServer]:
    """A running server, stopped at the end."""
    state = GitServer(root, users or {})

    class Handler(_Handler):
        server_state = state

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.released.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: GitServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tests read `requests` instead."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        state, body = self.server_state, self._body()
        state.requests.append(f"{self.command} {self.path}")
        state.authorizations.append(self.headers["Authorization"])
        if state.hang:
            state.released.wait()
            self.close_connection = True
        elif state.redirect is not None:
            self._answer(302, [("Location", state.redirect + self.path)], b"")
        elif state.status is not None:
            self._answer(state.status, [], b"")
        elif not state.admits(self.headers["Authorization"]):
            self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        else:
            if self.path.endswith("/git-receive-pack") and state.before_receive is not None:
                state.before_receive()
            self._backend(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _backend(self, body: bytes) -> None:
        address = urlsplit(self.path)
        env = _ENV | {
            "GIT_PROJECT_ROOT": str(self.server_state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": address.path,
            "QUERY_STRING": address.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "git",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            [GIT, "http-backend"], input=body, capture_output=True, env=env, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if line]
        status = next((int(value[:3]) for key, value in headers if key == "Status"), 200)
        self._answer(status, [pair for pair in headers if pair[0] != "Status"], content)

    def _answer(self, status: int, headers: list[tuple[str, ...]], body: bytes) -> None:
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
