"""What an Alertmanager says: read, kept once, whatever is repeated, late or made up."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.documents.alerts import NotificationError, read_alerts
from bot.gather import alerts
from bot.signals import World
from bot.signals.alert import AlertSource
from bot.store import Store
from planners.model.alerts import MOST_ALERTS, Alert, Alerts
from planners.model.signals import MAX_AGES, Sample, SignalKey, SignalKind

RECORDED = Path(__file__).parents[2] / "data/alertmanager/notifications.json"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE, FAR = timedelta(minutes=1), NOW + timedelta(days=9)
BUSY = SignalKey(SignalKind.ALERT, "Busy")


def told(*, fires: bool = True, began: datetime = NOW, of: str = "a", on: str = "one") -> Alert:
    return Alert("Busy", of, on, began, fires)


def after(*words: tuple[int, Iterable[Alert]]) -> Alerts:
    """What is known after notifications, each at a minute."""
    known = Alerts()
    for minute, alert in words:
        known = known.hear(alert, NOW + minute * MINUTE)
    return known


def test_one_fires_on_its_cluster_and_anywhere() -> None:
    known = after((1, [told(), told(of="b", on="two", fires=False)]))

    assert known.sample("") == Sample(1.0, NOW + MINUTE)
    assert known.sample("one") == Sample(1.0, NOW + MINUTE)
    assert known.sample("two") == Sample(0.0, NOW + MINUTE)
    assert known.sample("three") is None


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([(1, [told()]), (2, [told(fires=False)])], 0.0),
        ([(1, [told()]), (2, [told(fires=False)]), (3, [told()])], 0.0),
        ([(2, [told(fires=False)]), (3, [told()])], 0.0),
        ([(1, [told()]), (2, [told(fires=False)]), (3, [told(began=NOW + MINUTE)])], 1.0),
        ([(1, [told(began=NOW + MINUTE)]), (2, [told(fires=False)])], 1.0),
        ([(1, [told(began=FAR)]), (2, [told(fires=False, began=FAR)])], 0.0),
    ],
)
def test_the_newest_word_about_the_newest_activation_counts(words: Any, value: float) -> None:
    found = after(*words).sample("one")

    assert found is not None
    assert found.value == value


def test_what_was_not_repeated_is_forgotten_and_none_is_too_many() -> None:
    hours = MAX_AGES[SignalKind.ALERT]
    many = [told(of=f"{number:05}") for number in range(MOST_ALERTS + 5)]

    assert Alerts().hear([told()], NOW).hear([], NOW + hours + MINUTE).sample("") is None
    assert len(Alerts().hear(many, NOW).heard) == MOST_ALERTS


def test_alerts_that_nobody_watches_leave_nothing(store: Store) -> None:
    alerts.watch(store.views, "shop", ["Busy"])

    assert alerts.hear(store.views, [Alert("Other", "a", "", NOW, True)], NOW) == frozenset()
    assert alerts.hear(store.views, [told()], NOW) == {"shop"}
    assert alerts.hear(store.views, [told()], NOW + MINUTE) == frozenset(), "a repeat"
    assert alerts.hear(store.views, [told(fires=False)], NOW + 2 * MINUTE) == {"shop"}
    other = SignalKey(SignalKind.ALERT, "Other")
    assert alerts.read(store.views, [BUSY, other]) == {BUSY: Sample(0.0, NOW + 2 * MINUTE)}

    alerts.watch(store.views, "shop", [])
    assert alerts.hear(store.views, [told(began=NOW + MINUTE)], NOW + 3 * MINUTE) == frozenset()


async def test_the_source_has_what_was_heard() -> None:
    other, sample = SignalKey(SignalKind.ALERT, "Other"), Sample(1.0, NOW)

    found = await AlertSource().read([BUSY, other], World(NOW, alerts={BUSY: sample}))

    assert found == {BUSY: (sample,)}


def notification(**changed: Any) -> bytes:
    """As in the documentation of Alertmanager, shortened."""
    alert = {
        "status": "firing",
        "labels": {"alertname": "Busy", "cluster": "one"},
        "annotations": {},
        "startsAt": "2026-11-29T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": "5ef77f1f8a3ecf8d",
        **changed,
    }
    return json.dumps({"version": "4", "groupKey": "{}", "alerts": [alert]}).encode()


def test_a_notification_is_read() -> None:
    began = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)

    assert read_alerts(notification()) == [Alert("Busy", "5ef77f1f8a3ecf8d", "one", began, True)]
    assert read_alerts(notification(labels={"severity": "page"})) == []


def test_what_an_alertmanager_posted_is_read() -> None:
    """Recorded by `tests/tools/record_alertmanager.py`: it fires, and it is resolved."""
    heard = [read_alerts(json.dumps(each).encode()) for each in json.loads(RECORDED.read_text())]

    (fires,), (resolved,) = heard
    assert (fires.name, fires.cluster, fires.fires) == ("Busy", "", True)
    assert resolved == replace(fires, fires=False)
    known = after((1, [fires]), (2, [fires]), (3, [resolved]), (4, [fires]))
    assert known.sample("") == Sample(0.0, NOW + 3 * MINUTE)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 100_000, "body: Invalid JSON"),
        (b"{}", "version: Field required"),
        (b'{"version": "3", "alerts": []}', "version: Input should be '4'"),
        (notification(status="gone"), "alerts.0.status: Input should be 'firing' or 'resolved'"),
        (notification(startsAt="yesterday"), "alerts.0.startsAt: Input should be a valid datetime"),
        (notification(startsAt="2026-11-29T12:00:00"), "alerts.0.startsAt: Input should have time"),
        (notification(fingerprint=""), "alerts.0.fingerprint: String should have at least 1"),
        (notification(labels={"alertname": 7}), "alerts.0.labels.alertname: Input should be"),
    ],
)
def test_what_is_no_notification_is_refused_with_its_place(body: bytes, said: str) -> None:
    with pytest.raises(NotificationError, match=r".") as refused:
        read_alerts(body)

    assert str(refused.value).startswith(said)
