"""Conversations that `make acceptance` recorded from real agents end in the state that was real.

Each event is parsed by its agent's plugin and stored as the service does, in the order in which it
came, and in other orders that can occur within a second.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from bot.engine import discovery
from bot.store import Store

DATA = Path(__file__).parents[1] / "data"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
READY, STALLED = "READY", "STALLED"
CANARY, OTHER, THIRD = "eu-core-1", "ap-edge-1", "us-core-1"
COMPONENTS = ("cart-redis", "currency")
EVERYWHERE = {(name, cluster): READY for name in COMPONENTS for cluster in (CANARY, OTHER)}
WEB = ("web", "eu-1")
SET_UP = {("namespace", cluster): READY for cluster in (CANARY, OTHER)}
ENDS: dict[str, dict[tuple[str, str], str]] = {
    "flux/tenant": SET_UP,
    "flux/rollout": EVERYWHERE,
    "flux/failure": {("currency", CANARY): STALLED, ("cart-redis", CANARY): READY},
    "flux/rollback": EVERYWHERE,
    "argocd/notifications": {(name, THIRD): READY for name in COMPONENTS},
    "anthos/rollout": {WEB: READY},
    "anthos/failure": {WEB: STALLED},
    "anthos/correction": {WEB: READY},
    "anthos/refusal": {WEB: STALLED},
    "anthos/removal": {WEB: READY},
}
"""The last state of units, by component and cluster."""


def recorded(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text())["events"]
    return found


def second_of(each: dict[str, Any]) -> str:
    """The second of an event, in which the orders of arrival differ."""
    event = each["event"]
    if "status" in event:
        return str(event["status"]["reconciledAt"])
    return str(event["timestamp"] if "timestamp" in event else event["at"])


def backwards_within_seconds(events: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same events, those of each cluster's second in the opposite order."""
    by_time = sorted(events, key=second_of)
    for _, group in groupby(by_time, key=second_of):
        yield from reversed(list(group))


def last_states(name: str, events: list[dict[str, Any]], url: str) -> dict[tuple[str, str], str]:
    """The state of each unit at its newest revision: the one that was first heard of last."""
    agent = discovery.agents()[name.partition("/")[0]]
    newest: dict[tuple[str, str], str] = {}
    revisions: list[str] = []
    with closing(Store.open(url)) as store:
        applications = set()
        for each in events:
            for word in agent.report(each["cluster"], json.dumps(each["event"]).encode()):
                store.reports.record(word, NOW)
                applications.add(word.application)
                if word.revision not in revisions:
                    revisions.append(word.revision)
        rows = [row for each in applications for row in store.reports.of_application(each)]
    for row in sorted(rows, key=lambda row: revisions.index(row.revision)):
        newest[row.component, row.cluster] = row.readiness
    return newest


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("order", [list, backwards_within_seconds], ids=["as it came", "reversed"])
def test_a_recorded_conversation_ends_in_the_real_state(
    name: str, order: Any, tmp_path: Path
) -> None:
    states = last_states(name, list(order(recorded(name))), f"sqlite:///{tmp_path / 'store.db'}")

    assert ENDS[name].items() <= states.items()


def test_every_recording_is_replayed() -> None:
    agents = ("anthos", "argocd", "flux")
    found = (path for agent in agents for path in DATA.glob(f"{agent}/*.json"))
    files = {f"{path.parent.name}/{path.stem}" for path in found}

    assert files - {"argocd/currency", "flux/containment"} == set(ENDS)
