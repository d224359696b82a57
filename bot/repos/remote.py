"""Fetching and pushing over HTTP, with credentials that stand in no URL, argument or log."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pygit2

from bot.forges import GitCredentials
from bot.repos.errors import GitError, TransientGitError

CONNECT_MS = 5_000
SILENCE_MS = 20_000
PUSH_SECONDS = 120
REMOTE = "refs/remotes/origin/"

Updates = Mapping[str, tuple[str | None, str | None]]

pygit2.settings.server_connect_timeout = CONNECT_MS
pygit2.settings.server_timeout = SILENCE_MS


class _Callbacks(pygit2.RemoteCallbacks):
    """Answers for one fetch: credentials once, so that wrong ones fail instead of looping."""

    def __init__(self, credentials: GitCredentials | None) -> None:
        super().__init__()
        self._credentials = credentials
        self._asked = False

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: object
    ) -> pygit2.UserPass:
        """The user's name and token."""
        del url, username_from_url, allowed_types
        if self._credentials is None or self._asked:
            raise pygit2.GitError("the server does not accept the credentials")
        self._asked = True
        return pygit2.UserPass(self._credentials.username, self._credentials.password)


def check_url(url: str) -> None:
    """Refuse what is not plain http or https, or holds credentials.

    Raises:
        GitError: with the reason.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.username or parts.password:
        raise GitError("a clone URL is http or https and holds no credentials")


def fetch(repository: pygit2.Repository, url: str, credentials: GitCredentials | None) -> None:
    """Fetch all branches; those that are gone vanish here too.

    Raises:
        TransientGitError: the server cannot be reached, refused, or broke off.
    """
    check_url(url)
    remote = repository.remotes.create_anonymous(url)
    try:
        remote.fetch(
            [f"+refs/heads/*:{REMOTE}*"],
            callbacks=_Callbacks(credentials),
            prune=pygit2.enums.FetchPrune.PRUNE,
        )
    except (pygit2.GitError, OSError) as error:
        raise TransientGitError(f"cannot fetch {url}: {error}") from error


def push(
    folder: Path, url: str, credentials: GitCredentials, updates: Updates
) -> dict[str, str | None]:
    """Push all branches at once; for each None, or why it was refused.

    The expected old id goes to the server with each branch (`--force-with-lease`), which compares
    and swaps it: nobody's commit is overwritten unseen. libgit2 cannot do that, the git program
    can; it gets the credentials through its environment.

    Raises:
        TransientGitError: the server cannot be reached, or broke off.
    """
    check_url(url)
    arguments = ["git", "-C", str(folder), "push", "--porcelain", "--no-verify", "--quiet"]
    for branch, (_, expected) in updates.items():
        arguments.append(f"--force-with-lease=refs/heads/{branch}:{expected or ''}")
    arguments += ["--", url]
    for branch, (new, _) in updates.items():
        arguments.append(f"{new or ''}:refs/heads/{branch}")
    with TemporaryDirectory() as home:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            arguments,
            capture_output=True,
            text=True,
            timeout=PUSH_SECONDS,
            env=_environment(home, credentials),
            check=False,
        )
    outcome = _outcome(done.stdout, updates)
    if done.returncode and all(refusal is None for refusal in outcome.values()):
        raise TransientGitError(f"cannot push to {url}: {done.stderr.strip()[:500]}")
    return outcome


def _environment(home: str, credentials: GitCredentials) -> dict[str, str]:
    """A git that reads no configuration, asks nobody, follows no redirect and knows one header."""
    token = f"{credentials.username}:{credentials.password}".encode()
    configuration = {
        "http.extraHeader": f"Authorization: Basic {b64encode(token).decode()}",
        "http.followRedirects": "false",
        "credential.helper": "",
        "http.lowSpeedLimit": "1",
        "http.lowSpeedTime": str(SILENCE_MS // 1000),
    }
    environment = {
        "PATH": os.defpath,
        "HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(configuration)),
    }
    for number, (name, value) in enumerate(configuration.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = name
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _outcome(porcelain: str, updates: Updates) -> dict[str, str | None]:
    """Each branch's line of `git push --porcelain`: flag, refs, summary (git-push, OUTPUT)."""
    outcome: dict[str, str | None] = dict.fromkeys(updates)
    for line in porcelain.splitlines():
        flag, _, rest = line.partition("\t")
        refs, _, summary = rest.partition("\t")
        branch = refs.rpartition(":")[2].removeprefix("refs/heads/")
        if flag == "!" and branch in outcome:
            outcome[branch] = summary
    return outcome
