"""Fetching and pushing over HTTP. Credentials stand in no URL, argument, environment or log.

Used by `Mirror`. Both go through libgit2, so that there is one transport with one set of rules.
A push compares and swaps: libgit2 tells what the server advertised for each branch before anything
is sent (`push_negotiation`), which is compared with what was expected; the advertised id is what
libgit2 sends as the old one, and the server takes the update only while that still holds. That is
`git push --force-with-lease` without a second program that would need the credentials.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pygit2
from pygit2.enums import ConfigLevel, CredentialType, FetchPrune
from pygit2.remotes import PushUpdate, TransferProgress

from bot.forges import GitCredentials
from bot.repos.errors import GitError, TransientGitError
from bot.repos.limits import Limits

Update: TypeAlias = tuple[str | None, str | None]

REMOTE = "refs/remotes/origin/"
HEADS = "refs/heads/"
ASKED = "refs/asked/"
CONNECT_MS = 5_000
SILENCE_MS = 20_000

_NOBODY = "0" * 40
_LASTING = re.compile(
    r"status code: 40[1346]|status code: 410|redirect|authentication|certificate|"
    r"invalid (refspec|url)|unsupported url|does not match any existing object",
    re.IGNORECASE,
)


def settle_library(ca_files: tuple[Path, ...] = ()) -> None:
    """Set libgit2 up for this process: timeouts, and nobody's configuration but the mirrors' own.

    Without them a silent server holds a thread for ever. Mirrors may lie on a volume that belongs
    to another user, so their owner is not compared. OpenSSL adds each file to the authorities that
    it trusts already: the system's, which pygit2 names when it is imported.
    """
    for file in ca_files:
        pygit2.settings.set_ssl_cert_locations(str(file), None)
    pygit2.settings.server_connect_timeout = CONNECT_MS
    pygit2.settings.server_timeout = SILENCE_MS
    pygit2.settings.owner_validation = False
    for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG):
        pygit2.settings.search_path[level] = ""


def check_url(url: str, *, allow_local: bool) -> None:
    """Refuse every address but plain http and https ones (with `allow_local`, also file).

    Raises:
        GitError: with the reason, and without the address where it holds a password.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise GitError("a clone URL must not hold credentials; the forge hands them over apart")
    if parts.scheme == "file" and allow_local:
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise GitError(f"{url!r} cannot be fetched: a clone URL begins with https:// or http://")


def fetch(
    repository: pygit2.Repository, url: str, credentials: GitCredentials | None, limits: Limits
) -> None:
    """Fetch all branches into `REMOTE`; those that are gone there vanish here.

    Raises:
        TransientGitError: the server is unreachable, busy, or broke off.
        GitError: it refused, or there is more to fetch than the limits allow.
    """
    callbacks = _Fetch(url, credentials, limits)
    try:
        repository.remotes.create_anonymous(url).fetch(
            [f"+{HEADS}*:{REMOTE}*"], callbacks=callbacks, prune=FetchPrune.PRUNE
        )
    except (pygit2.GitError, ValueError, OSError) as error:
        raise _translated("fetch", url, error) from error


def fetch_ref(
    repository: pygit2.Repository,
    url: str,
    credentials: GitCredentials | None,
    what: tuple[str, Limits],
) -> str:
    """Fetch one ref into `ASKED`; the commit it points at.

    Raises:
        TransientGitError, GitError: as `fetch`; it is not there.
    """
    ref, limits = what
    kept = ASKED + ref.removeprefix("refs/")
    try:
        repository.remotes.create_anonymous(url).fetch(
            [f"+{ref}:{kept}"], callbacks=_Fetch(url, credentials, limits)
        )
    except (pygit2.GitError, ValueError, OSError) as error:
        raise _translated("fetch", url, error) from error
    found = repository.references.get(kept)
    if found is None:
        raise GitError(f"{url} has no {ref}")
    return str(found.target)


