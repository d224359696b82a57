"""The pages over a store alone: bounded, escaped, filtered, live, and usable by keyboard."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from openapi_schema_validator import OAS31Validator

from bot.report.model import (
    OPEN_PLANS,
    RULES,
    SETUP_CHECKS,
    DiffView,
    GateView,
    MergeRequestView,
    PendingUnitView,
    RulesView,
    RuleView,
    SetupCheckView,
)
from bot.report.proposed_plan import save_proposed_plan
from bot.report.rollout_view import carry_over
from bot.report.summary_view import page_version
from bot.store.audit import AuditEntry
from bot.web.ui.graph import MAX_NODES, graph
from bot.web.ui.live import Live
from bot.web.ui.paging import address, number, paged
from bot.web.ui.reading import ViewReader
from planners.gating.evaluate import WaveState
from tests.fakes.pages import NOON, Site, plan, proposed, rollout, wave

MANY = [f"edge-{index:04}" for index in range(2_000)]
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
HOSTILE = "</text><script>alert(1)</script>\"'<b onload=x>&amp;"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.context.store.close()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7080") as made:
        yield made


async def get(client: httpx.AsyncClient, path: str, code: int = 200) -> str:
    answer = await client.get(path, headers=BROWSER)
    assert answer.status_code == code, answer.text[:500]
    return answer.text


def rows(text: str) -> list[str]:
    """The names at the head of each row of a page's last table."""
    table = text.rpartition("<tbody>")[2]
    found = re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]+)', table)
    return [name.strip() for name in found]


async def test_two_thousand_clusters_fit_on_bounded_pages(
    site: Site, client: httpx.AsyncClient
) -> None:
    parts = [f"part-{index}" for index in range(12)]
    site.describe(MANY, region="eu", tier="edge")
    view = rollout(MANY, parts, steps=40)
    units = tuple(
        replace(unit, readiness="STALLED", message=f"{unit.component} fails: " + "x" * 400)
        for unit in view.units
    )
    waves = tuple(
        replace(
            each,
            pending=tuple(
                PendingUnitView(f"{name}@{each.components[0]}", "y" * 400) for name in each.clusters
            ),
        )
        for each in view.waves
    )
    await site.show(replace(view, units=units, waves=waves))

    for path in ("/", "/fleet", "/rollouts/storefront"):
        assert len(await get(client, path)) < 600_000, path
    silent_first = [*MANY[900:], *MANY[:900]]
    assert rows(await get(client, "/fleet?page=20")) == silent_first[1900:]
    assert len(await get(client, "/fleet/edge-0900")) < 50_000
    assert rows(await get(client, "/rollouts/storefront?page=2")) == MANY[100:200]


async def test_the_fleet_is_filtered_by_words_and_by_the_worst_that_runs_there(
    site: Site, client: httpx.AsyncClient
) -> None:
    site.describe(["one", "two", "three", "spare"], region="eu")
    await site.show(rollout(["one", "two", "gone"], readiness={"two": "STALLED"}))
    await site.show(rollout(["two", "three"], readiness={"three": "UNKNOWN"}, name="other"))

    assert rows(await get(client, "/fleet")) == ["two", "three", "gone", "one", "spare"]
    assert rows(await get(client, "/fleet?q=REGION%3Deu+tW")) == ["two"]
    assert rows(await get(client, "/fleet?q=other")) == ["two", "three"]
    assert rows(await get(client, "/fleet?readiness=STALLED")) == ["two"]
    assert rows(await get(client, "/fleet?readiness=IDLE")) == ["spare"]
    assert rows(await get(client, "/fleet?readiness=nonsense&page=x")) == [
        "two", "three", "gone", "one", "spare"
    ]  # fmt: skip
    assert "left the fleet" in await get(client, "/fleet?q=gone")
    assert (await get(client, "/")).count("not registered") == 1
    assert "No matching clusters" in await get(client, "/fleet?q=nowhere")


async def test_a_cluster_is_silent_when_its_last_word_is_too_old(
    site: Site, client: httpx.AsyncClient
) -> None:
    site.describe(["one"])
    await site.show(rollout(["one"]))
    assert "40 s ago" in await at(site, client, 40)
    assert "silent for 15 min" in await at(site, client, 901)


async def at(site: Site, client: httpx.AsyncClient, seconds: int) -> str:
    site.now = NOON + timedelta(seconds=seconds)
    return await get(client, "/fleet")


