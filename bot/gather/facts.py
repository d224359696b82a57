"""Reported facts, kept by cluster among the views: the newest one of each is all that counts.

Addresses are kept by themselves. They hold until others are reported, and whoever reports them
need not be the one who measures the rest.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.documents.addresses import Reported
from bot.documents.facts import FactsReport
from bot.store.keys import ADDRESSES, FACTS
from bot.store.views import Views
from planners.model.snapshot import ReportedFacts

_AT, _ADDRESSES = "at", "addresses"


def keep_reported(
    views: Views, cluster: str, value: dict[str, Any], now: datetime
) -> frozenset[str]:
    """Keep a report that was read without a mistake, unless a younger one is there.

    Facts of a clock that is ahead are those of now: they do not stay fresh for longer. Returns the
    cluster if its addresses have changed.
    """
    return keep_all_reported(views, {cluster: (value, now)})


def keep_all_reported(
    views: Views, reported: Mapping[str, tuple[dict[str, Any], datetime]]
) -> frozenset[str]:
    """Keep what several clusters reported, as `keep_reported` does."""
    found: dict[str, tuple[dict[str, Any], datetime]] = {}
    for cluster, (value, now) in reported.items():
        at = min(FactsReport.model_validate(value).at, now)
        measured = {name: each for name, each in value.items() if name != _ADDRESSES}
        if _ADDRESSES in value:
            found[ADDRESSES + cluster] = {_ADDRESSES: value[_ADDRESSES]}, at
        if measured.keys() - {_AT} or _ADDRESSES not in value:
            found[FACTS + cluster] = measured, at
    known = views.get_each(found)
    kept = {
        key: {**value, _AT: at.isoformat()}
        for key, (value, at) in found.items()
        if key not in known or FactsReport.model_validate(known[key]).at < at
    }
    views.put_all(kept)
    return frozenset(
        key.removeprefix(ADDRESSES)
        for key, value in kept.items()
        if key.startswith(ADDRESSES) and value[_ADDRESSES] != known.get(key, {}).get(_ADDRESSES)
    )


def read_reported(views: Views) -> dict[str, ReportedFacts]:
    """The newest facts of every cluster that reported some."""
    return {
        key.removeprefix(FACTS): FactsReport.model_validate(value).value()
        for key, value in views.list(FACTS)
    }


def read_facts(views: Views, cluster: str) -> ReportedFacts | None:
    """The newest facts of one cluster, if it reported any."""
    found = views.get(FACTS + cluster)
    return None if found is None else FactsReport.model_validate(found).value()


def read_addresses(views: Views, clusters: Iterable[str]) -> Reported:
    """The newest addresses of every cluster that reported some, as they were validated."""
    found = views.get_each(ADDRESSES + cluster for cluster in clusters)
    return {
        key.removeprefix(ADDRESSES): {
            namespace: {name: tuple(sorted(set(each))) for name, each in services.items()}
            for namespace, services in value[_ADDRESSES].items()
        }
        for key, value in found.items()
    }
