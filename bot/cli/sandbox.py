"""`demo` and `forge`: the local forge, alone or with everything else."""

import argparse
import asyncio
import socket
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from bot.cli.arguments import LAST_PORT
from bot.cli.errors import InputError, describe
from bot.cli.settings import mistakes
from bot.clock import system_clock
from bot.sandbox.demo.run import run_demo
from bot.sandbox.forge.server import create_forge, listen
from bot.sandbox.forge.site import SiteFile
from bot.terminal import write
from renderers import yaml


def demo(options: argparse.Namespace) -> int:
    """Run the demonstration until it is interrupted; with `--auto`, until its stories are told."""
    if options.burst and not options.auto:
        raise InputError("--burst: give --auto too; people are played in both")
    if not 0 < options.port < LAST_PORT:
        raise InputError(f"--port {options.port}: the forge takes the next one; give 1 to 65534")
    for port in (options.port, options.port + 1):
        _listen(port).close()
    running = run_demo(options.data, options.port, auto=options.auto, bursts=options.burst)
    return asyncio.run(running)


def forge(options: argparse.Namespace) -> int:
    """Run a local forge until it is interrupted."""
    made = create_forge(options.data, clock=system_clock)
    if options.site is not None:
        _read_site(options.site).apply(made)
    with _listen(options.port) as listening:
        write(f"local forge on http://127.0.0.1:{listening.getsockname()[1]}\n")
        uvicorn.Server(uvicorn.Config(made.app, log_level="warning")).run(sockets=[listening])
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
        lines = [f"{file}: {each}" for each in mistakes(error, ".")]
        raise InputError("\n".join(lines)) from None
    except (OSError, yaml.YamlError) as error:
        raise InputError(f"{file}: {error}") from error