async def test_what_people_and_clusters_write_is_shown_as_text(
    site: Site, client: httpx.AsyncClient
) -> None:
    view = rollout([HOSTILE], [HOSTILE], steps=1)
    unit = replace(view.units[0], readiness="STALLED", message=HOSTILE, revision=HOSTILE)
    gate = GateView(HOSTILE, HOSTILE, HOSTILE, NOON)
    waves = tuple(
        replace(
            wave(name, step, 0, HOSTILE, [HOSTILE]),
            changes=HOSTILE,
            gates=(gate,),
            pending=(PendingUnitView(HOSTILE, HOSTILE),),
            merge_request=MergeRequestView(1, f"http://forge.test/{HOSTILE}"),
        )
        for step, name in enumerate((HOSTILE, f"{HOSTILE}.1"))
    )
    view = replace(view, tenant=HOSTILE, app=HOSTILE, deploy=HOSTILE, units=(unit,), waves=waves)
    site.describe([HOSTILE], label=HOSTILE)
    await site.show(replace(view, headline=HOSTILE))
    await site.show(replace(view, application="other", problems=(HOSTILE,)))
    site.keep_plan(plan(HOSTILE))
    site.context.store.views.save(SETUP_CHECKS, "github", SetupCheckView((HOSTILE,), NOON))
    hostile = {"wave": HOSTILE, "refused": HOSTILE}
    site.context.store.audit.append(AuditEntry(NOON, "merge", "application/storefront", hostile))

    paths = ("/", "/fleet", "/rollouts/storefront", "/rollouts/storefront/plan", "/rollouts/other")
    for path in paths:
        text = await get(client, path)
        assert "<script>" not in text
        assert "<b onload" not in text
        assert text.count("<script ") == 1
        assert "&lt;script&gt;" in text or "&lt;/text&gt;" in text
    assert "<script>" not in await get(client, f"/rollouts/{HOSTILE.replace('/', '')}", 404)
    assert "<script>" not in await get(client, f"/fleet?q={HOSTILE}")


async def test_the_plan_is_searched_filtered_and_linked(
    site: Site, client: httpx.AsyncClient
) -> None:
    await site.show(rollout(["edge-0", "edge-1"], steps=2))
    assert "No plan has been made yet" in await get(client, "/rollouts/storefront/plan")
    view = plan("x", 2)
    huge = DiffView("clusters/*/huge", "", size=900_000, added=9, removed=9)
    (group,) = view.waves[1].groups
    last = replace(view.waves[1], groups=(replace(group, files=(*group.files, huge)),))
    site.keep_plan(replace(view, waves=(view.waves[0], last)))

    text = await get(client, "/rollouts/storefront/plan")
    assert text.count("image: new-0") == 1
    assert text.count("image: x") == 1
    assert '2 clusters</b> <span class="soft">edge-0, edge-1</span>' in text
    assert "1 diff too large to show here" in text
    assert 'href="/rollouts/storefront/plan?wave=s1.1#diffs"' in await get(
        client, "/rollouts/storefront"
    )
    only = await get(client, "/rollouts/storefront/plan?cluster=edge-1")
    assert "image: new-1" in only
    assert "image: new-0" not in only
    found = await get(client, "/rollouts/storefront/plan?q=NEW-0")
    assert "image: new-0" in found
    assert "image: new-1" not in found
    nothing = await get(client, "/rollouts/storefront/plan?cluster=nowhere")
    assert "the plan changes no cluster of this name" in nothing


async def test_who_signed_in_sees_first_what_needs_him(tmp_path: Path) -> None:
    site = Site(tmp_path, proxy_user_header="X-User", trusted_proxies=["127.0.0.1"])
    view = rollout(["one"])
    gate = replace(view.waves[0].gates[0], who=("rita",))
    await site.show(replace(view, waves=(replace(view.waves[0], gates=(gate,)),)))
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
        for user, said in (("rita", "Needs you"), ("tom", "Nothing waits for you")):
            answer = await client.get("/?needs=me", headers={"X-User": user})
            assert said in answer.text
    assert "<b>1</b> need people" in answer.text
    site.context.store.close()