def push(
    repository: pygit2.Repository,
    url: str,
    credentials: GitCredentials | None,
    updates: Mapping[str, Update],
) -> dict[str, str | None]:
    """Push branches together; see `Mirror.push`.

    Each turn either sends all that is left, or learns of branches that are not to be sent.

    Raises:
        TransientGitError, GitError: as `fetch`.
    """
    outcome: dict[str, str | None] = {}
    while left := {name: update for name, update in updates.items() if name not in outcome}:
        specs = [f"+{new or ''}:{HEADS}{name}" for name, (new, _) in sorted(left.items())]
        callbacks = _Push(url, credentials, left)
        try:
            repository.remotes.create_anonymous(url).push(specs, callbacks=callbacks)
        except _UnlikeExpectedError:
            outcome |= callbacks.outcome
            continue
        except (pygit2.GitError, ValueError, OSError) as error:
            raise _translated("push to", url, error) from error
        silent = dict.fromkeys(left, "the server did not say what became of this branch")
        outcome |= silent | callbacks.outcome
    return outcome


def _translated(verb: str, url: str, error: Exception) -> GitError:
    if isinstance(error, pygit2.CertificateError):
        return GitError(
            f"cannot {verb} {url}: its certificate is not trusted; if it is of your own authority, "
            f"set SWITCHYARD_GITHUB_CA_FILE or SWITCHYARD_GITLAB_CA_FILE"
        )
    lasting = _LASTING.search(str(error)) or isinstance(error, ValueError)
    kind = GitError if lasting else TransientGitError
    return kind(f"cannot {verb} {url}: {error}")


class _UnlikeExpectedError(Exception):
    """Some branches on the server are not what was expected: nothing was sent."""


class _Callbacks(pygit2.RemoteCallbacks):
    """Credentials for one conversation: given once, and to the origin of its URL alone.

    A mirror's configuration refuses redirects to other hosts; libgit2 still follows one to another
    port of the same host, which gets no credentials.
    """

    def __init__(self, url: str, credentials: GitCredentials | None) -> None:
        super().__init__()
        self._origin = _origin(url)
        self._credentials = credentials

    def credentials(
        self,
        url: str,
        username_from_url: str | None,  # noqa: ARG002 - libgit2 hands it over
        allowed_types: CredentialType,  # noqa: ARG002 - over HTTP a password is what is asked for
    ) -> pygit2.UserPass:
        """The name and password; asked a second time means that they were wrong."""
        if _origin(url) != self._origin:
            raise GitError(f"{self._origin} redirects to {url}, which gets no credentials")
        if self._credentials is None:
            raise GitError(f"{url} asks for credentials, and there are none for it")
        given, self._credentials = self._credentials, None
        return pygit2.UserPass(given.username, given.password)


class _Fetch(_Callbacks):
    """Ends a fetch that brings too much or takes too long."""

    def __init__(self, url: str, credentials: GitCredentials | None, limits: Limits) -> None:
        super().__init__(url, credentials)
        self._limits = limits
        self._deadline = time.monotonic() + limits.fetch_seconds

    def transfer_progress(self, stats: TransferProgress) -> None:
        """Called for every piece that arrives."""
        if stats.received_bytes > self._limits.fetch_bytes:
            raise GitError(
                f"{self._origin} sends more than {self._limits.fetch_bytes} bytes in one fetch"
            )
        if time.monotonic() > self._deadline:
            raise TransientGitError(
                f"the fetch from {self._origin} took more than {self._limits.fetch_seconds:g} s"
            )


class _Push(_Callbacks):
    """Compares what the server has with what is expected; `outcome` is what is settled."""

    def __init__(
        self, url: str, credentials: GitCredentials | None, updates: Mapping[str, Update]
    ) -> None:
        super().__init__(url, credentials)
        self._updates = updates
        self.outcome: dict[str, str | None] = {}

    def push_negotiation(self, updates: list[PushUpdate]) -> None:
        """Called once, when the server has said what it has and before anything is sent."""
        for update in updates:
            name = update.dst_refname.removeprefix(HEADS)
            new, expected = self._updates[name]
            has = str(update.src)
            if has == (new or _NOBODY):
                self.outcome[name] = None
            elif has != (expected or _NOBODY):
                self.outcome[name] = f"stale: the branch is {_shown(has)}, not {_shown(expected)}"
        if self.outcome:
            raise _UnlikeExpectedError

    def push_update_reference(self, refname: str, message: str | None) -> None:
        """The server's verdict on one branch."""
        self.outcome[refname.removeprefix(HEADS)] = message


def _origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown(sha: str | None) -> str:
    return f"at {sha[:12]}" if sha and sha != _NOBODY else "absent"
