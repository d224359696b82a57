"""Rules that watch Prometheus and Alertmanager themselves, scraping a small load program.

The rules, the policy, and the configurations of both programs are those of the guide "Watch
Prometheus"; only times and addresses are replaced.
"""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import yaml as plain_yaml

from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.site import APP, DEPLOY, FLEET
from tests.fakes.world import manifest, small_fleet
from tests.trials.monitoring import Monitoring, find_programs, snippet
from tests.trials.rig import Replica, Rig
from tests.trials.trials import Measured, Trial, one

TOKEN = "token-of-the-alertmanager-here"
BUSY, CALM = 0.95, 0.1
WEBHOOK = 'integration="webhook"'
SENT = ("alertmanager_notifications_total", WEBHOOK)
FAILED = ("alertmanager_notifications_failed_total", WEBHOOK)
ENDED = ("alertmanager_alerts_received_total", 'status="resolved"')
PER_HOUR = 20
REPEATS = 4
UNANSWERED = 2
TIMES = {"for": "2s", "cooldown": "5s", "pace": "2s"}
"""What replaces the minutes of the guide."""


def application(rules: str) -> dict[str, bytes | None]:
    """One component on one cluster, with the rules of the guide at a faster pace."""
    made = plain_yaml.safe_load(snippet(rules))
    for rule in made["rules"]:
        rule.update(TIMES)
    made |= {
        "tenant": "shop",
        "components": [{"name": "web", "source": {"manifests": "web"}}],
        "placement": [{"components": ["web"], "anyOf": {"select": {}, "count": 1}}],
    }
    head = {"apiVersion": "switchyard.dev/v1alpha1", "kind": "Application"}
    document = head | {"metadata": {"name": "storefront"}, "spec": made}
    text = plain_yaml.safe_dump(document, sort_keys=False)
    return {"switchyard.yaml": text.encode(), "web/x.yaml": manifest("web")}


def fleet(programs: Monitoring) -> dict[str, bytes | None]:
    """The fleet with the policy of the guide, which asks the Prometheus that runs here."""
    policy = plain_yaml.safe_load(snippet("policy in the fleet repo"))["spec"]
    policy["queries"][0]["at"] = programs.prometheus.url
    policy["automatic"][0]["perHour"] = PER_HOUR
    return small_fleet(policy=json.dumps(policy))


def serving(rig: Rig) -> list[str]:
    """The clusters that have applied the component."""
    assert rig.fleet is not None
    return sorted(
        name
        for name, each in rig.fleet.clusters.items()
        if isinstance(each, SimulatedCluster) and any("web" in key for key in each.applied)
    )


def changes(rig: Rig) -> list[str]:
    """The waves of all merge requests, open or not, the oldest first."""
    requests = rig.site.person("rita").requests(DEPLOY, "all")
    return [each["source_branch"].rpartition("/")[2] for each in requests]


@asynccontextmanager
async def monitored(rig: Rig, rules: str) -> AsyncIterator[tuple[Replica, Monitoring]]:
    """The application runs on one cluster, its load is low, and Prometheus scrapes it."""
    find_programs()
    replica = await one(rig, ALERT_TOKENS=f'["{TOKEN}"]')
    with Monitoring(rig.folder / "monitoring", f"{replica.url}/alerts", TOKEN) as programs:
        rig.site.person("otto").push(FLEET, "main", fleet(programs), "Permit the rule")
        await programs.ready()
        revision = rig.site.person("ada").push(APP, "main", application(rules), "Begin")
        await rig.finished(revision)
        assert len(serving(rig)) == 1, serving(rig)
        yield replica, programs


async def until_serving(rig: Rig, count: int, seconds: float = 120) -> float:
    """Wait until so many clusters serve and nothing is open; the seconds it took."""

    def done() -> bool:
        return len(serving(rig)) == count and not rig.site.person("rita").requests(DEPLOY, "open")

    return await rig.until(done, f"{count} clusters serve", seconds)


