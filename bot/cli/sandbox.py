"""`demo` and `forge`: the local forge, alone or with everything else."""

import argparse
import socket
import tempfile
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from bot.cli import event_loop
from bot.cli.arguments import DEMO_PORT, LAST_PORT
from bot.cli.errors import InputError, describe
from bot.cli.settings import mistakes
from bot.clock import system_clock
from bot.sandbox.demo import kept
from bot.sandbox.demo.changes import NotNowError
from bot.sandbox.demo.kept import FolderError
from bot.sandbox.demo.people import PersonError
from bot.sandbox.demo.playing import changes, perform
from bot.sandbox.demo.run import run_demo
from bot.sandbox.demo.service import ServiceError
from bot.sandbox.forge.server import create_forge, listen
from bot.sandbox.forge.site import SiteFile
from bot.terminal import write
from renderers import yaml


def demo(options: argparse.Namespace) -> int:
    """Run the demonstration until it is interrupted; with `--auto`, until its stories are told."""
    try:
        return _play(options) if options.action else _run(options)
    except (FolderError, NotNowError, ServiceError) as error:
        raise InputError(str(error)) from None


def _run(options: argparse.Namespace) -> int:
    if options.burst and not options.auto:
        raise InputError("--burst: give --auto too; people are played in both")
    folder = options.data or (Path(tempfile.mkdtemp()) if options.auto else kept.DEFAULT)
    known = None if options.fresh else kept.load(folder)
    if known and options.auto:
        raise InputError(
            f"{folder} holds a demonstration, and --auto begins a new one: leave out --data, name "
            "another folder, or give --fresh too, which deletes what this one holds"
        )
    if known:
        kept.require_idle(folder)
    port = _port(options.port, known)
    _require_two_ports(port)
    if options.fresh:
        with kept.locked(folder):
            kept.forget(folder)
    return event_loop.run(run_demo(folder, port, auto=options.auto, bursts=options.burst))


def _port(given: int | None, known: kept.Kept | None) -> int:
    if given is not None:
        return given
    return known.port if known else DEMO_PORT


def _require_two_ports(port: int) -> None:
    if not 0 < port < LAST_PORT:
        raise InputError(f"--port {port}: the forge takes the next one; give 1 to 65534")
    for each in (port, port + 1):
        _listen(each).close()


def _play(options: argparse.Namespace) -> int:
    """Perform a ready-made change, or list them."""
    known, folder = changes(), options.data or kept.DEFAULT
    if options.change is None:
        write("".join(f"{each.name:<16}  {each.summary}\n" for each in known.values()))
        return 0
    if options.change not in known:
        raise InputError(f"{options.change}: no such change; known: {', '.join(known)}")
    running = kept.load(folder)
    if running is None:
        raise InputError(f"{folder}: no demonstration is there; start `switchyard demo` first")
    try:
        write(perform(known[options.change], folder, running) + "\n")
    except PersonError as error:
        raise InputError(f"{error}; does `switchyard demo` run in {folder}?") from None
    return 0


def forge(options: argparse.Namespace) -> int:
    """Run a local forge until it is interrupted."""
    made = create_forge(options.data, clock=system_clock)
    if options.site is not None:
        _read_site(options.site).apply(made)
    with _listen(options.port) as listening:
        write(f"local forge on http://127.0.0.1:{listening.getsockname()[1]}\n")
        server = uvicorn.Server(uvicorn.Config(made.app, log_level="warning"))
        event_loop.run(event_loop.serve(server, [listening]))
    return 0


def _listen(port: int) -> socket.socket:
    try:
        return listen(port)
    except OSError as error:
        raise InputError(f"--port {port}: {describe(error)}") from error


def _read_site(file: Path) -> SiteFile:
    """The site file; raises InputError with every mistake in it."""
    try:
        documents = yaml.load_documents(file.read_bytes())
        return SiteFile.model_validate(documents[0].value if documents else {})
    except ValidationError as error:
        lines = [f"{file}: {each}" for each in mistakes(error)]
        raise InputError("\n".join(lines)) from None
    except yaml.YamlError as error:
        raise InputError(f"{file}: {error}") from error
