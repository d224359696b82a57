"""Fetches and pushes over HTTP or SSH. No URL, argument, environment or log contains credentials.

Used by `Mirror`. Both operations use libgit2, so that one client enforces all rules. A push is a
compare-and-swap: libgit2 reports what the server advertises for each branch before it sends
anything (`push_negotiation`), and that is compared with the expected commit. libgit2 sends the
advertised id as the old one, and the server accepts the update only if it still matches. This is
`git push --force-with-lease` without a second program that would need the credentials.
"""

import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class BranchUpdate:
    """The new commit of a branch (None: delete it), and the one it must have (None: no branch)."""

    new: str | None
    expected: str | None


REMOTE = "refs/remotes/origin/"
HEADS = "refs/heads/"
REQUESTED = "refs/asked/"
CONNECT_MS = 5_000
RESPONSE_MS = 20_000
DECLINED = "declined"
_RULER = re.compile("[-_=\u2500-\u257f\u2010-\u2015]{3,}")
_STATUS = re.compile(r"status code: (40[134])")
_REMEDIES = {
    "401": "the forge rejects the credentials; check Switchyard's App or token",
    "403": "Switchyard may not do that there; an admin can give its App or token write access to "
    "the repository's contents",
    "404": "the repository does not exist or Switchyard has no access to it; an admin can add it "
    "to the App's installation, or the token's user to the project",
}
MAX_PRINTED, MAX_SHOWN = 4_000, 300

_ZERO_ID = "0" * 40
_PERMANENT = re.compile(
    r"status code: 40[1346]|status code: 410|redirect|authentication|certificate|"
    r"invalid (refspec|url)|unsupported url|does not match any existing object",
    re.IGNORECASE,
)
_SSH_PERMANENT = re.compile(
    r"private key file|not (be )?found|does not (exist|appear)|permission|not allowed|read only|"
    r"write access",
    re.IGNORECASE,
)


def reference(repository: pygit2.Repository, name: str) -> pygit2.Reference | None:
    """The reference of that name.

    pygit2 1.21 never releases the name that it looks up: the same object each time costs nothing.
    """
    return repository.references.get(sys.intern(name))


def kept_as(ref: str) -> str:
    """The name of a ref here that `fetch_ref` fetched."""
    return REQUESTED + ref.removeprefix("refs/")


def configure_libgit2(ca_files: tuple[Path, ...] = ()) -> None:
    """Configure libgit2 for this process: timeouts, and no configuration but the mirrors' own.

    Without timeouts an unresponsive server blocks a thread for ever. Mirrors may be on a volume of
    another user, so owner validation is off. OpenSSL adds each file to the CAs that it already
    trusts: the system's, which pygit2 sets on import.
    """
    for file in ca_files:
        pygit2.settings.set_ssl_cert_locations(str(file), None)
    pygit2.settings.server_connect_timeout = CONNECT_MS
    pygit2.settings.server_timeout = RESPONSE_MS
    pygit2.settings.owner_validation = False
    for level in (ConfigLevel.SYSTEM, ConfigLevel.GLOBAL, ConfigLevel.XDG):
        pygit2.settings.search_path[level] = ""


