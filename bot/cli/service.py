"""`serve`: runs the service."""

import argparse
import asyncio
import os
import resource

import uvicorn

from bot.app import build
from bot.cli.errors import InputError
from bot.cli.settings import read_settings
from bot.engine.process import Planner
from bot.git import GitError
from bot.logs import configure_logs
from bot.settings import Settings
from bot.web.connections import ConnectionLimits

OPEN_FILES = 4096


def serve(options: argparse.Namespace) -> int:
    """Run the service until it is interrupted."""
    settings = read_settings(options)
    _forget_settings()
    configure_logs()
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    try:
        planner = Planner(settings.planner_seconds, settings.planner_mebibytes, settings.workers)
        app, _ = build(settings, planner)
    except GitError as error:
        raise InputError(str(error)) from error
    _raise_open_files()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,  # to the root logger, see bot.logs
        http=ConnectionLimits(settings.trusted_proxies).protocol,
        ws="none",
        timeout_graceful_shutdown=5,
        proxy_headers=False,  # trust the peer's address, not the one that it claims to forward for
    )
    await uvicorn.Server(config).serve()


def _forget_settings() -> None:
    """Remove the settings from the environment, which processes that plan would inherit."""
    for name in [name for name in os.environ if name.startswith("SWITCHYARD_")]:  # noqa: TID251
        del os.environ[name]  # noqa: TID251 - they have been read


def _raise_open_files() -> None:
    """Allow a file descriptor for each connection; many systems start with 1,024 for all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
