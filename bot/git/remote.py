"""Fetching and pushing over HTTP or SSH. Credentials stand in no URL, argument, environment or log.

Used by `Mirror`. Both go through libgit2, so that there is one client with one set of rules.
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
from bot.git.errors import GitError, TransientGitError
from bot.git.limits import Limits
from bot.git.ssh import Address, DeployKey

Access: TypeAlias = GitCredentials | DeployKey
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
_REFUSED = re.compile(
    r"private key file|not (be )?found|does not (exist|appear)|permission|not allowed|read only|"
    r"write access",
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


def check_url(url: str, access: Access | None, *, allow_local: bool) -> None:
    """Refuse every address but plain http and https ones (with `allow_local`, also file).

    With a deploy key only SSH will do, and SSH only with one.

    Raises:
        GitError: with the reason, and without the address where it holds a password; also where a
            deploy key's file is not taken.
    """
    if isinstance(access, DeployKey):
        Address.parse(url)
        access.check()
        return
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise GitError("a clone URL must not hold credentials; the forge hands them over apart")
    if parts.scheme == "file" and allow_local:
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise GitError(f"{url!r} cannot be fetched: a clone URL begins with https:// or http://")


def fetch(repository: pygit2.Repository, url: str, access: Access | None, limits: Limits) -> None:
    """Fetch all branches into `REMOTE`; those that are gone there vanish here.

    Raises:
        TransientGitError: the server is unreachable, busy, or broke off.
        GitError: it refused, or there is more to fetch than the limits allow.
    """
    callbacks = _Fetch(url, access, limits)
    try:
        repository.remotes.create_anonymous(url).fetch(
            [f"+{HEADS}*:{REMOTE}*"], callbacks=callbacks, prune=FetchPrune.PRUNE
        )
    except (pygit2.GitError, ValueError, OSError) as error:
        raise _translated("fetch", url, access, error) from error


def fetch_ref(
    repository: pygit2.Repository,
    url: str,
    access: Access | None,
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
            [f"+{ref}:{kept}"], callbacks=_Fetch(url, access, limits)
        )
    except (pygit2.GitError, ValueError, OSError) as error:
        raise _translated("fetch", url, access, error) from error
    found = repository.references.get(kept)
    if found is None:
        raise GitError(f"{url} has no {ref}")
    return str(found.target)


def push(
    repository: pygit2.Repository,
    url: str,
    access: Access | None,
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
        callbacks = _Push(url, access, left)
        try:
            repository.remotes.create_anonymous(url).push(specs, callbacks=callbacks)
        except _UnlikeExpectedError:
            outcome |= callbacks.outcome
            continue
        except (pygit2.GitError, ValueError, OSError) as error:
            raise _translated("push to", url, access, error) from error
        silent = dict.fromkeys(left, "the server did not say what became of this branch")
        outcome |= silent | callbacks.outcome
    return outcome


def _translated(verb: str, url: str, access: Access | None, error: Exception) -> GitError:
    """The error as one of ours; over SSH a server refuses in words alone."""
    if isinstance(error, pygit2.CertificateError):
        return GitError(
            f"cannot {verb} {url}: its certificate is not trusted; if it is of your own authority, "
            f"set SWITCHYARD_GITHUB_CA_FILE or SWITCHYARD_GITLAB_CA_FILE"
        )
    signs = (_LASTING, _REFUSED) if isinstance(access, DeployKey) else (_LASTING,)
    lasting = isinstance(error, ValueError) or any(sign.search(str(error)) for sign in signs)
    kind = GitError if lasting else TransientGitError
    return kind(f"cannot {verb} {url}: {error}")


class _UnlikeExpectedError(Exception):
    """Some branches on the server are not what was expected: nothing was sent."""


class _Callbacks(pygit2.RemoteCallbacks):
    """Credentials for one conversation: given once, and to the origin of its URL alone.

    A mirror's configuration refuses redirects to other hosts; libgit2 still follows one to another
    port of the same host, which gets no credentials.
    """

    def __init__(self, url: str, access: Access | None) -> None:
        super().__init__()
        self._url = url
        self._origin = _origin(url)
        self._access = access
        self._given = False

    def credentials(
        self,
        url: str,
        username_from_url: str | None,  # noqa: ARG002 - libgit2 hands it over
        allowed_types: CredentialType,  # noqa: ARG002 - each transport asks for what it can use
    ) -> pygit2.UserPass | pygit2.Keypair:
        """Who we are; asked a second time means that it was refused."""
        if _origin(url) != self._origin:
            raise GitError(f"{self._origin} redirects to {url}, which gets no credentials")
        given, self._given = self._given, True
        if isinstance(self._access, DeployKey):
            if given:
                raise GitError(f"{url} does not accept the deploy key {self._access.file}")
            return self._access.pair(url)
        if given or self._access is None:
            raise GitError(f"{url} asks for credentials, and there are none for it")
        return pygit2.UserPass(self._access.username, self._access.password)

    def certificate_check(
        self,
        certificate: None,  # noqa: ARG002 - pygit2 never has it
        valid: bool,  # noqa: FBT001 - as pygit2 calls it
        host: bytes,  # noqa: ARG002 - the URL's, without the port
    ) -> bool:
        """Hold the server to libgit2's word: a TLS certificate is valid, a host key pinned."""
        if not valid and isinstance(self._access, DeployKey):
            raise GitError(self._access.complaint(self._url))
        return valid


class _Fetch(_Callbacks):
    """Ends a fetch that brings too much or takes too long."""

    def __init__(self, url: str, access: Access | None, limits: Limits) -> None:
        super().__init__(url, access)
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

    def __init__(self, url: str, access: Access | None, updates: Mapping[str, Update]) -> None:
        super().__init__(url, access)
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
    """Scheme, host and port; `user@host:path` is SSH."""
    parts = urlsplit(url if "://" in url else f"ssh://{url.replace(':', '/', 1)}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown(sha: str | None) -> str:
    return f"at {sha[:12]}" if sha and sha != _NOBODY else "absent"
