"""Where the values come from that rules watch; one file for each kind, exporting `SOURCE`.

A source is the only one that knows what a signal is made of. It returns samples; it keeps nothing,
and decides nothing. `bot.gather.signals` keeps the newest samples of each signal among the views,
where losing them costs time only. Two ways lead there:

- what is asked on the clock (a query, a schedule, what clusters reported): `Source.read`, once in
  each pass of an application whose rules name such a signal;
- what others send (alerts): the handler of the request in `bot.web` verifies it, keeps what it says
  (`bot.gather.alerts`) and wakes the applications; `World` has it for the source.

Whatever cannot be read is no data: a source returns no sample for it, or one whose value is None.
It raises nothing, and never returns 0 for what it does not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.outbound import Outbound
from planners.model.rules import Query
from planners.model.signals import Sample, SignalKey, SignalKind
from planners.model.snapshot import ReportedFacts

Samples = Mapping[SignalKey, tuple[Sample, ...]]


@dataclass(frozen=True, slots=True)
class World:
    """What sources may read: the time, what clusters and others said last, and servers.

    `queries` are those of the newest policies that are for the tenant, by name; `keys` are the
    bearer tokens of their servers, by host.
    """

    now: datetime
    facts: Mapping[str, ReportedFacts] = field(default_factory=dict)
    alerts: Mapping[SignalKey, Sample] = field(default_factory=dict)
    queries: Mapping[str, Query] = field(default_factory=dict)
    outbound: Outbound | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)


class Source(Protocol):
    """Where one kind of signal comes from."""

    @property
    def name(self) -> str:
        """The kind of its signals; also the name of its file."""

    @property
    def summary(self) -> str:
        """What it measures, as a phrase; the reference pages show it."""

    @property
    def kind(self) -> SignalKind:
        """The kind of its signals."""

    @property
    def every(self) -> timedelta:
        """How long a sample is young enough, so that none is asked for."""

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """The samples of some signals of its kind that are known now, within limits of time."""
