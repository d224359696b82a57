"""Metrics in Prometheus' text format; the only importer of prometheus_client.

What happens is counted where it happens, in memory. What is stored is read when somebody asks.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from threading import Lock

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.metrics.catalogue import CATALOGUE, Kind, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of a metric for some labels, as it is now."""

    metric: Metric
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class Metrics:
    """The metrics of one process; threads may use them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._lock = Lock()
        self._made: dict[str, Counter | Histogram] = {}

    def count(self, metric: Metric, amount: int = 1, /, **labels: str) -> None:
        """Count an event."""
        found = self._of(metric, labels)
        assert isinstance(found, Counter)
        found.inc(amount)

    def observe(self, metric: Metric, value: float, **labels: str) -> None:
        """Add a value to a histogram."""
        found = self._of(metric, labels)
        assert isinstance(found, Histogram)
        found.observe(value)

    def _of(self, metric: Metric, labels: Mapping[str, str]) -> Counter | Histogram:
        with self._lock:
            if metric.name not in self._made:
                self._made[metric.name] = self._make(metric)
            made = self._made[metric.name]
        return made.labels(**_bounded(metric, labels)) if metric.labels else made

    def _make(self, metric: Metric) -> Counter | Histogram:
        names = tuple(metric.labels)
        if metric.kind is Kind.COUNTER:
            return Counter(metric.name, metric.help, names, registry=self._registry)
        return Histogram(
            metric.name, metric.help, names, registry=self._registry, buckets=metric.buckets
        )

    @contextmanager
    def timed(self, metric: Metric, **labels: str) -> Iterator[dict[str, str]]:
        """Measure a block; it may change the labels until it ends, however it ends."""
        began = time.monotonic()
        try:
            yield labels
        finally:
            self.observe(metric, time.monotonic() - began, **labels)

    @contextmanager
    def counted(self, metric: Metric, **labels: str) -> Iterator[dict[str, str]]:
        """Count a block; it may change the labels until it ends, however it ends."""
        try:
            yield labels
        finally:
            self.count(metric, **labels)

    def text(self, read: Callable[[], Iterable[Sample]]) -> bytes:
        """Everything in Prometheus' text format, with the samples that `read` finds now."""
        now = CollectorRegistry()
        samples = list(read())
        now.register(_Read(samples))
        self._begin_at_zero({each.metric.name for each in samples})
        return generate_latest(now) + generate_latest(self._registry)

    def _begin_at_zero(self, read: Collection[str]) -> None:
        """Expose counters before their first event: else nobody sees it as an increase."""
        for metric in CATALOGUE:
            values = [each for each in metric.labels.values() if isinstance(each, tuple)]
            if metric.kind is not Kind.COUNTER or metric.name in read:
                continue
            if len(values) == len(metric.labels):
                for each in product(*values):
                    self.count(metric, 0, **dict(zip(metric.labels, each, strict=True)))

    def expose_process(self) -> None:
        """Add the metrics of the process itself: memory, CPU, file descriptors, garbage."""
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)


class _Read(Collector):
    """Samples as families."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """See the library; in the order of the catalogue."""
        found: dict[str, list[Sample]] = {}
        for each in self._samples:
            found.setdefault(each.metric.name, []).append(each)
        for metric in CATALOGUE:
            if metric.name in found:
                kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
                family = kind(metric.name, metric.help, labels=tuple(metric.labels))
                for each in found[metric.name]:
                    values = _bounded(metric, each.labels)
                    family.add_metric([values[name] for name in metric.labels], each.value)
                yield family


def _bounded(metric: Metric, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels, with `other` for a value that the catalogue does not list."""
    found: dict[str, str] = {}
    for name, values in metric.labels.items():
        value = labels[name]
        found[name] = value if isinstance(values, str) or value in values else OTHER
    return found
