"""The four numbers by which delivery is judged (DORA), of an application's own rollouts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from bot.report.history import RolloutRecord

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The numbers of the rollouts that ended within the window; None where nothing tells.

    `lead` is the median time from the commit of the revision until all clusters were ready,
    `weekly` the rollouts in seven days, `failure_share` the part in which a cluster reported a
    failure or that was rolled back, `restore` the median time from the first report of a failure
    until no cluster reported one. `since` is when the first of them began.
    """

    rollouts: int
    lead: timedelta | None
    weekly: float | None
    failure_share: float | None
    restore: timedelta | None
    since: datetime | None


def delivery(records: Sequence[RolloutRecord], now: datetime) -> Delivery:
    """The numbers of the last thirty days.

    A younger history counts as long as it is, but at least as one week, so that the first rollouts
    are not multiplied. A rollout that another one
    replaced reached not all clusters: it has no lead time and counts as no deployment, but as a
    failure if a cluster reported one.
    """
    recent = [each for each in records if each.until and each.until > now - WINDOW]
    done = [each for each in recent if each.outcome == "rolled out"]
    judged = [each for each in recent if each.outcome != "replaced" or each.failed]
    begin = min((each.since for each in records), default=None)
    return Delivery(
        rollouts=len(done),
        lead=_median(each.until - (each.committed or each.since) for each in done if each.until),
        weekly=len(done) / (_known(begin, now) / timedelta(days=7)) if begin else None,
        failure_share=sum(each.failed for each in judged) / len(judged) if judged else None,
        restore=_median(
            failure.until - failure.since
            for each in records
            for failure in each.failures
            if failure.until and failure.until > now - WINDOW
        ),
        since=begin,
    )


def _known(begin: datetime, now: datetime) -> timedelta:
    """How long the part of the window is that the history covers."""
    return min(WINDOW, max(timedelta(days=7), now - begin))


def _median(spans: Iterable[timedelta]) -> timedelta | None:
    found = [max(0.0, each.total_seconds()) for each in spans]
    return timedelta(seconds=median(found)) if found else None