def check_url(url: str, access: Access | None) -> None:
    """Reject all URLs except http and https ones.

    With a deploy key the URL must be SSH, and SSH requires a deploy key.

    Raises:
        GitError: with the reason, and without the URL if it contains a password; also if the file
            of the deploy key is invalid.
    """
    if isinstance(access, DeployKey):
        Address.parse(url)
        access.check()
        return
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise GitError(
            "a clone URL must not contain credentials; the forge provides them separately"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise GitError(f"cannot fetch {url!r}: a clone URL must begin with https:// or http://")


def fetch(repository: pygit2.Repository, url: str, access: Access | None, limits: Limits) -> None:
    """Fetch all branches into `REMOTE`, and delete those deleted on the server.

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
    *,
    ref: str,
    limits: Limits,
) -> str:
    """Fetch one ref into `REQUESTED`, and return its commit.

    Raises:
        TransientGitError, GitError: as `fetch`; also if the ref does not exist.
    """
    kept = kept_as(ref)
    try:
        repository.remotes.create_anonymous(url).fetch(
            [f"+{ref}:{kept}"], callbacks=_Fetch(url, access, limits)
        )
    except (pygit2.GitError, ValueError, OSError) as error:
        raise _translated("fetch", url, access, error) from error
    found = reference(repository, kept)
    if found is None:
        raise GitError(f"{url} has no {ref}")
    return str(found.target)


def push(
    repository: pygit2.Repository,
    url: str,
    access: Access | None,
    updates: Mapping[str, BranchUpdate],
) -> dict[str, str | None]:
    """Push branches together; see `Mirror.push`.

    Each iteration either sends all remaining branches, or finds some that must not be sent.

    Raises:
        TransientGitError, GitError: as `fetch`.
    """
    outcome: dict[str, str | None] = {}
    while left := {name: update for name, update in updates.items() if name not in outcome}:
        specs = [f"+{left[name].new or ''}:{HEADS}{name}" for name in sorted(left)]
        callbacks = _Push(url, access, left)
        try:
            repository.remotes.create_anonymous(url).push(specs, callbacks=callbacks)
        except _UnexpectedHeadError:
            outcome |= callbacks.outcome
            continue
        except (pygit2.GitError, ValueError, OSError) as error:
            raise _translated("push to", url, access, error) from error
        unreported = dict.fromkeys(left, "the server did not report a result for this branch")
        outcome |= unreported | callbacks.explained()
    return outcome


def _translated(verb: str, url: str, access: Access | None, error: Exception) -> GitError:
    """Classify an error; over SSH a server reports a rejection only as text."""
    if isinstance(error, pygit2.CertificateError):
        return GitError(
            f"cannot {verb} {url}: its certificate is not trusted; for a certificate of your own "
            f"CA, set SWITCHYARD_GITHUB_CA_FILE or SWITCHYARD_GITLAB_CA_FILE"
        )
    patterns = (_PERMANENT, _SSH_PERMANENT) if isinstance(access, DeployKey) else (_PERMANENT,)
    permanent = isinstance(error, ValueError) or any(each.search(str(error)) for each in patterns)
    kind = GitError if permanent else TransientGitError
    status = _STATUS.search(str(error))
    hint = f" ({_REMEDIES[status[1]]})" if status else ""
    return kind(f"cannot {verb} {url}: {error}{hint}")


class _UnexpectedHeadError(Exception):
    """Some branches on the server are not at the expected commit; nothing was sent."""


class _Callbacks(pygit2.RemoteCallbacks):
    """Credentials for one connection: provided once, and only to the origin of its URL.

    A mirror's configuration rejects redirects to other hosts; libgit2 still follows one to another
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
        username_from_url: str | None,  # noqa: ARG002 - passed by libgit2
        allowed_types: CredentialType,  # noqa: ARG002 - each transport requests what it can use
    ) -> pygit2.UserPass | pygit2.Keypair:
        """The credentials; a second request means that the first were rejected."""
        if _origin(url) != self._origin:
            raise GitError(
                f"{self._origin} redirects to {url}; credentials are not sent to another origin"
            )
        given, self._given = self._given, True
        if isinstance(self._access, DeployKey):
            if given:
                raise GitError(f"{url} rejects the deploy key {self._access.file}")
            return self._access.pair(url)
        if given or self._access is None:
            raise GitError(f"{url} requires credentials, and none are configured for it")
        return pygit2.UserPass(self._access.username, self._access.password)

    def certificate_check(
        self,
        certificate: None,  # noqa: ARG002 - pygit2 never has it
        valid: bool,  # noqa: FBT001 - as pygit2 calls it
        host: bytes,  # noqa: ARG002 - the URL's, without the port
    ) -> bool:
        """Enforce libgit2's result: the TLS certificate is valid, the SSH host key is pinned."""
        if not valid and isinstance(self._access, DeployKey):
            raise GitError(self._access.host_key_error(self._url))
        return valid


class _Fetch(_Callbacks):
    """Aborts a fetch that exceeds its size or time limit."""

    def __init__(self, url: str, access: Access | None, limits: Limits) -> None:
        super().__init__(url, access)
        self._limits = limits
        self._deadline = time.monotonic() + limits.fetch_seconds

    def transfer_progress(self, stats: TransferProgress) -> None:
        """Called for every received chunk."""
        if stats.received_bytes > self._limits.fetch_bytes:
            raise GitError(
                f"the fetch from {self._origin} exceeds {self._limits.fetch_bytes} bytes"
            )
        if time.monotonic() > self._deadline:
            raise TransientGitError(
                f"the fetch from {self._origin} took more than {self._limits.fetch_seconds:g} s"
            )


class _Push(_Callbacks):
    """Compares the server's branches with the expected commits; `outcome` has the results."""

    def __init__(
        self, url: str, access: Access | None, updates: Mapping[str, BranchUpdate]
    ) -> None:
        super().__init__(url, access)
        self._updates = updates
        self._printed = ""
        self.outcome: dict[str, str | None] = {}

    def push_negotiation(self, updates: list[PushUpdate]) -> None:
        """Called once, after the server has advertised its refs and before anything is sent."""
        for update in updates:
            name = update.dst_refname.removeprefix(HEADS)
            wanted = self._updates[name]
            actual = str(update.src)
            if actual == (wanted.new or _ZERO_ID):
                self.outcome[name] = None
            elif actual != (wanted.expected or _ZERO_ID):
                self.outcome[name] = (
                    f"stale: the branch is {_shown(actual)}, not {_shown(wanted.expected)}"
                )
        if self.outcome:
            raise _UnexpectedHeadError

    def sideband_progress(self, string: str) -> None:
        """What the server's hooks print."""
        self._printed = (self._printed + string)[:MAX_PRINTED]

    def push_update_reference(self, refname: str, message: str | None) -> None:
        """The server's result for one branch."""
        self.outcome[refname.removeprefix(HEADS)] = message

    def explained(self) -> dict[str, str | None]:
        """The results; where a hook declined, with what it printed."""
        words = " ".join(_RULER.sub(" ", self._printed).split())
        told = "".join(each for each in words if each.isprintable())[:MAX_SHOWN]
        return {
            name: f"{message}: {told}" if told and message and DECLINED in message else message
            for name, message in self.outcome.items()
        }


def _origin(url: str) -> str:
    """Scheme, host and port; `user@host:path` is SSH."""
    parts = urlsplit(url if "://" in url else f"ssh://{url.replace(':', '/', 1)}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown(sha: str | None) -> str:
    return f"at {sha[:12]}" if sha and sha != _ZERO_ID else "absent"
