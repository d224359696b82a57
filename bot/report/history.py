"""The rollouts of an application, the newest first: when each wave merged and was ready, outcomes.

Made from the views of passes, pass by pass, and kept in the store alone: after a loss of the
database it begins anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from bot.report.model import MergeRequestView, ProgressView, RolloutView
from bot.store import keys
from bot.store.views import ViewKind
from planners.gating.evaluate import WaveState

MOST_ROLLOUTS, MOST_WAVES, MOST_FAILURES, WITH_WAVES = 60, 200, 20, 3
Outcome: TypeAlias = Literal["under way", "rolled out", "rolled back", "replaced"]


@dataclass(frozen=True, slots=True)
class WaveTimes:
    """When a wave was first seen, merged and ready, as far as it is."""

    name: str
    since: datetime
    merged: datetime | None = None
    ready: datetime | None = None


@dataclass(frozen=True, slots=True)
class FailureSpan:
    """From the first report of a failure until no cluster reported one."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """One rollout; `count` is the number of its waves, `waves` is kept for the newest ones.

    `committed` is when the revision was committed to the default branch.
    """

    revision: str
    digest: str
    since: datetime
    outcome: Outcome
    headline: str
    count: int
    until: datetime | None = None
    committed: datetime | None = None
    request: MergeRequestView | None = None
    failures: tuple[FailureSpan, ...] = ()
    waves: tuple[WaveTimes, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a cluster reported a failure, or it was rolled back."""
        return bool(self.failures) or self.outcome == "rolled back"


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The newest rollouts of an application, newest first."""

    rollouts: tuple[RolloutRecord, ...] = ()


HISTORY = ViewKind(keys.HISTORY, HistoryView)


def with_pass(known: HistoryView, view: RolloutView, after: ProgressView) -> HistoryView:
    """The history after a pass.

    What was done when it was first seen is no rollout: its times are not known.
    """
    if after.state in {"idle", "invalid"}:
        return known
    newest = known.rollouts[0] if known.rollouts else None
    if newest is not None and _continues(newest, view):
        return replace(known, rollouts=(_updated(newest, view, after), *known.rollouts[1:]))
    if after.state == "done":
        return known
    earlier = [_ended(each, view.at) for each in known.rollouts[: MOST_ROLLOUTS - 1]]
    older = [replace(each, waves=()) for each in earlier[WITH_WAVES - 1 :]]
    record = RolloutRecord(
        revision=view.revision,
        digest=view.digest,
        since=after.since,
        outcome="under way",
        headline="",
        count=0,
        committed=view.committed,
    )
    rollouts = (_updated(record, view, after), *earlier[: WITH_WAVES - 1], *older)
    return HistoryView(rollouts)


def _continues(newest: RolloutRecord, view: RolloutView) -> bool:
    """Whether the pass belongs to the newest rollout, in which clusters can fail after its end."""
    same = newest.revision == view.revision
    return same and (newest.until is None or newest.digest == view.digest)


def _ended(record: RolloutRecord, at: datetime) -> RolloutRecord:
    """A rollout that another one has replaced, if it was under way."""
    if record.until is not None:
        return record
    return replace(record, until=at, outcome="replaced", failures=_closed(record.failures, at))


def _updated(record: RolloutRecord, view: RolloutView, after: ProgressView) -> RolloutRecord:
    now, done = view.at, after.state == "done"
    failures = _failures(record.failures, after, now)
    if record.until is not None:
        return replace(record, failures=failures)
    outcome: Outcome = "under way"
    if done:
        outcome = "rolled back" if view.rolls_back else "rolled out"
    return replace(
        record,
        digest=view.digest,
        outcome=outcome,
        headline=view.headline,
        count=len(view.waves),
        until=now if done else None,
        request=view.home or record.request,
        failures=failures,
        waves=tuple(_waves(record.waves, view)),
    )


def _failures(
    known: tuple[FailureSpan, ...], after: ProgressView, now: datetime
) -> tuple[FailureSpan, ...]:
    failing = bool(known) and known[-1].until is None
    if after.failing_since is not None and not failing:
        return (*known, FailureSpan(after.failing_since))[-MOST_FAILURES:]
    return _closed(known, now) if failing and after.failing_since is None else known


def _closed(failures: tuple[FailureSpan, ...], now: datetime) -> tuple[FailureSpan, ...]:
    if not failures or failures[-1].until is not None:
        return failures
    return (*failures[:-1], replace(failures[-1], until=now))


def _waves(known: Iterable[WaveTimes], view: RolloutView) -> Iterable[WaveTimes]:
    """The waves that were not done when they were first seen."""
    times = {each.name: each for each in known}
    for wave in view.waves[:MOST_WAVES]:
        done = wave.state is WaveState.DONE
        found = times.get(wave.name)
        if found is None and not done:
            found = WaveTimes(wave.name, view.at)
        if found is None:
            continue
        if found.merged is None and (done or wave.state is WaveState.SETTLING):
            found = replace(found, merged=view.at)
        if found.ready is None and done:
            found = replace(found, ready=view.at)
        yield found
