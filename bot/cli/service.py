"""`serve`: runs the service."""

import argparse
import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import uvicorn

from bot.app import Service, build, build_metrics
from bot.cli import event_loop
from bot.cli.errors import InputError, describe
from bot.cli.settings import read_settings
from bot.engine.process import Planner
from bot.git import GitError
from bot.logs import configure_logs
from bot.settings import Settings, TelemetrySettings
from bot.store import StoreError
from bot.tracing import Traces, TracingMissingError, connect
from bot.web.connections import ConnectionLimits

OPEN_FILES = 4096
START_ATTEMPTS, START_SECONDS = 30, 2


def serve(options: argparse.Namespace) -> int:
    """Run the service until it is interrupted, or cannot go on: exit code 1."""
    settings = read_settings(options)
    traces = _connect_traces()
    _forget_settings()
    configure_logs()
    return event_loop.run(_serve(settings, traces))


def _connect_traces() -> Traces:
    """Traces to where OpenTelemetry's variables say.

    Raises:
        InputError: its libraries are not installed.
    """
    telemetry = TelemetrySettings()
    if not telemetry.is_on:
        return Traces()
    try:
        return connect(telemetry.otel_service_name, version("switchyard"))
    except TracingMissingError as error:
        raise InputError(str(error)) from error


async def _serve(settings: Settings, traces: Traces) -> int:
    app, service = await _build(settings, traces)
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
    server = _Server(config, service.stop)
    service.on_failure = partial(_stop, server)
    async with _metrics_served(settings, service):
        await serve_to_the_end(server)
    return 0 if service.failure is None else 1


async def serve_to_the_end(server: uvicorn.Server) -> None:
    """Serve until the server is told to stop.

    Raises:
        InputError: it cannot start; the log says why.
    """
    try:
        await event_loop.serve(server)
    except SystemExit:  # how uvicorn ends when it cannot start
        if server.lifespan.should_exit:
            raise InputError("the service cannot start: see the log") from None
        raise InputError(
            f"cannot listen on {server.config.host} port {server.config.port}: see the log; stop "
            f"the program that listens there, or set SWITCHYARD_PORT"
        ) from None


class _Server(uvicorn.Server):
    """A server that says first that it shuts down, and then waits for its connections."""

    def __init__(self, config: uvicorn.Config, on_shutdown: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_shutdown = on_shutdown

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See the library."""
        self._on_shutdown()
        await super().shutdown(sockets)


class _SecondServer(uvicorn.Server):
    """A server that leaves signals to the first one."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See the library."""
        yield


@asynccontextmanager
async def _metrics_served(settings: Settings, service: Service) -> AsyncIterator[None]:
    """Serve `/metrics` meanwhile, if the settings name a port.

    Raises:
        InputError: the port cannot be had.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        listening = socket.create_server((settings.metrics_host, settings.metrics_port))
    except OSError as error:
        raise InputError(
            f"metrics cannot be served at {settings.metrics_host}:{settings.metrics_port}: "
            f"{os.strerror(error.errno or 0)}; change SWITCHYARD_METRICS_HOST or "
            f"SWITCHYARD_METRICS_PORT"
        ) from error
    config = uvicorn.Config(
        build_metrics(service),
        log_config=None,
        access_log=False,
        http=ConnectionLimits().protocol,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=1,
        proxy_headers=False,
    )
    server = _SecondServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        _stop(server)
        await asyncio.wait([serving])


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


async def _build(settings: Settings, traces: Traces) -> tuple[Callable[..., Any], Service]:
    """Build the service; wait a minute for a PostgreSQL that starts at the same time.

    Raises:
        InputError: a key or the data folder cannot be used, or there is no database.
    """
    _require_writable(settings.data_dir)
    planner = Planner(settings.planner_seconds, settings.planner_mebibytes, settings.workers)
    for left in reversed(range(START_ATTEMPTS)):
        try:
            return build(settings, planner, traces=traces)
        except GitError as error:
            raise InputError(str(error)) from error
        except StoreError as error:
            if not left or settings.database_url is None:
                raise InputError(f"the database is not available: {error}") from error
            await asyncio.sleep(START_SECONDS)
    raise AssertionError


def _require_writable(folder: Path) -> None:
    """Make the data folder, and see that files can be written there.

    Raises:
        InputError: they cannot; says why.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        error.filename = f"SWITCHYARD_DATA_DIR={folder}"
        raise InputError(describe(error)) from None


def _forget_settings() -> None:
    """Remove the settings from the environment, which processes that plan would inherit."""
    for name in [name for name in os.environ if name.startswith(("SWITCHYARD_", "OTEL_"))]:  # noqa: TID251
        del os.environ[name]  # noqa: TID251 - they have been read


def _raise_open_files() -> None:
    """Allow a file descriptor for each connection; many systems start with 1,024 for all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
