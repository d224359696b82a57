"""The list of metrics, and Prometheus' own reading of what is served."""

import re
import types
from collections.abc import Iterator
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.effects import model
from bot.metrics import Metrics, Sample
from bot.metrics.catalogue import (
    CATALOGUE,
    EFFECTS,
    FORGE_REQUESTS,
    MERGES,
    PASSES,
    REPORTS,
    ROLLOUTS,
    Kind,
    Metric,
    label,
)
from planners.gating import effects as planned

UNITS = ("_seconds", "_bytes", "_info")
NAMES_OF_OTHERS = re.compile("application|cluster|tenant|repo|user|branch|url|path|component")
COUNTED_ELSEWHERE = {"PushBranch", "SetOrderStatus", "AskGate", "RequeueAt"}
"""Pushes have a metric, statuses are set as a SetStatus, and two change nothing on a forge."""


def served(metrics: Metrics, *samples: Sample) -> dict[tuple[str, ...], float]:
    """Each sample's value by its name and the values of its labels."""
    text = metrics.text(lambda: samples).decode()
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_and_labels_follow_the_conventions(metric: Metric) -> None:
    """https://prometheus.io/docs/practices/naming/ and .../instrumentation/."""
    assert re.fullmatch(r"switchyard_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert bool(metric.buckets) is (metric.kind is Kind.HISTOGRAM)
    if metric.kind is Kind.HISTOGRAM:
        assert metric.name.endswith(UNITS)
        assert list(metric.buckets) == sorted(metric.buckets)
    assert metric.help.endswith(".")
    assert not any(NAMES_OF_OTHERS.search(name) for name in metric.labels)
    for values in metric.labels.values():
        assert isinstance(values, str) or len(values) == len(set(values)) <= 30


def test_every_effect_on_a_forge_has_a_label() -> None:
    unions: tuple[types.UnionType, ...] = (planned.Effect, model.Effect)
    names = {each.__name__ for union in unions for each in get_args(union)}

    assert {label(name) for name in names - COUNTED_ELSEWHERE} == set(EFFECTS)


def test_what_is_counted_is_served_as_prometheus_reads_it() -> None:
    metrics = Metrics()
    metrics.count(MERGES, outcome="merged")
    metrics.count(MERGES, 2, outcome="merged")
    with metrics.timed(PASSES, kind="review", outcome="defect") as told:
        told["outcome"] = "done"
    with pytest.raises(ZeroDivisionError), metrics.timed(PASSES, kind="review", outcome="lost"):
        raise ZeroDivisionError

    found = served(metrics, Sample(ROLLOUTS, 3, {"state": "done"}))

    assert found["switchyard_merges_total", "merged"] == 3
    assert found["switchyard_merges_total", "refused"] == 0, "counters begin at zero"
    assert found["switchyard_pass_duration_seconds_count", "review", "done"] == 1
    assert found["switchyard_pass_duration_seconds_count", "review", "lost"] == 1
    assert found["switchyard_rollouts", "done"] == 3


def test_a_label_takes_no_value_that_the_list_does_not_have() -> None:
    """A key of the queue or the agent of a request never becomes a new time series."""
    metrics = Metrics()
    metrics.observe(PASSES, 1.0, kind="storefront", outcome="done")
    metrics.count(REPORTS, agent="flux", outcome="recorded")

    found = served(metrics)

    assert found["switchyard_pass_duration_seconds_count", "other", "done"] == 1
    assert found["switchyard_reports_total", "flux", "recorded"] == 1


def test_counters_that_are_read_elsewhere_are_served_once() -> None:
    sample = Sample(FORGE_REQUESTS, 7, {"forge": "gitlab", "outcome": "done"})

    text = Metrics().text(lambda: [sample]).decode()

    assert text.count("# TYPE switchyard_forge_requests_total counter") == 1
    assert 'switchyard_forge_requests_total{forge="gitlab",outcome="done"} 7.0' in text


def test_nothing_is_served_that_has_no_meaning_in_the_list() -> None:
    names = {each.name for each in CATALOGUE}

    assert set(_families(Metrics().text(list).decode())) <= names


def _families(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            yield line.split()[2]