async def test_a_plan_has_a_page_before_it_is_merged_and_after(
    site: Site, client: httpx.AsyncClient
) -> None:
    await site.show(replace(rollout(["edge-0", "edge-1"]), digest="c" * 64))
    site.keep_plan(replace(plan("x", 2), digest="c" * 64))
    save_proposed_plan(site.context.store.views, "storefront/r!1", proposed("d" * 64))

    current = await get(client, f"/plans/storefront/{'c' * 64}")
    assert "Waits for people" in current
    text = await get(client, f"/plans/storefront/{'d' * 64}")
    for said in ("not merged yet", "New web", "by ada", "after the merge", "image: new-1"):
        assert said in text
    assert "New web" in await get(client, "/rollouts/storefront")
    site.context.store.views.drop([f"{OPEN_PLANS.prefix}storefront/r!1"])
    replaced = await get(client, f"/plans/storefront/{'d' * 64}")
    assert f'href="/plans/storefront/{"c" * 64}"' in replaced
    assert "is not kept" in await get(client, "/plans/storefront/eeee", 404)
    assert "Did you mean storefront?" in await get(client, "/plans/storefrnt/eeee", 404)


async def test_waves_that_change_nothing_are_named_below_the_table_of_a_plan(
    site: Site, client: httpx.AsyncClient
) -> None:
    view = rollout(["edge-0", "edge-1", "edge-2"], steps=3)
    waves = (*view.waves[:2], replace(view.waves[2], state=WaveState.DONE, gates=()))
    await site.show(replace(view, waves=waves))
    site.keep_plan(plan("x", 2))
    text = await get(client, "/rollouts/storefront/plan")
    assert "2 of 3, in this order" in text
    assert "Nothing is left to merge in s2.1." in text


async def test_a_rollout_shows_its_times_and_those_before_it(
    site: Site, client: httpx.AsyncClient
) -> None:
    view = replace(rollout(["one"]), app_commits="http://forge.test/shop/commits/", committed=NOON)
    done = replace(view.waves[0], state=WaveState.DONE, gates=())
    await site.show(view)
    await site.show(replace(view, waves=(done,), done=True, at=NOON + timedelta(seconds=200)))
    await site.show(replace(view, revision="b" * 40, at=NOON + timedelta(hours=1)))
    site.now = NOON + timedelta(minutes=65)

    text = await get(client, "/rollouts/storefront")
    assert "waits for 5 min" in text
    assert '<th scope="col">time</th>' in text
    assert f'href="http://forge.test/shop/commits/{"a" * 40}"' in text
    assert re.search(r"rolled out</span>.*?<td[^>]*>3 min 20 s</td>", text, re.DOTALL)
    assert re.search(r"lead time</dt><dd><b>3 min 20 s</b>", text)
    assert "rollouts a week</dt><dd><b>1.0</b>" in text
    assert "lead time 3 min 20 s, 0 % failed" in await get(client, "/")


async def test_a_long_plan_is_cut_into_pages(site: Site, client: httpx.AsyncClient) -> None:
    await site.show(rollout(["edge-0"]))
    site.keep_plan(plan("x", 1_200))

    text = await get(client, "/rollouts/storefront/plan")
    pages = re.search(r"page 1 of (\d+)", text)
    assert pages
    seen = []
    for page in range(1, int(pages.group(1)) + 1):
        text = await get(client, f"/rollouts/storefront/plan?page={page}")
        assert len(text) < 300_000
        seen += re.findall(r"image: (new-\d+)", text)
    assert seen == [f"new-{index}" for index in range(1_200)]


@dataclass
class Stream:
    """A client of the events, below HTTP: httpx would wait for the end."""

    site: Site
    query: str = ""

    async def __aenter__(self) -> Self:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.code = asyncio.get_running_loop().create_future()
        scope = {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/rollouts/storefront/events", "raw_path": b"/rollouts/storefront/events",
            "query_string": self.query.encode(), "root_path": "",
            "headers": [(b"host", b"127.0.0.1:7080")],
            "server": ("service.test", 80), "client": ("127.0.0.1", 1), "asgi": {"version": "3.0"},
        }  # fmt: skip
        self.running = asyncio.create_task(self.site.app(scope, self._receive, self._send))
        return self

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.code.set_result(message["status"])
        elif message["body"]:
            self.heard.put_nowait(message["body"].decode())

    async def next(self) -> str:
        return await self.heard.get()

    async def __aexit__(self, *_: object) -> None:
        self.gone.set()
        await self.running


