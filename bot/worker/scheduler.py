"""Periodic jobs; the only importer of APScheduler.

Jobs only make keys due. APScheduler 3 shares nothing between processes, and need not: replicas that
sweep at once make the same keys due.
"""

from collections.abc import Awaitable, Callable, Iterable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[None]]


def schedule(jobs: Iterable[tuple[Job, int]]) -> AsyncIOScheduler:
    """A started scheduler that runs each job every so many seconds, one run at a time."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for job, seconds in jobs:
        scheduler.add_job(
            job,
            "interval",
            seconds=seconds,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
    scheduler.start()
    return scheduler
