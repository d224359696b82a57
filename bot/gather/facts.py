"""Reported facts, kept by cluster among the views: the newest one of each is all that counts."""

from typing import Any

from bot.documents.facts import FactsReport
from bot.store.views import Views
from planners.model.snapshot import ReportedFacts

PREFIX = "facts/"


def keep_reported(views: Views, cluster: str, value: dict[str, Any]) -> None:
    """Keep a report that was read without a mistake, unless a younger one is there."""
    known = views.get(PREFIX + cluster)
    new = FactsReport.model_validate(value)
    if known is None or FactsReport.model_validate(known).at < new.at:
        views.put(PREFIX + cluster, value)


def read_reported(views: Views) -> dict[str, ReportedFacts]:
    """The newest facts of every cluster that reported some."""
    return {
        key.removeprefix(PREFIX): FactsReport.model_validate(value).value()
        for key, value in views.list(PREFIX)
    }
