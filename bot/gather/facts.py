"""Reported facts, kept by cluster among the views: the newest one of each is all that counts."""

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
    known = views.get(FACTS + cluster)
    at = min(FactsReport.model_validate(value).at, now)
    if known is None or FactsReport.model_validate(known).at < at:
        views.put(FACTS + cluster, {**value, "at": at.isoformat()})


def read_reported(views: Views) -> dict[str, ReportedFacts]:
    """The newest facts of every cluster that reported some."""
    return {
        key.removeprefix(FACTS): FactsReport.model_validate(value).value()
        for key, value in views.list(FACTS)
    }
