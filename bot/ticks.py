"""The clock that makes sure nothing is forgotten: the only door to APScheduler.

It only enqueues. APScheduler 3 shares nothing between processes, which is all that is asked of it:
several replicas sweeping at once make the same keys due.
"""

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler


def schedule_sweeps(sweep: Callable[[], Awaitable[None]], seconds: int) -> AsyncIOScheduler:
    """A started scheduler that sweeps every so many seconds; never two sweeps at once."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        sweep, "interval", seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=None
    )
    scheduler.start()
    return scheduler
