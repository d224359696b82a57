"""What the demonstration keeps in its folder, so that it goes on, and `demo play` finds it.

`demo.json` has addresses, tokens and keys, readable for its owner alone. `failing.json` lists the
components that fail, by cluster; the running demonstration follows it. `demo.lock` is locked while
it runs.
"""

import fcntl
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT, FAILING, LOCK = "demo.json", "failing.json", "demo.lock"
LOG = "service.log"
DEFAULT = Path("demo-data")
_OWN = ("forge", "service", "clusters", KEPT, FAILING, LOG)
_KEYS = ("marker", "report", "hook")


class FolderError(Exception):
    """The folder cannot be used like this; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A demonstration; `number` is Ada's first merge request, 0 until everything is filled."""

    port: int
    tokens: Mapping[str, str]
    keys: Mapping[str, str]
    number: int = 0

    @property
    def service_url(self) -> str:
        """The URL of the service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def forge_url(self) -> str:
        """The URL of the forge."""
        return f"http://127.0.0.1:{self.port + 1}"


def new(port: int, logins: Sequence[str]) -> Kept:
    """A demonstration that nobody has begun."""
    tokens = {login: secrets.token_hex(16) for login in logins}
    return Kept(port, tokens, {name: secrets.token_hex(16) for name in _KEYS})


def load(folder: Path) -> Kept | None:
    """The demonstration in a folder; None if there is none, or it was interrupted while it began.

    Raises:
        FolderError: the folder holds files of something else.
    """
    try:
        kept = Kept(**json.loads((folder / KEPT).read_bytes()))
    except FileNotFoundError:
        if folder.exists() and any(each.name != LOCK for each in folder.iterdir()):
            raise FolderError(
                f"{folder} is not empty and holds no demonstration ({KEPT} is missing): give a new "
                "folder with --data"
            ) from None
        return None
    except (ValueError, TypeError) as error:
        raise FolderError(
            f"{folder / KEPT}: {error}; `switchyard demo --fresh` begins anew"
        ) from error
    return kept if kept.number else None


def save(folder: Path, kept: Kept) -> None:
    """Keep a demonstration."""
    _write(folder / KEPT, asdict(kept))


def forget(folder: Path) -> None:
    """Delete what a demonstration has kept in a folder, and nothing else there."""
    if not (folder / KEPT).exists():
        return
    for name in _OWN:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def failing(folder: Path) -> dict[str, frozenset[str]]:
    """The components that fail, by cluster."""
    try:
        found = json.loads((folder / FAILING).read_bytes())
    except FileNotFoundError:
        return {}
    return {name: frozenset(components) for name, components in found.items()}


def save_failing(folder: Path, found: Mapping[str, frozenset[str]]) -> None:
    """Let these components fail from now on."""
    _write(folder / FAILING, {name: sorted(each) for name, each in found.items()})


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder.

    Raises:
        FolderError: a demonstration runs in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderError(
                f"a demonstration runs in {folder}: end it with Ctrl-C, or give another folder "
                "with --data and another port with --port"
            ) from None
        yield


def require_idle(folder: Path) -> None:
    """Check that no demonstration runs in an existing folder.

    Raises:
        FolderError: one does.
    """
    with locked(folder):
        pass


def _write(path: Path, value: object) -> None:
    """Replace a file as a whole; only its owner may read it."""
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    temporary.replace(path)
