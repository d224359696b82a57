"""Values of queries to Prometheus, which policies name."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from bot.outbound import Server
from bot.outbound.prometheus import PrometheusError, query
from bot.signals import Samples, Source, World
from planners.model.rules import Query
from planners.model.signals import Sample, SignalKey, SignalKind

SECONDS = 5.0
"""A pass waits for a server so long."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MetricSource:
    """Asks each query once; a server that is away costs a sample, none says 0."""

    name: str = "metric"
    summary: str = "the value of a query to Prometheus that a policy names"
    kind: SignalKind = SignalKind.METRIC
    every: timedelta = timedelta(seconds=15)

    async def read(self, wanted: Sequence[SignalKey], world: World) -> Samples:
        """One sample of each query that a server answers."""
        asked = [(key, world.queries[key.name]) for key in wanted if key.name in world.queries]
        found = await asyncio.gather(*(_sample(each, world) for _, each in asked))
        named = zip((key for key, _ in asked), found, strict=True)
        return {key: (sample,) for key, sample in named if sample is not None}


async def _sample(asked: Query, world: World) -> Sample | None:
    server = Server(asked.address, asked.private_network)
    token = world.keys.get(urlsplit(asked.address).netloc, b"").decode()
    assert world.outbound is not None
    try:
        async with asyncio.timeout(SECONDS):
            value = await query(world.outbound, server, asked.expression, world.now, token=token)
    except (PrometheusError, TimeoutError) as error:
        log.warning("query not answered", query=asked.name, error=str(error) or "no answer in time")
        return None
    return Sample.of(value, world.now)


SOURCE: Source = MetricSource()
