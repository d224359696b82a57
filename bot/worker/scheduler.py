"""The clock that makes sure nothing is forgotten: the only door to APScheduler.

It only enqueues. APScheduler 3 shares nothing between processes, which is all that is asked of it:
several replicas sweeping at once make the same keys due.
"""

from collections.abc import Awaitable, Callable, Iterable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[None]]


def schedule(jobs: Iterable[tuple[Job, int]]) -> AsyncIOScheduler:
    """A started scheduler that does each job every so many seconds; never two of a job at once."""
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
