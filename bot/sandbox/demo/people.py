"""Users of the local forge: they push with git, and review and merge over the forge's API."""

import ssl
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

TIMEOUT_SECONDS = 60
SSL_CONTEXT = ssl.create_default_context()


class PersonError(RuntimeError):
    """The forge, or Git, refused what a user tried; the message says what."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user of a local forge, with a token."""

    login: str
    token: str
    forge_url: str

    def push(
        self, repository: str, branch: str, files: Mapping[str, bytes | None], message: str
    ) -> str:
        """Commit files (None deletes) on a branch, created from main if new; returns the commit."""
        with TemporaryDirectory() as folder:
            work = Path(folder) / "work"
            self.git("clone", "--quiet", f"{self.forge_url}/{repository}.git", str(work))
            known = self.git("-C", str(work), "branch", "--remotes", "--list", f"origin/{branch}")
            start = [f"origin/{branch}"] if known.strip() else []
            self.git("-C", str(work), "checkout", "--quiet", "-B", branch, *start)
            for path, content in files.items():
                target = work / path
                if content is None:
                    target.unlink()
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            self.git("-C", str(work), "add", "--all")
            self.git("-C", str(work), "commit", "--quiet", "--message", message)
            self.git("-C", str(work), "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
            return self.git("-C", str(work), "rev-parse", "HEAD").strip()

    def files(self, repository: str) -> dict[str, bytes]:
        """The files of the main branch."""
        with TemporaryDirectory() as folder:
            work = Path(folder) / "work"
            self.git("clone", "--quiet", f"{self.forge_url}/{repository}.git", str(work))
            names = self.git("-C", str(work), "ls-files", "-z").split("\0")
            return {name: (work / name).read_bytes() for name in names if name}

    def git(self, *arguments: str) -> str:
        """Run git as this user, and return its output."""
        token = b64encode(f"{self.login}:{self.token}".encode()).decode()
        settings = {
            "http.extraHeader": f"Authorization: Basic {token}",
            "user.name": self.login.capitalize(),
            "user.email": f"{self.login}@example.com",
            "advice.detachedHead": "false",
            "init.defaultBranch": "main",
        }
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (name, value) in enumerate(settings.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = name
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            ["git", *arguments],  # noqa: S607 - the git on PATH
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            env=environment,
            check=False,
        )
        if done.returncode:
            raise PersonError(f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def open(self, repository: str, branch: str, title: str, body: str = "") -> int:
        """Open a merge request into main, and return its number."""
        fields = {"branch": branch, "target": "main", "title": title, "body": body}
        made = self.call("POST", f"/repos/{repository}/merge_requests", fields)
        return int(made["number"])

    def request(self, repository: str, number: int) -> dict[str, Any]:
        """A merge request."""
        found: dict[str, Any] = self.call("GET", _path(repository, number))
        return found

    def requests(self, repository: str, state: str = "open") -> list[dict[str, Any]]:
        """Merge requests, oldest first."""
        path = f"/repos/{repository}/merge_requests?state={state}"
        return sorted(self.call("GET", path), key=lambda each: int(each["number"]))

    def comments(self, repository: str, number: int) -> list[dict[str, Any]]:
        """The comments of a merge request."""
        found: list[dict[str, Any]] = self.call("GET", f"{_path(repository, number)}/comments")
        return found

    def comment(self, repository: str, number: int, body: str) -> None:
        """Post a comment on a merge request."""
        self.call("POST", f"{_path(repository, number)}/comments", {"body": body})

    def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """Replace one of the user's own comments."""
        path = f"{_path(repository, number)}/comments/{comment}"
        self.call("PATCH", path, {"body": body})

    def statuses(self, repository: str, sha: str) -> dict[str, dict[str, Any]]:
        """The statuses of a commit, by context."""
        found = self.call("GET", f"/repos/{repository}/statuses/{sha}")
        return {each["context"]: each for each in found}

    def approve(self, repository: str, number: int) -> None:
        """Approve a merge request at its current head."""
        self.call("PUT", f"{_path(repository, number)}/approval")

    def merge(self, repository: str, number: int) -> str:
        """Merge, and return the merge commit."""
        request = self.request(repository, number)
        fields = {"head": request["head"], "message": f"Merge: {request['title']}"}
        return str(self.call("POST", f"{_path(repository, number)}/merge", fields)["sha"])

    def set_state(self, repository: str, number: int, state: str) -> None:
        """Close or reopen."""
        self.call("PATCH", _path(repository, number), {"state": state})

    def label(self, repository: str, number: int, label: str, *, present: bool) -> None:
        """Add a label or take it away."""
        method = "PUT" if present else "DELETE"
        self.call(method, f"{_path(repository, number)}/labels/{label}")

    def call(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> Any:
        """One request to the forge's programming interface."""
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{self.forge_url}/api/v1{path}"
        answer = httpx.request(
            method, url, json=fields, headers=headers, timeout=TIMEOUT_SECONDS, verify=SSL_CONTEXT
        )
        if answer.is_error:
            raise PersonError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def _path(repository: str, number: int) -> str:
    return f"/repos/{repository}/merge_requests/{number}"
