"""Rules: load rises and a second cluster serves; it falls, and the cluster is given back."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from bot.keys import facts_key
from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.receiver import ADDRESS, HOST, SECRET, Receiver
from tests.fakes.world import ALERT_TOKEN, REPORT_KEY, World, manifest, small_fleet

BURST = """
    - name: lunch
      components: [web]
      signal: {load: web}
      above: 0.8
      below: 0.4
      for: 2m
      cooldown: 5m
      pace: 5m
      addClusters: {most: 1}
"""
AUTOMATIC = "{automatic: [{application: storefront, rule: lunch, clusters: {}, perHour: 4}]}"


def app(rules: str, placement: str = "anyOf: {select: {}, count: 1}") -> dict[str, bytes | None]:
    spec = (
        "apiVersion: switchyard.dev/v1alpha1\nkind: Application\nmetadata: {name: storefront}\n"
        "spec:\n  tenant: shop\n  components: [{name: web, source: {manifests: web}}]\n"
        f"  placement:\n    - {{components: [web], {placement}}}\n  rules:{rules}"
    )
    return {"switchyard.yaml": spec.encode(), "web/x.yaml": manifest("web")}


async def send(world: World, cluster: str, **facts: object) -> None:
    body = json.dumps({"at": world.now.isoformat(), **facts}).encode()
    key = facts_key(REPORT_KEY, cluster)
    signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    answer = await world.client.post(
        f"/facts/{cluster}", content=body, headers={"x-signature": signature}
    )
    assert answer.status_code == 202, answer.text


async def load(world: World, value: float, minutes: int) -> None:
    """One cluster reports its load each minute."""
    for _ in range(minutes):
        await send(world, "one", load={"web": value})
        await world.settle()
        await world.advance(60)


async def begun(world: World, rules: str, policy: str, **placed: str) -> None:
    world.found(small_fleet(("one", "two"), policy=policy))
    world.ada.push(APP, "main", app(rules, **placed), "Begin")
    await world.settle()
    await world.finish()


def units(world: World) -> list[str]:
    """The clusters for which the component is merged."""
    head = world.pull()
    assert head is not None
    paths = world.agents.files(head, "clusters")
    found = {path.split("/")[0] for path in paths if "/apps/shop/storefront/web/" in f"/{path}"}
    return sorted(found)


def audited(world: World, kind: str) -> list[Mapping[str, str | int | None]]:
    """What the audit log has of a kind."""
    entries = world.context.store.audit.of("application/storefront", 100)
    return [entry.fields for entry in entries if entry.kind == kind]


async def test_load_rises_and_a_second_cluster_serves_until_it_falls(world: World) -> None:
    await begun(world, BURST, AUTOMATIC)
    assert units(world) == ["one"]

    await load(world, 0.9, 8)
    assert units(world) == ["one", "two"]
    text = (await world.client.get("/rollouts/storefront/rules")).text
    assert "Adds up to 1 cluster for web, one at a time." in text
    assert "Automatic by policy default on the clusters it selects: waves of up to" in text
    assert '<polyline class="series"' in text
    assert "load web was 0.9, over 0.8" in text
    assert "merged merge request" in text
    await load(world, 0.9, 5)
    assert world.merged() == ["all.1", "rules-all.1"]
    (merged,) = [each for each in audited(world, "merge") if "rules" in each]
    assert str(merged["rules"]).startswith("lunch: load web was 0.9, over 0.8, 60s old on ")
    assert world.view().rules == (
        "rule lunch is active: load web is 0.9, over 0.8 since 12:05:03 UTC: active",
    )

    await load(world, 0.2, 8)

    assert units(world) == ["one"]
    assert world.merged() == ["all.1", "rules-all.1", "remove.2"]
    assert world.otto.requests(DEPLOY, "open") == []


async def test_a_person_approves_where_no_policy_makes_it_automatic(world: World) -> None:
    await begun(world, BURST, "{}")

    await load(world, 0.9, 8)
    (request,) = world.otto.requests(DEPLOY, "open")
    assert world.reasons("rules-all.1") == [
        "waits for 1 approval: rule lunch: no policy makes it automatic"
    ]
    assert "Rule `lunch` caused this: load web was 0.9, over 0.8, 60s old on " in request["body"]

    await world.lose_database()
    await world.sweep()
    assert [each["head"] for each in world.otto.requests(DEPLOY, "open")] == [request["head"]]
    world.rita.approve(DEPLOY, request["number"])
    await world.settle()

    assert units(world) == ["one", "two"]


async def test_a_lost_database_leaves_open_what_a_rule_gives_back(world: World) -> None:
    """The same request goes on: its branch says that the rule wants the cluster no longer."""
    await begun(world, BURST, "{}")
    await load(world, 0.9, 8)
    (adds,) = world.otto.requests(DEPLOY, "open")
    world.rita.approve(DEPLOY, adds["number"])
    await world.settle()
    await load(world, 0.2, 12)
    (request,) = world.otto.requests(DEPLOY, "open")

    await world.lose_database()
    await world.sweep()
    await load(world, 0.2, 9)

    (same,) = world.otto.requests(DEPLOY, "open")
    assert (same["number"], same["head"]) == (request["number"], request["head"])
    world.rita.approve(DEPLOY, same["number"])
    await world.settle()
    assert units(world) == ["one"]


async def test_a_lost_database_makes_a_rule_late_and_never_twice(world: World) -> None:
    await begun(world, BURST, AUTOMATIC)

    for value, minutes in ((0.9, 3), (0.9, 4), (0.9, 7), (0.2, 3), (0.2, 9)):
        await load(world, value, minutes)
        assert len(world.otto.requests(DEPLOY, "open")) <= 1
        await world.lose_database()
        for cluster in world.clusters.values():
            for applied in cluster.applied.values():
                applied.last_report = ("", "")
        await world.sweep()

    assert units(world) == ["one"]
    assert world.merged() == ["all.1", "rules-all.1", "remove.2"]


ALARM = """
    - name: lunch
      components: [web]
      signal: {alert: Busy}
      for: 1m
      cooldown: 2m
      addClusters: {most: 1}
