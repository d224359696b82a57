"""What metrics read of the store, and what the process that serves them really serves."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.app import build
from bot.cli.errors import InputError
from bot.cli.service import _metrics_served
from bot.metrics import catalogue as metrics
from bot.report.service_state import FRESH_SECONDS, ServiceState
from bot.settings import Settings
from tests.fakes.pages import NOON, Site, rollout
from tests.fakes.ports import reserved_port


class Reading:
    """The service state of a site, with its own watch."""

    def __init__(self, site: Site, problems: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self._state = ServiceState(site.context, lambda: problems, lambda: self.now)

    def __call__(self, metric: metrics.Metric) -> dict[str, float]:
        """The samples of a metric, by the values of their labels; zeros are left out."""
        return {
            " ".join(each.labels.values()): each.value
            for each in self._state()
            if each.metric is metric and each.value
        }


async def test_clusters_count_once_by_the_worst_that_runs_there(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.describe(["one", "two", "three", "four"])
    await site.show(rollout(["one", "two", "gone"], readiness={"two": "STALLED"}))
    await site.show(rollout(["three"], readiness={"three": "UNMERGED"}))
    reading = Reading(site)

    assert reading(metrics.CLUSTERS) == {"unmerged": 1, "empty": 3}
    assert reading(metrics.SILENT) == {}
    await site.show(rollout(["one", "two", "gone"], readiness={"two": "STALLED"}))
    assert reading(metrics.CLUSTERS) == {"unmerged": 1, "empty": 3}, "kept for half a minute"
    reading.now += FRESH_SECONDS
    assert reading(metrics.CLUSTERS) == {"ready": 1, "stalled": 1, "empty": 2}
    site.now += timedelta(days=365)
    reading.now += FRESH_SECONDS
    assert reading(metrics.SILENT) == {"": 2}


async def test_rollouts_and_waits_are_those_of_the_fleet(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.describe(["one"])
    view = replace(rollout(["one"]), done=False)
    await site.show(view)
    await site.show(replace(rollout(["one"], name="gone"), problems=("wrong",)))
    reading = Reading(site)

    assert reading(metrics.ROLLOUTS) == {"progressing": 1}
    assert reading(metrics.READY) == {"": 1}
    assert Reading(site, ("no",))(metrics.READY) == {}


async def test_queue_and_inbox_are_read_from_the_database(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.context.store.queue.trigger(["application/a"], NOON - timedelta(seconds=30))
    site.context.store.queue.trigger(["application/b"], NOON + timedelta(seconds=30))
    reading = Reading(site)

    assert reading(metrics.KEYS) == {"due": 1, "later": 1}
    assert reading(metrics.OLDEST) == {"": 30}
    assert reading(metrics.INBOX) == {}


def settings(tmp_path: Path, port: int) -> Settings:
    return Settings(
        data_dir=tmp_path,
        fleet="local:fleet/fleet",
        marker_key="marker-key-of-the-tests",
        report_key="report-key-of-the-tests",
        metrics_port=port,
        local_url="http://127.0.0.1:9",
        local_token="token-of-the-tests",
        local_webhook_secret="secret-of-the-tests",
    )


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as reserved:
        yield reserved


async def test_metrics_have_an_address_of_their_own(tmp_path: Path, port: int) -> None:
    chosen = settings(tmp_path, port)
    app, service = build(chosen, _never)
    routes = {getattr(route, "path", "") for route in app.routes}

    async with _metrics_served(chosen, service), httpx.AsyncClient(trust_env=False) as client:
        found = await client.get(f"http://127.0.0.1:{port}/metrics")
        elsewhere = await client.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(InputError, match=f":{port}: Address already in use; change SWITCH"):
            async with _metrics_served(chosen, service):
                pass
    await service.close()

    assert found.status_code == 200
    assert found.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nprocess_resident_memory_bytes " in found.text
    assert "\nswitchyard_build_info{python=" in found.text
    zero = 'switchyard_webhooks_total{forge="local",outcome="forged"} 0.0'
    assert zero in found.text, "the first one is an increase"
    assert "report-key" not in found.text
    assert elsewhere.status_code == 404
    assert "/metrics" not in routes
    assert await asyncio.to_thread(_is_free, port)


def _is_free(port: int) -> bool:
    with socket.create_server(("127.0.0.1", port)):
        return True


async def _never(_: object) -> object:
    raise AssertionError("nothing is planned")
