"""A Git server over SSH: asyncssh behind a loopback port, running git's own programs.

Used by the tests of `bot/git`. `sshd` would want an account; this one knows keys alone.
"""

import asyncio
import base64
import hmac
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import asyncssh

from tests.fakes.githttp import _ENV, GIT, git

CHUNK = 65_536
SERVICES = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}


@dataclass
class SshServer:
    """Serves every bare repository under `root` to whoever has one of the keys in `users`.

    `refusal` answers every command with these words on standard error instead, as GitHub and GitLab
    do. `before_receive` runs when a push has been told what there is. `commands` lists what was
    asked for, `offers` how many sign-ins were tried.
    """

    root: Path
    host_key: asyncssh.SSHKey
    users: list[asyncssh.SSHKey] = field(default_factory=list)
    port: int = 0
    refusal: str = ""
    before_receive: Callable[[], object] | None = None
    commands: list[str] = field(default_factory=list)
    offers: int = 0
    connections: set[asyncssh.SSHServerConnection] = field(default_factory=set)
    answers: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The server as `known_hosts` writes it."""
        return f"[127.0.0.1]:{self.port}"

    def url(self, name: str) -> str:
        """The SSH address of a repository."""
        return f"ssh://git@127.0.0.1:{self.port}/{name}.git"

    def create(self, name: str) -> Path:
        """A new, empty bare repository that accepts pushes."""
        path = self.root / f"{name}.git"
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--bare", "--initial-branch=main")
        return path


def new_key(kind: str = "ssh-ed25519") -> asyncssh.SSHKey:
    """A new private key."""
    return asyncssh.generate_private_key(kind)


def save_key(key: asyncssh.SSHKey, file: Path, shape: str = "openssh") -> Path:
    """Write a private key as ssh-keygen does; the file."""
    file.write_bytes(key.export_private_key(shape))
    file.chmod(0o600)
    return file


def public(key: asyncssh.SSHKey) -> str:
    """The type and the key, as `known_hosts` writes them."""
    return " ".join(key.export_public_key().decode().split()[:2])


def hashed(name: str, salt: bytes = b"salt-of-twenty-bytes") -> str:
    """The name as `ssh-keygen -H` writes it."""
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@contextmanager
def serve_ssh(
    root: Path, *users: asyncssh.SSHKey, host: str = "ssh-ed25519"
) -> Iterator[SshServer]:
    """A running server, stopped at the end."""
    state = SshServer(root, new_key(host), list(users))
    started, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Door(state),
            server_host_keys=[state.host_key],
            process_factory=lambda process: _answer(state, process),
            encoding=None,
        )
        state.port = server.get_port()
        started.set()
        await stop.wait()
        server.close()
        await server.wait_closed()
        for connection in tuple(state.connections):
            connection.abort()
            await connection.wait_closed()
        # A command ends with its connection; a cancelled one could leave its child behind.
        await asyncio.gather(*state.answers, return_exceptions=True)

    def work() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    try:
        yield state
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class _Door(asyncssh.SSHServer):
    """Lets the users' keys in as `git`."""

    def __init__(self, state: SshServer) -> None:
        self._state = state

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._state.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._state.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        del username
        self._state.offers += 1
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == "git" and key in [each.convert_to_public() for each in self._state.users]


class _Reader(Protocol):
    async def read(self, size: int) -> bytes: ...


class _Writer(Protocol):
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...


async def _pump(source: _Reader, target: _Writer) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()


async def _answer(state: SshServer, process: "asyncssh.SSHServerProcess[bytes]") -> None:
    """Run the command's service on a repository below the root."""
    answer = asyncio.current_task()
    assert answer is not None
    state.answers.add(answer)
    answer.add_done_callback(state.answers.discard)
    command = process.command or ""
    state.commands.append(command)
    service, path = shlex.split(command)
    if state.refusal:
        process.stderr.write(state.refusal.encode())
        process.exit(1)
        return
    child = await asyncio.create_subprocess_exec(
        GIT,
        SERVICES[service],
        str(state.root / path.lstrip("/")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_ENV,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    listening = asyncio.create_task(_listen(state, service, process, child.stdin))
    try:
        async with asyncio.TaskGroup() as pumps:
            pumps.create_task(_pump(child.stdout, process.stdout))
            pumps.create_task(_pump(child.stderr, process.stderr))
        process.exit(await child.wait())
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if child.returncode is None:
            child.kill()
        child.stdin.close()
        await child.communicate()


async def _listen(
    state: SshServer,
    service: str,
    process: "asyncssh.SSHServerProcess[bytes]",
    target: asyncio.StreamWriter,
) -> None:
    try:
        first = await process.stdin.read(CHUNK)
        if service == "git-receive-pack" and state.before_receive is not None and first:
            state.before_receive()
        target.write(first)
        await _pump(process.stdin, target)
    finally:
        target.close()