async def test_an_event_follows_a_change_and_the_stream_ends_with_the_client(
    site: Site, client: httpx.AsyncClient
) -> None:
    view = rollout(["one"])
    await site.show(view)
    seen = re.search(r'data-version="(\w+)"', await get(client, "/rollouts/storefront"))
    assert seen

    async with Stream(site, f"seen={seen.group(1)}") as stream:
        assert await stream.code == 200
        assert await stream.next() == "retry: 3000\n\n"
        await site.show(replace(view, headline="2 of 2 waves merged"))
        event = await stream.next()
        assert "event: change\n" in event
        assert seen.group(1) not in event
        assert stream.heard.empty()
    assert stream.running.done()


def test_time_that_passes_changes_no_page() -> None:
    view = rollout(["one"])
    after = NOON + timedelta(hours=1)
    unit = replace(view.units[0], at=after.isoformat())
    later = replace(view, at=after, units=(unit,))
    assert page_version(view) == page_version(later)
    stalled = replace(unit, readiness="STALLED")
    assert page_version(view) != page_version(replace(later, units=(stalled,)))


def test_a_gate_is_closed_since_it_was_first_seen_for_this_change() -> None:
    before = rollout(["one"])
    (each,) = before.waves
    after = NOON + timedelta(hours=1)
    again = replace(each, gates=(replace(each.gates[0], since=after),))
    (found,) = carry_over(replace(before, waves=(again,)), before).waves
    assert found.gates[0].since == NOON
    another = replace(again, digest="another")
    (found,) = carry_over(replace(before, waves=(another,)), before).waves
    assert found.gates[0].since == after


async def test_listeners_are_counted_and_bounded(site: Site) -> None:
    await site.show(rollout(["one"]))
    live = Live(ViewReader(site.context), most=1, every=0.01)
    events = live.events("storefront", "")
    await anext(events)
    assert live.full
    assert "event: change" in await anext(events)
    await events.aclose()  # type: ignore[attr-defined]
    assert not live.full


async def test_a_stream_ends_in_time_so_that_its_reader_is_looked_at_again(site: Site) -> None:
    await site.show(rollout(["one"]))
    live = Live(ViewReader(site.context), every=0.01, lasts=0.05)
    assert len([event async for event in live.events("storefront", "")]) == 2
    assert live.listeners == 0


async def test_streams_end_at_once_when_the_server_shuts_down(site: Site) -> None:
    await site.show(rollout(["one"]))
    live = Live(ViewReader(site.context), every=3600)
    events = live.events("storefront", "")
    assert [await anext(events), await anext(events)][1].startswith("id: ")
    live.end()
    assert [event async for event in events] == []


async def test_too_many_listeners_are_refused(
    site: Site, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Live, "full", True)
    await site.show(rollout(["one"]))
    assert (await client.get("/rollouts/storefront/events")).status_code == 503


async def test_who_asks_for_what_is_not_there_is_helped(
    site: Site, client: httpx.AsyncClient
) -> None:
    assert "No application has been processed" in await get(client, "/rollouts/x", 404)
    await site.show(rollout(["one"]))
    text = await get(client, "/rollouts/storefrnt", 404)
    assert "Did you mean storefront?" in text
    assert 'href="/fleet"' in text
    assert "Known applications: storefront." in await get(client, "/rollouts/zzz/plan", 404)
    assert "There is no page at this address" in await get(client, "/nowhere", 404)
    assert (await client.get("/rollouts/zzz/events")).status_code == 404
    answer = await client.get("/api/v1/rollouts/zzz")
    assert (answer.status_code, "Is it registered" in answer.json()["detail"]) == (404, True)
    assert (await client.get("/static/x.js")).status_code == 404


async def test_the_interface_is_paged_and_as_it_describes_itself(
    site: Site, client: httpx.AsyncClient
) -> None:
    names = MANY[:250]
    site.describe(names, region="eu")
    await site.show(rollout(names, steps=2))
    await site.show(rollout(["edge-0001"], name="other"))
    described = (await client.get("/api/v1/openapi.json")).json()
    assert set(described["paths"]) == {
        "/api/v1/rollouts",
        "/api/v1/rollouts/{application}",
        "/api/v1/clusters",
    }

    seen, after = [], ""
    while after is not None:
        page = (await client.get("/api/v1/clusters", params={"after": after})).json()
        check(described, "ClusterList", page)
        seen += [each["name"] for each in page["items"]]
        after = page["next"]
    assert seen == names
    first = (await client.get("/api/v1/rollouts?limit=1")).json()
    check(described, "RolloutList", first)
    assert (first["items"][0]["application"], first["next"]) == ("other", "other")
    assert (await client.get("/api/v1/rollouts?after=other")).json()["next"] is None
    whole = (await client.get("/api/v1/rollouts/storefront")).json()
    check(described, "RolloutView", whole)
    assert len(whole["units"]) == 250
    assert (await client.get("/api/v1/clusters?limit=501")).status_code == 422