"""


async def alert(world: World, status: str, began: str, token: str = ALERT_TOKEN) -> int:
    """An Alertmanager posts that the alert fires, or is resolved."""
    told = {
        "status": status,
        "labels": {"alertname": "Busy", "severity": "page"},
        "startsAt": began,
        "fingerprint": "5ef77f1f8a3ecf8d",
    }
    answer = await world.client.post(
        "/alerts",
        json={"version": "4", "groupKey": "{}", "status": status, "alerts": [told]},
        headers={"authorization": f"Bearer {token}"},
    )
    return answer.status_code


async def test_g2_an_alert_brings_a_second_cluster_once(world: World) -> None:
    """Repeats and an old word change nothing; when it is resolved the cluster is given back."""
    await begun(world, ALARM, AUTOMATIC)
    began = world.now.isoformat()
    assert await alert(world, "firing", began, token="another") == 401
    await world.advance(180)
    assert units(world) == ["one"]

    for _ in range(4):
        assert await alert(world, "firing", began) == 202
        await world.advance(60)
    assert units(world) == ["one", "two"]
    assert world.merged() == ["all.1", "rules-all.1"]

    assert await alert(world, "resolved", began) == 202
    assert await alert(world, "firing", began) == 202
    for _ in range(5):
        await world.advance(60)

    assert units(world) == ["one"]
    assert world.merged() == ["all.1", "rules-all.1", "remove.2"]


WATCHED = BURST.replace("{load: web}", "{metric: busy}")
QUERIES = f"{AUTOMATIC[:-1]}, queries: [{{name: busy, at: '{ADDRESS}', query: max(busy)}}]}}"


async def test_g2_a_query_to_prometheus_brings_a_second_cluster(world: World) -> None:
    """Without data nothing begins, and nothing ends."""
    receiver = Receiver(lambda: world.now, values=["0.9"] * 8 + [None, "NaN"] * 8 + ["0.2"])
    world.outbound = receiver.outbound
    world.known["gate_keys"] = {HOST: SECRET}
    await world.stop_bot()
    world.start_bot()
    await begun(world, WATCHED, QUERIES)
    for _ in range(9):
        await world.advance(60)
    assert units(world) == ["one", "two"]

    for _ in range(12):
        await world.advance(60)
    assert units(world) == ["one", "two"]

    for _ in range(12):
        await world.advance(60)
    assert units(world) == ["one"]
    assert world.merged() == ["all.1", "rules-all.1", "remove.2"]


async def test_components_leave_a_cluster_that_is_silent(world: World) -> None:
    policy = (
        "{failover: [{after: 10m, quorum: 50, maxShare: 40}], automatic: [{application: "
        "storefront, rule: failover, clusters: {}, maxClusters: 1}]}"
    )
    both = (
        "apiVersion: switchyard.dev/v1alpha1\nkind: Application\nmetadata: {name: storefront}\n"
        "spec:\n  tenant: shop\n  components:\n    - {name: web, source: {manifests: web}}\n"
        "    - {name: node, source: {manifests: node}}\n  placement:\n"
        "    - {components: [web], anyOf: {select: {}, count: 2}}\n"
        "    - {components: [node], allOf: [{}]}\n"
    )
    files = {"web/x.yaml": manifest("web"), "node/x.yaml": manifest("node")}
    world.found(small_fleet(("one", "two", "three"), policy=policy))
    world.ada.push(APP, "main", {**files, "switchyard.yaml": both.encode()}, "Begin")
    await world.settle()
    await world.finish()
    before = units(world)
    assert len(before) == 2

    world.behave(before[0], silent=True)
    for _ in range(8):
        await world.advance(300)
    assert before[0] in units(world)
    for _ in range(3):
        await world.advance(300)

    (spare,) = {"one", "two", "three"} - set(before)
    assert spare in units(world)
    assert world.merged()[1:] == ["rules-all.1"]
    (why,) = [each for each in world.view().rules if before[0] in each]
    assert why.startswith(f"rule failover on {before[0]} is active: ")

    world.behave(before[0], silent=False)
    for _ in range(8):
        await world.advance(300)

    assert units(world) == sorted({spare, before[1]})
    (why,) = [each for each in world.view().rules if before[0] in each]
    assert why.startswith(f"rule failover on {before[0]} is idle: ")
