"""Reported facts, kept by cluster among the views: the newest one of each is all that counts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.documents.facts import FactsReport
from bot.store.keys import FACTS
from bot.store.views import Views
from planners.model.snapshot import ReportedFacts


def keep_reported(views: Views, cluster: str, value: dict[str, Any], now: datetime) -> None:
    """Keep a report that was read without a mistake, unless a younger one is there.

    Facts of a clock that is ahead are those of now: they do not stay fresh for longer.
    """
    keep_all_reported(views, {cluster: (value, now)})


def keep_all_reported(
    views: Views, reported: Mapping[str, tuple[dict[str, Any], datetime]]
) -> None:
    """Keep what several clusters reported, as `keep_reported` does."""
    known = views.get_each(FACTS + cluster for cluster in reported)
    kept: dict[str, dict[str, Any]] = {}
    for cluster, (value, now) in reported.items():
        at, last = min(FactsReport.model_validate(value).at, now), known.get(FACTS + cluster)
        if last is None or FactsReport.model_validate(last).at < at:
            kept[FACTS + cluster] = {**value, "at": at.isoformat()}
    views.put_all(kept)


def read_reported(views: Views) -> dict[str, ReportedFacts]:
    """The newest facts of every cluster that reported some."""
    return {
        key.removeprefix(FACTS): FactsReport.model_validate(value).value()
        for key, value in views.list(FACTS)
    }
