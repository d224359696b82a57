"""`serve`, `forge` and `demo`: the commands that keep running."""

import argparse
import asyncio
import sys

import uvicorn
from pydantic import ValidationError

from bot.app import build, planner_process
from bot.cli.reading import InputError
from bot.clock import system_clock
from bot.demo.run import run_demo
from bot.localforge.server import create_forge
from bot.logs import configure_logs
from bot.settings import Settings

MOST_CONNECTIONS = 1000


def serve(options: argparse.Namespace) -> int:
    """Run the service until it is told to stop."""
    configure_logs()
    try:
        settings = Settings(_secrets_dir=options.secrets_dir)  # type: ignore[call-arg]
    except ValidationError as error:
        lines = [
            f"SWITCHYARD_{'_'.join(str(part) for part in each['loc']).upper()}: {each['msg']}"
            for each in error.errors()
        ]
        raise InputError("settings are wrong:\n" + "\n".join(lines)) from error
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    async with planner_process() as planner:
        app, _ = build(settings, planner)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
        await uvicorn.Server(config).serve()


def forge(options: argparse.Namespace) -> int:
    """Run a local forge until it is told to stop."""
    url = f"http://127.0.0.1:{options.port}"
    made = create_forge(options.data, clock=system_clock)
    sys.stdout.write(f"local forge on {url}\n")
    uvicorn.run(made.app, host="127.0.0.1", port=options.port, log_level="warning")
    return 0


def demo(options: argparse.Namespace) -> int:
    """Play the whole loop on this machine."""
    return asyncio.run(run_demo(options.data, options.port, auto=options.auto))
