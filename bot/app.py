"""The composition root: settings in, a running service out. Everything concrete is chosen here."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

import structlog
from fastapi import FastAPI

from bot.azure import Azure
from bot.buckets import Bucket
from bot.charts.store import ChartStore
from bot.clock import Clock, system_clock
from bot.clusters import Clusters
from bot.context import MOST_RESULTS, Context
from bot.engine import discovery
from bot.engine.plans import Drafter, Plans
from bot.engine.results import Results
from bot.forges import Forge, ForgeError, Markers
from bot.git import CommitSigner, DeployKey, GitError, Mirrors, pin_hosts
from bot.metrics import Metrics
from bot.metrics.catalogue import WEBHOOKS
from bot.outbound.client import OutboundClient
from bot.report.service_state import ServiceState
from bot.settings import Settings
from bot.store import Store
from bot.tracing import Traces
from bot.web import setup, ui
from bot.web.auth import Auth
from bot.web.metrics import metrics_app
from bot.web.server import create_app
from bot.worker import dispatch, setup_check, worker
from bot.worker.announce import Announcer
from bot.worker.cluster_watch import ClusterWatches
from bot.worker.scheduler import Job, schedule
from bot.worker.shares import Shares
from bot.worker.status_branches import read_status_branches
from bot.worker.status_bucket import StatusBucket
from bot.worker.status_documents import BUCKET_SOURCE, REPO_SOURCE, show_fault
from bot.worker.supervision import RETRIED, Step, Supervisor, Wakeups
from bot.worker.sweep import sweep
from planners.model import Repo

IDLE_SECONDS = 1.0
LISTEN_SECONDS = 30.0
PROBE_SECONDS, PROBE_LIMIT = 5.0, 20.0
GUARD_SECONDS = 1.0
STUCK = timedelta(minutes=5)
LONGEST_LEASES = 4
CHECK_SECONDS = 3600

log = structlog.get_logger()


def parse_repo(text: str) -> Repo:
    """`forge:group/name` as a Repo. Raises ValueError for anything else."""
    forge, colon, path = text.partition(":")
    if not (forge and colon and "/" in path):
        raise ValueError(f"{text!r} is not of the form forge:group/name")
    return Repo(forge, path)


def make_forges(settings: Settings, clock: Clock) -> dict[str, Forge]:
    """The forges that the settings name."""
    made = {name: kind.connect(settings, clock) for name, kind in discovery.forges().items()}
    return {name: forge for name, forge in made.items() if forge is not None}


def make_deploy_keys(settings: Settings) -> dict[Repo, DeployKey]:
    """The deploy keys that the settings name, after a look at their files.

    Raises:
        GitError: others can read one, or the known hosts are no such file.
    """
    if settings.ssh_known_hosts is None:
        return {}
    hosts = pin_hosts(settings.ssh_known_hosts, settings.data_dir / "ssh")
    keys = {parse_repo(name): DeployKey(file, hosts) for name, file in settings.ssh_keys.items()}
    for key in keys.values():
        key.check()
    return keys


def make_signer(settings: Settings) -> CommitSigner | None:
    """The key that signs commits, if the settings name one.

    Raises:
        GitError: others can read its file, or it is of another kind.
    """
    if settings.commit_signing_key is None:
        return None
    return CommitSigner.read(settings.commit_signing_key, settings.commit_email)


def gate_keys(settings: Settings) -> dict[str, bytes]:
    """The secret shared with each server that gates ask, by its host."""
    return {host: each.get_secret_value().encode() for host, each in settings.gate_keys.items()}


def notify_secrets(settings: Settings) -> dict[str, str]:
    """The token or URL of each channel, by its name."""
    return {name: each.get_secret_value() for name, each in settings.notify_secrets.items()}


def notify_keys(settings: Settings) -> dict[str, bytes]:
    """The key with which each channel signs, by its name."""
    return {name: each.get_secret_value().encode() for name, each in settings.notify_keys.items()}


def make_context(
    settings: Settings,
    forges: Mapping[str, Forge],
    drafter: Drafter,
    clock: Clock,
    store: Store | None = None,
) -> Context:
    """Everything a pass needs, from settings; with another store than theirs if one is given.

    Raises:
        GitError: see `make_deploy_keys` and `make_signer`.
    """
    deploy_keys = make_deploy_keys(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    results, metrics = Results(MOST_RESULTS, verify=settings.verify_results), Metrics()
    return Context(
        forges=forges,
        mirrors=Mirrors(
            settings.data_dir / "mirrors",
            ca_files=settings.ca_files,
            signer=make_signer(settings),
        ),
        store=store or Store.open(settings.store_url),
        clock=clock,
        listening_since=clock(),
        propose=Plans(drafter, results, metrics),
        metrics=metrics,
        results=results,
        fleet=parse_repo(settings.fleet),
        markers=Markers(settings.marker_key.get_secret_value().encode()),
        public_url=str(settings.public_url).rstrip("/"),
        charts=ChartStore.of(settings, settings.data_dir / "charts"),
        clusters=Clusters(settings.cluster_credentials),
        azure=Azure(settings, clock),
        outbound=OutboundClient(settings.gate_ca_file),
        gate_keys=gate_keys(settings),
        notify_secrets=notify_secrets(settings),
        notify_keys=notify_keys(settings),
        deploy_keys=deploy_keys,
    )


@dataclass(slots=True)
class Service:
    """The tasks of one process: they drain the inbox and take due keys until cancelled."""

    context: Context
    settings: Settings
    bucket: Bucket | None = None
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    woken: Wakeups = field(default_factory=Wakeups)
    supervisor: Supervisor = field(default_factory=Supervisor)
    failure: Exception | None = None
    on_failure: Callable[[], None] = lambda: None
    on_stop: Callable[[], None] = lambda: None
    _running: asyncio.Task[None] | None = None
    _stopping: bool = False
    _trouble: asyncio.Event = field(default_factory=asyncio.Event)
    _aside: set[asyncio.Task[None]] = field(default_factory=set)
    _probed: float = float("-inf")
    _overdue: bool = False
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "store"))

    def start(self) -> None:
        """Work until `stop`."""
        self._running = asyncio.create_task(self.run())

    def stop(self) -> None:
        """Stop the work; keys that are claimed become due for other replicas at once."""
        if self._running is not None and not self._stopping:
            self._stopping = True
            self._running.cancel()
            self.on_stop()

    async def stopped(self) -> None:
        """Wait until the work has stopped."""
        if self._running is not None:
            await asyncio.wait([self._running])
            if not self._running.cancelled():
                self._running.result()

    async def run(self) -> None:
        """Sweep, then work until cancelled. A failure is kept, and `on_failure` called."""
        scheduler = schedule(self._jobs())
        watches = ClusterWatches(self.context)
        try:
            self._begin(self.sweep())
            self._begin(self.check())
            await self.supervisor.run(self._tasks(watches))
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends with it
            log.critical("service ended", reason=str(error))
            self.failure = error
            self.on_failure()
        finally:
            scheduler.shutdown(wait=False)
            for each in self._aside:
                each.cancel()
            await watches.stop()

    async def close(self) -> None:
        """Let the threads end, then close the database."""
        await asyncio.to_thread(self.context.store.queue.close)
        await asyncio.to_thread(self._threads.shutdown)
        self.context.store.close()

    def _begin(self, job: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(job)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    def _jobs(self) -> list[tuple[Job, int]]:
        jobs: list[tuple[Job, int]] = [
            (self.sweep, self.settings.resync_seconds),
            (self.check, CHECK_SECONDS),
        ]
        if self.settings.status_repo is not None:
            jobs.append((self.read_statuses, self.settings.status_seconds))
        if self.bucket is not None:
            documents = StatusBucket(self.context, self.bucket, self.settings.report_keys)
            jobs.append((partial(self._read_bucket, documents), self.settings.status_seconds))
        return jobs

    def _tasks(self, watches: ClusterWatches) -> dict[str, Step]:
        tasks: dict[str, Step] = {
            "inbox": partial(self._drain, self._idler()),
            "cluster watches": watches.step,
            "messages": Announcer(self.context, partial(asyncio.sleep, IDLE_SECONDS)).step,
            "queue notifications": self._listen,
            "database probe": self._probe,
            "database guard": self._guard,
        }
        shares = Shares.of(self.settings.workers)
        for number in range(self.settings.workers):
            name = f"worker {number}"
            heard = partial(self.supervisor.heard, name)
            each = worker.Worker(
                self.context, f"{self.owner}.{number}", self._lease, self._idler(), shares, heard
            )
            tasks[name] = each.step
        return tasks

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.settings.lease_seconds)

    async def _drain(self, idle: Step) -> None:
        if not await dispatch.drain(self.context):
            await idle()

    async def _listen(self) -> None:
        """Wake everybody when a key becomes due, with PostgreSQL in any replica."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self.context.store.queue.wait, LISTEN_SECONDS)
        self.woken.set()

    async def _probe(self) -> None:
        """See that the database can be written, and open it again when not; then sweep."""
        store, loop = self.context.store, asyncio.get_running_loop()
        if store.is_out:
            await loop.run_in_executor(self._threads, store.mend)
        was_out = await loop.run_in_executor(self._threads, store.probe)
        await asyncio.to_thread(
            store.queue.bound, LONGEST_LEASES * self._lease, self.context.clock()
        )
        due = await asyncio.to_thread(store.queue.next_due)
        self._overdue = due is not None and self.context.clock() - due > STUCK
        self._probed = self.supervisor.clock()
        if was_out:
            self._begin(self.sweep())
        with suppress(TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                await self._trouble.wait()
        self._trouble.clear()

    async def _guard(self) -> None:
        """Look after the database every second, also while the probe waits for it."""
        self.context.store.break_stalled()
        if self.context.store.is_out:
            self._trouble.set()
        await asyncio.sleep(GUARD_SECONDS)

    def problems(self) -> list[str]:
        """Why the service is not ready, in words that tell a stranger nothing else."""
        if self.failure is not None or self._stopping:
            return ["the service ends"]
        found = [f"{name}: no progress" for name in self.supervisor.silent()]
        if self._overdue and self.supervisor.since_step("worker") > STUCK.total_seconds():
            found.append("queue: no worker takes the oldest key")
        if self.context.store.is_out:
            found.append("database: not available")
        elif self.supervisor.clock() - self._probed > PROBE_LIMIT:
            found.append("database: no answer")
        return found

    async def sweep(self) -> None:
        """Make everything due; the next sweep is a matter of time when this one cannot."""
        try:
            await sweep(self.context)
        except RETRIED as error:
            log.warning("sweep failed", error=str(error))
        self.woken.set()

    async def check(self) -> None:
        """Look after webhooks and rules; in an hour again when that cannot be done now."""
        sources = {REPO_SOURCE: self.settings.status_repo, BUCKET_SOURCE: self.bucket}
        try:
            for source in [name for name, where in sources.items() if where is None]:
                # What a source could not do before it left the settings is of no interest.
                await show_fault(self.context, source, "")
            await setup_check.check(self.context)
        except RETRIED as error:
            log.warning("set-up not checked", error=str(error))

    async def read_statuses(self) -> None:
        """Read the status documents on branches; the next time when that cannot be done now."""
        assert self.settings.status_repo is not None
        repo, fault = parse_repo(self.settings.status_repo), ""
        try:
            try:
                await read_status_branches(self.context, repo, self.settings.report_keys)
            except (ForgeError, GitError) as error:
                fault = f"Status documents in {repo} cannot be read: {error}"
            await show_fault(self.context, REPO_SOURCE, fault)
        except RETRIED as error:
            log.warning("status documents not read", repo=str(repo), error=str(error))
        self.woken.set()

    async def _read_bucket(self, documents: StatusBucket) -> None:
        """Read the status documents in the bucket; the next time when that cannot be done now."""
        try:
            await documents.read()
        except RETRIED as error:
            log.warning("status documents not read", error=str(error))
        self.woken.set()

    def _idler(self) -> Callable[[], Awaitable[None]]:
        """What a task without work awaits: a wake-up, or a second in case that one was lost."""
        woken = self.woken.event()

        async def idle() -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await woken.wait()
            woken.clear()

        return idle


def build_metrics(service: Service) -> FastAPI:
    """The application that serves the metrics of a service."""
    metrics = service.context.metrics
    metrics.expose_process()
    for forge in service.context.forges:
        for outcome in WEBHOOKS.labels["outcome"]:
            metrics.count(WEBHOOKS, 0, forge=forge, outcome=outcome)
    return metrics_app(metrics, ServiceState(service.context, service.problems, time.monotonic))


def build(
    settings: Settings,
    drafter: Drafter,
    clock: Clock = system_clock,
    *,
    traces: Traces | None = None,
) -> tuple[FastAPI, Service]:
    """The web application and its workers, for one process."""
    forges = make_forges(settings, clock)
    context = make_context(settings, forges, drafter, clock)
    context = replace(
        context,
        clock=context.store.shared_clock(clock),
        pause=asyncio.sleep,
        traces=traces or Traces(),
    )
    bucket = Bucket(settings, clock) if settings.status_bucket else None
    service = Service(context, settings, bucket)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()
            await service.stopped()
            for forge in forges.values():
                await forge.close()
            await context.clusters.close()
            if bucket is not None:
                await bucket.close()
            context.azure.close()
            await asyncio.to_thread(context.traces.close)
            await service.close()

    auth = Auth(settings, discovery.forges(), context)
    auth.warn_if_unreachable()
    app = create_app(
        auth,
        discovery.agents(),
        settings.report_keys,
        service.woken.set,
        lifespan=lifespan,
        problems=service.problems,
    )
    app.include_router(setup.router(settings, discovery.forges(), forges, clock))
    service.on_stop = partial(ui.end_streams, app)
    return app, service
