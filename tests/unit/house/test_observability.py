"""Dashboard and alerts speak of metrics that exist, with labels and values that they have."""

import json
import re
from collections.abc import Iterator

import pytest

from bot.metrics.catalogue import CATALOGUE, Kind, Metric
from docs import observability
from renderers.yaml import load_documents

SUFFIXES = ("_bucket", "_count", "_sum")


def _by_series() -> dict[str, Metric]:
    found = {}
    for each in CATALOGUE:
        names = [each.name]
        if each.kind is Kind.HISTOGRAM:
            names = [each.name + suffix for suffix in SUFFIXES]
        found |= dict.fromkeys(names, each)
    return found


SERIES = _by_series()


def expressions() -> Iterator[str]:
    for panel in json.loads(observability.dashboard())["panels"]:
        yield from (each["expr"] for each in panel.get("targets", ()))
    yield from (each.expression for each in observability.ALERTS)


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_names_metrics_and_labels_of_the_list(expression: str) -> None:
    names = re.findall(r"switchyard_\w+", expression)
    labels = {name for each in names for name in (*SERIES[each].labels, "le")}

    assert names
    for group in re.findall(r"by \(([^)]*)\)", expression):
        assert set(group.split(", ")) <= labels
    for label, pattern in re.findall(r'(\w+)=~?"([^"]*)"', expression):
        values = SERIES[names[0]].labels[label]
        assert isinstance(values, str) or set(pattern.split("|")) <= set(values)


def test_shared_gauges_are_not_added_up_over_replicas() -> None:
    for expression in expressions():
        for name in re.findall(r"switchyard_\w+", expression):
            if SERIES[name].shared:
                assert re.search(rf"max( by \([^)]*\) )?\({name}", expression), expression


def test_every_metric_is_on_the_dashboard() -> None:
    drawn = {
        SERIES[name].name for each in expressions() for name in re.findall(r"switchyard_\w+", each)
    }

    assert drawn == {each.name for each in CATALOGUE}


def test_panels_have_places_of_their_own() -> None:
    panels = json.loads(observability.dashboard())["panels"]
    cells = [
        (place["x"] + column, place["y"] + line)
        for place in (panel["gridPos"] for panel in panels)
        for column in range(place["w"])
        for line in range(place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert max(x for x, _ in cells) < observability.COLUMNS


def test_the_file_of_alerts_is_what_prometheus_loads() -> None:
    (document,) = load_documents(observability.alerts().encode())
    (group,) = document.value["groups"]

    assert [each["alert"] for each in group["rules"]] == [e.name for e in observability.ALERTS]
    for rule, alert in zip(group["rules"], observability.ALERTS, strict=True):
        assert rule["expr"] == alert.expression
        assert rule["annotations"] == {"summary": alert.summary, "description": alert.action}
