"""Status documents of clusters: read as a whole, or refused with one kind of error."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.documents.cluster_status import read_cluster_status, write_cluster_status
from plugins import ReportError
from tests.fuzz import Target

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DOCUMENT = {
    "apiVersion": "switchyard.dev/v1alpha1",
    "kind": "ClusterStatus",
    "cluster": "edge-17",
    "at": "2026-11-20T12:00:00Z",
    "sequence": 1763640000,
    "agent": [{"part": "source", "readiness": "STALLED", "message": "cannot fetch"}],
    "units": [
        {
            "application": "shop",
            "component": "web",
            "readiness": "READY",
            "revision": "c" * 40,
            "message": "Applied",
        }
    ],
    "facts": {"at": "2026-11-20T11:59:00Z", "carbon": 120},
}


def check(data: bytes) -> None:
    """What counts can be compared with other times, and is the same when a reporter writes it."""
    try:
        status = read_cluster_status(data)
    except ReportError:
        return
    status.at > NOW  # noqa: B015 - any time can be compared
    words = status.words()
    again = read_cluster_status(write_cluster_status(status.cluster, words, NOW))
    said = [(each.component, each.revision, each.readiness) for each in again.words()]
    assert said == [(each.component, each.revision, each.readiness) for each in words]


def seeds() -> Iterator[bytes]:
    """All fields, and none that may be left out."""
    yield json.dumps(DOCUMENT).encode()
    least = {key: DOCUMENT[key] for key in ("apiVersion", "kind", "cluster", "at", "sequence")}
    yield json.dumps(least).encode()


WORDS = (b'"agent":', b'"units":', b'"sequence":9223372036854775807', b'"STALLED"', b"9999-12-31")
TARGET = Target(check, seeds, WORDS)
