"""Facts that a cluster reports: kept only if they can be read again, compared and planned with."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bot.documents.facts import FactsReport
from tests.fuzz import Target

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FACTS = {
    "at": "2026-11-20T11:59:00Z",
    "free": {"cpu": "1500m", "memory": "2Gi"},
    "price": {"cpuHour": 0.03, "memoryGibHour": 0.004},
    "carbon": 120,
    "latency": {"berlin": 12.5},
    "scores": {"trust": 80},
}


def check(data: bytes) -> None:
    """As the service reads them: ValueError, RecursionError, or facts that can be kept."""
    try:
        value = json.loads(data)
        read = FactsReport.model_validate(value)
    except (ValueError, RecursionError):
        return
    read.at > NOW + timedelta(minutes=10)  # noqa: B015 - any time can be compared
    again = FactsReport.model_validate(json.loads(json.dumps(value)))
    assert again.value() == read.value()
    read.at.astimezone(UTC)


def seeds() -> Iterator[bytes]:
    """All fields, and none but the time."""
    yield json.dumps(FACTS).encode()
    yield json.dumps({"at": "9999-12-31T23:59:59-23:59"}).encode()
    yield json.dumps({"at": FACTS["at"], "free": {"cpu": "1e9999"}, "carbon": 1e308}).encode()


WORDS = (b"1e9999", b"NaN", b"Infinity", b'"free":', b'"scores":', b"0001-01-01T00:00:00+23:59")
TARGET = Target(check, seeds, WORDS, share=2)
