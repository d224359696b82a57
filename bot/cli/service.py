"""`serve`, `forge` and `demo`, which keep running, and what their operators need to know."""

import argparse
import asyncio
import sys
from pathlib import Path

import uvicorn
from pydantic import ValidationError

from bot.app import build
from bot.cli.folders import InputError
from bot.clock import system_clock
from bot.engine.process import Planner
from bot.git import GitError
from bot.keys import cluster_key, setup_key
from bot.logs import configure_logs
from bot.sandbox.demo.run import run_demo
from bot.sandbox.forge.server import create_forge
from bot.sandbox.forge.site import SiteFile
from bot.settings import Settings
from renderers import yaml

MOST_CONNECTIONS = 1000


def serve(options: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    settings = _settings(options)
    configure_logs()
    asyncio.run(_serve(settings))
    return 0


def report_key(options: argparse.Namespace) -> int:
    """Print the key that one cluster signs its reports with."""
    secret = _settings(options).report_key.get_secret_value()
    sys.stdout.write(f"{cluster_key(secret, options.cluster).decode()}\n")
    return 0


def setup_link(options: argparse.Namespace) -> int:
    """Print the address of the set-up page, with the key that opens it."""
    settings = _settings(options)
    key = setup_key(settings.marker_key.get_secret_value())
    sys.stdout.write(f"{str(settings.public_url).rstrip('/')}/setup?key={key}\n")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    try:
        return Settings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [f"SWITCHYARD_{line}" for line in _lines(error, "_")]
        raise InputError("settings are wrong:\n" + "\n".join(lines)) from None


def _lines(error: ValidationError, joint: str) -> list[str]:
    """What is wrong where, without the values: they may be secrets."""
    return [
        f"{joint.join(str(part) for part in each['loc'])}: {each['msg']}"
        for each in error.errors(include_input=False)
    ]


async def _serve(settings: Settings) -> None:
    try:
        app, _ = build(settings, Planner(settings.planner_seconds, settings.planner_mebibytes))
    except GitError as error:
        raise InputError(str(error)) from error
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=5,
        proxy_headers=False,  # the peer counts, not who it says that it speaks for
    )
    await uvicorn.Server(config).serve()


def forge(options: argparse.Namespace) -> int:
    """Run a local forge until it is told to stop."""
    url = f"http://127.0.0.1:{options.port}"
    made = create_forge(options.data, clock=system_clock)
    if options.site is not None:
        _site(options.site).apply(made)
    sys.stdout.write(f"local forge on {url}\n")
    uvicorn.run(made.app, host="127.0.0.1", port=options.port, log_level="warning")
    return 0


def _site(file: Path) -> SiteFile:
    """The site file, or every mistake in it."""
    try:
        documents = yaml.load_documents(file.read_bytes())
        return SiteFile.model_validate(documents[0].value if documents else {})
    except ValidationError as error:
        raise InputError("\n".join(f"{file}: {line}" for line in _lines(error, "."))) from None
    except (OSError, yaml.YamlError) as error:
        raise InputError(f"{file}: {error}") from error


def demo(options: argparse.Namespace) -> int:
    """Play the whole loop on this machine."""
    return asyncio.run(run_demo(options.data, options.port, auto=options.auto))
