"""A running local forge with people, one repository and a receiver of webhooks, for its tests."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from bot.forges._certificates import ssl_context
from bot.sandbox.demo.people import Person
from bot.sandbox.forge.server import ForgeApp, ThreadedServer, create_forge

REPO = "shop/web"
ROLES = {"ada": "write", "rita": "triage", "otto": "admin", "bot": "write", "reader": "read"}
SECRET = "a-secret-of-the-tests"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Stage:
    """A forge on loopback; `restart` ends it and opens the same folder again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        self.made: ForgeApp = create_forge(
            self.folder, clock=lambda: NOW, demo_tokens={"rita": "token-of-rita"}
        )
        for login in (*ROLES, "stranger"):
            self.made.forge.create_user(login, f"token-of-{login}", bot=login == "bot")
        self.made.forge.create_repository(
            REPO, ROLES, protected=True, required_statuses=("ci",), description="The shop's front"
        )
        self.server = ThreadedServer(self.made.app).start()

    def stop(self) -> None:
        self.server.stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def clone_url(self) -> str:
        return f"{self.server.url}/{REPO}.git"

    def person(self, login: str) -> Person:
        return Person(login, f"token-of-{login}", self.server.url)

    def api(self, login: str) -> httpx.Client:
        """The programming interface as somebody, below the repository."""
        return httpx.Client(
            verify=ssl_context(),
            base_url=f"{self.server.url}/api/v1/repos/{REPO}",
            headers={"Authorization": f"Bearer token-of-{login}"},
        )

    def begin(self) -> str:
        """A first commit on main; its id."""
        return self.person("otto").push(REPO, "main", {"a.txt": b"one\n", "b.txt": b"b\n"}, "Begin")

    def propose(self, branch: str = "change", text: bytes = b"two\n") -> int:
        """A merge request by Ada that changes one file; its number."""
        ada = self.person("ada")
        ada.push(REPO, branch, {"a.txt": text}, f"Change on {branch}")
        return ada.open(REPO, branch, f"Title of {branch}", "What and why")

    def report(self, number: int, state: str = "success") -> None:
        """Report the required status on a merge request's head."""
        head = self.person("ada").request(REPO, number)["head"]
        fields = {"context": "ci", "state": state, "description": "built", "url": ""}
        with self.api("bot") as api:
            assert api.post(f"/statuses/{head}", json=fields).status_code == 201


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "forge")
    yield made
    made.stop()


@dataclass
class Receiver:
    """What arrived, in order; it answers with `code`."""

    url: str = ""
    code: int = 200
    received: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    forged: int = 0

    def told(self) -> list[tuple[str, str]]:
        return [(headers["x-switchyard-event"], body["action"]) for headers, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made, app = Receiver(), FastAPI()

    @app.post("/")
    async def receive(request: Request) -> Response:
        body = await request.body()
        expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if request.headers["x-switchyard-signature-256"] != expected:
            made.forged += 1
        made.received.append((dict(request.headers), json.loads(body)))
        return Response(status_code=made.code)

    server = ThreadedServer(app).start()
    made.url = f"{server.url}/"
    yield made
    server.stop()
