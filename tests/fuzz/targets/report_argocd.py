"""Notifications of Argo CD: headers, a blank line, the parts of an Application."""

import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

from bot.engine import discovery
from planners.model import Readiness
from plugins import MAX_MESSAGE_LENGTH, ReportError
from tests.fuzz import Target
from tests.fuzz.requests import message, request

KEY = b"k" * 64
COMMIT = "ab" * 20
STATUS: dict[str, Any] = {
    "sync": {"status": "Synced", "revision": COMMIT},
    "health": {"status": "Healthy", "lastTransitionTime": "2026-11-20T11:59:00Z"},
    "reconciledAt": "2026-11-20T11:58:00Z",
    "operationState": {
        "phase": "Succeeded",
        "startedAt": "2026-11-20T11:57:00Z",
        "finishedAt": "2026-11-20T11:57:30Z",
        "syncResult": {"revision": COMMIT},
    },
    "conditions": [],
}


def check(data: bytes) -> None:
    """Words are bounded, units are READY at a commit, and only who has the key is believed."""
    agent = discovery.agents()["argocd"]
    headers, body = request(data, lambda _: KEY.decode())
    if agent.verify(headers, body, KEY):
        assert KEY.decode() in headers["authorization"]
    try:
        words = agent.report("hub-1", body)
    except ReportError as error:
        assert len(str(error)) < 500
        return
    for word in words:
        assert len(word.message) <= MAX_MESSAGE_LENGTH
        stalled = word.readiness is Readiness.STALLED
        assert len(word.revision) == 40 or stalled or word.is_about_cluster
        assert word.at + timedelta() == word.at.astimezone(UTC)


def seeds() -> Iterator[bytes]:
    """Each readiness, of a cluster's own Argo CD and of a hub, of a component and of the root."""
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"sync": {"status": "OutOfSync", "revision": COMMIT}},
        {"health": {"status": "Degraded", "lastTransitionTime": "2026-11-20T11:59:00Z"}},
        {"conditions": [{"type": "ComparisonError", "message": "x"}]},
        {"operationState": {**STATUS["operationState"], "phase": "Failed"}},
        {"operationState": {**STATUS["operationState"], "finishedAt": "9999-12-31T23:59:59Z"}},
        {"reconciledAt": "0001-01-01T00:00:00+23:59"},
    )
    for name in ("storefront.web", "edge-1.storefront.web", "switchyard-a", "switchyard-a.edge-1"):
        for change in changes:
            item = {"metadata": {"name": name}, "status": {**STATUS, **change}}
            yield message({"authorization": "Bearer SIGN"}, json.dumps(item).encode())


WORDS = (b'"SharedResourceWarning"', b"9999-12-31T23:59:59-23:59", b'"Suspended"', b'"operation":')
TARGET = Target(check, seeds, WORDS, share=2)