async def alerts(rig: Rig) -> Measured:
    """An alert fires, repeats, is told anew after restarts, and ends: twice, each time once."""
    measured: Measured = {}
    async with monitored(rig, "alert in switchyard.yaml") as (_, programs):
        programs.load.value = BUSY
        measured["second cluster after"] = await until_serving(rig, 2)
        await repeated(rig, programs)
        await restarted(rig, programs)
        programs.load.value = CALM
        measured["given back after"] = await until_serving(rig, 1)
        assert changes(rig) == ["all.1", "rules-all.1", "remove.2"], changes(rig)
        programs.load.value = BUSY
        measured["again after"] = await until_serving(rig, 2)
        await repeated(rig, programs)
        await ended_unheard(rig, programs)
        await until_serving(rig, 1)
        assert await programs.counted(*FAILED) == 0, programs.alertmanager.log
    rig.waves = ["all.1", *["rules-all.1", "remove.2"] * 2]
    return measured


async def repeated(rig: Rig, programs: Monitoring) -> None:
    """Nothing moves while the Alertmanager repeats itself."""
    before, sent = (changes(rig), serving(rig)), await programs.counted(*SENT)

    async def more() -> bool:
        return await programs.counted(*SENT) >= sent + REPEATS

    await rig.until(more, "the Alertmanager repeats itself", 90)
    assert (changes(rig), serving(rig)) == before


async def restarted(rig: Rig, programs: Monitoring) -> None:
    """Nothing moves while one program dies, loses what it kept, and comes back."""
    forget(programs)
    programs.alertmanager.start()
    await programs.alertmanager.ready()
    await repeated(rig, programs)
    programs.prometheus.kill()
    await repeated(rig, programs)
    programs.prometheus.start()
    await programs.prometheus.ready()
    await repeated(rig, programs)


async def ended_unheard(rig: Rig, programs: Monitoring) -> None:
    """The alert ends while the Alertmanager loses its data: it tells no end until it is asked."""
    before = (changes(rig), serving(rig))
    forget(programs)
    programs.load.value = CALM

    async def over() -> bool:
        return not await programs.firing()

    await rig.until(over, "Prometheus sees the end")
    programs.alertmanager.start()
    await programs.alertmanager.ready()

    async def known() -> bool:
        return await programs.counted(*ENDED) >= REPEATS

    await rig.until(known, "the Alertmanager knows of the end", 120)
    assert await programs.counted(*SENT) == 0
    assert (changes(rig), serving(rig)) == before
    programs.tell_end()


def forget(programs: Monitoring) -> None:
    """The Alertmanager dies, and its data is lost."""
    programs.alertmanager.kill()
    shutil.rmtree(programs.folder / "alertmanager")


async def queries(rig: Rig) -> Measured:
    """A query goes up and down; without Prometheus, and without the load program, nothing moves."""
    measured: Measured = {}
    async with monitored(rig, "query in switchyard.yaml") as (replica, programs):
        programs.load.value = BUSY
        measured["second cluster after"] = await until_serving(rig, 2, 180)
        programs.prometheus.kill()
        programs.load.value = CALM
        before = changes(rig)
        unanswered = partial(_unanswered, replica, _unanswered(replica, 0) + UNANSWERED)
        await rig.until(unanswered, "queries without an answer", 180)
        assert changes(rig) == before == ["all.1", "rules-all.1"]
        assert len(serving(rig)) == 2
        programs.prometheus.start()
        await programs.prometheus.ready()
        measured["given back after"] = await until_serving(rig, 1, 180)
    rig.waves = ["all.1", "rules-all.1", "remove.2"]
    return measured


def _unanswered(replica: Replica, least: int) -> int:
    """How many queries had no answer, if at least so many."""
    found = len(re.findall("query not answered", replica.log()))
    return found if found >= least else 0


SIGNALS: dict[str, Trial] = {"alerts": alerts, "queries": queries}
"""With Prometheus and Alertmanager, which must be on PATH."""