def check(described: dict[str, Any], name: str, value: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    OAS31Validator(schema).validate(value)


class Outline(HTMLParser):
    """What a keyboard and a screen reader meet."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[str] = []
        self.stops: list[int] = []
        self.first = ""
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids += [found["id"]] if "id" in found else []
        self.labelled |= {found["for"]} if "for" in found else set()
        self.controls += [found.get("id", "")] if tag in {"input", "select"} else []
        self.stops += [int(found["tabindex"])] if "tabindex" in found else []
        self.first = self.first or (found["href"] if tag == "a" else "")
        self.inline += [name for name in found if name == "style" or name.startswith("on")]


async def test_rules_that_are_idle_on_clusters_are_folded(
    site: Site, client: httpx.AsyncClient
) -> None:
    lunch = RuleView("lunch", "", "idle", NOON, "no data")
    leaving = RuleView("failover", "edge-1", "pending", NOON, "edge-1 is silent")
    well = [RuleView("failover", name, "idle", NOON, f"{name} is well") for name in MANY[2:5]]
    found = RulesView(NOON, (lunch, leaving, *well), left_out=7)
    await site.show(replace(rollout(MANY[:3]), rules=("lunch: no data",)))
    site.context.store.views.save(RULES, "storefront", found)

    text = await get(client, "/rollouts/storefront/rules")

    assert re.findall(r'id="rule-\d+">(\S+)', text) == ["lunch", "failover"]
    assert "10 idle states on clusters" in text
    assert "failover on edge-0004: edge-0004 is well" in text
    assert "and 7 more" in text


async def test_every_page_works_by_keyboard_and_within_the_policy(
    site: Site, client: httpx.AsyncClient
) -> None:
    site.describe(MANY[:300])
    await site.show(rollout(MANY[:300], steps=3))
    site.keep_plan(plan("x", 3))

    rollouts = [f"/rollouts/storefront{part}" for part in ("", "/plan", "/rules")]
    for path in ("/", "/fleet", "/fleet/edge-0001", *rollouts):
        text = await get(client, path)
        outline = Outline()
        outline.feed(text)
        assert outline.first == "#main"
        assert "main" in outline.ids
        assert len(outline.ids) == len(set(outline.ids)), path
        assert set(outline.controls) <= outline.labelled
        assert all(stop <= 0 for stop in outline.stops)
        assert outline.inline == []
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text.replace("http://forge.test", ""))
    assert "EventSource" in await get(client, "/static/switchyard.js")


def test_the_graph_has_a_column_for_each_step_and_a_bound() -> None:
    few = [wave(f"s{n // 2}.{n % 2}", n // 2, n % 2, "web", ["one"]) for n in range(16)]
    made = graph(few, lambda name: f"#{name}")
    assert not made.grouped
    assert len({(node.x, node.y) for node in made.nodes}) == 16
    assert [label.text for label in made.labels] == [f"s{n}" for n in range(8)]

    many = [wave(f"s{n // 3}.{n % 3}", n // 3, n % 3, "web", ["one"]) for n in range(600)]
    many[:3] = [replace(each, state=WaveState.DONE) for each in many[:3]]
    many[4] = replace(many[4], failing=1)
    made = graph(many, lambda name: f"#{name}")
    assert made.grouped
    assert len(made.nodes) <= MAX_NODES
    assert (made.nodes[0].box.state, made.nodes[0].box.href) == ("failing", "#s1.0")


def test_pages_and_addresses_take_anything() -> None:
    assert [number(text) for text in ("", "2", "-1", "x", "9" * 20, "\u0663")] == [1, 2, 1, 1, 1, 1]
    assert paged([], 7, 10).last == 0
    assert (paged(range(25), 9, 10).number, paged(range(25), 9, 10).first) == (3, 21)
    assert address("/fleet", "a b", q="x&y", page="") == "/fleet?q=x%26y#a%20b"
