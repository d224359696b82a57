"""Charts of a registry: what waits while it is away, and what does not need it."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.charts.store import ChartStore
from bot.sandbox.demo.site import APP
from tests.fakes.certificates import make_authority
from tests.fakes.chart_host import ChartHost, Reply, packed
from tests.fakes.world import World, small_fleet

BIN = f"{sys.prefix}/bin"
SPEC = """apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {{name: storefront}}
spec:
  tenant: shop
  components:
    - name: web
      source: {{helm: {{chart: "oci://{place}/charts/web", version: 1.2.3, digest: "{digest}"}}}}
  placement: [{{components: [web], allOf: [{{matchLabels: {{tier: edge}}}}]}}]
  customizations: [{{name: size, components: [web], helmValues: {{size: {size}}}}}]
"""
CHART = packed(
    {
        "web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 1.2.3\n",
        "web/templates/web.yaml": (
            b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
            b"  selector: {matchLabels: {app: web}}\n  template:\n"
            b"    metadata: {labels: {app: web}}\n    spec:\n      containers:\n"
            b'        - {name: web, image: "registry.example.com/web:{{ .Values.size }}"}\n'
        ),
    }
)


@pytest.fixture
def host(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChartHost]:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("helm") is None:
        assert "CI" not in os.environ, "continuous integration must have helm"
        pytest.skip("helm is not on PATH: the wheel with it has no program for this platform")
    authority = make_authority(tmp_path / "ca")
    made = ChartHost(authority)
    charts = ChartStore(tmp_path / "bot/charts", {}, authority.ca_file)
    world.context = replace(world.context, charts=charts)
    origin = f"{{charts: [{{from: 'oci://{made.place}/charts', privateNetwork: true}}]}}"
    world.found(small_fleet(("one", "two"), origin))
    yield made
    made.stop()


def app(host: ChartHost, size: str = "small") -> dict[str, bytes | None]:
    digest = host.push(CHART)
    text = SPEC.format(place=host.place, digest=digest, size=size)
    return {"switchyard.yaml": text.encode()}


def plan_status(world: World, number: int) -> str:
    head = world.ada.request(APP, number)["head"]
    return str(world.ada.statuses(APP, head)["switchyard/plan"]["state"])


async def test_a_chart_that_is_kept_needs_no_registry(world: World, host: ChartHost) -> None:
    world.ada.push(APP, "main", app(host), "Open the shop")
    await world.settle()
    await world.finish()
    host.stop()
    world.ada.push(APP, "main", app(host, "large"), "Grow")
    await world.settle()
    await world.finish()

    assert "registry.example.com/web:large" in world.deployed("one", "web")


async def test_a_plan_waits_for_its_registry_and_goes_on_by_itself(
    world: World, host: ChartHost
) -> None:
    files = app(host)
    pages, host.pages = host.pages, {}
    down = Reply(503)
    host.faults = {path: lambda: down for path in pages}
    world.ada.push(APP, "main", files, "Open the shop")
    await world.settle()

    (problem,) = world.view().problems
    assert problem.startswith(
        f"component web: oci://{host.place}/charts/web 1.2.3 is not here yet: "
    )
    assert problem.endswith("every two minutes")
    asked = len(host.requests)
    await world.advance(1)
    assert len(host.requests) == asked + 1
    await world.advance(1)
    assert len(host.requests) == asked + 1, "the second wait is longer"

    host.pages, host.faults = pages, {}
    await world.advance(120)
    await world.finish()
    assert "registry.example.com/web:small" in world.deployed("two", "web")


async def test_a_policy_counts_at_once_for_a_rollout_under_way(
    world: World, host: ChartHost
) -> None:
    world.ada.push(APP, "main", app(host), "Open the shop")
    await world.settle()
    assert world.view().waves
    world.describe(small_fleet(("one", "two")))
    await world.settle()

    (problem,) = world.view().problems
    assert f"lets tenant 'shop' use the chart oci://{host.place}/charts/web" in problem


async def test_a_proposed_revision_waits_for_its_registry_and_gets_its_plan(
    world: World, host: ChartHost
) -> None:
    world.ada.push(APP, "main", {"README.md": b"Shop.\n"}, "Begin")
    files = app(host)
    pages, host.pages = host.pages, {}
    down = Reply(503)
    host.faults = {path: lambda: down for path in pages}
    world.ada.push(APP, "chart", files, "Use the chart")
    number = world.ada.open(APP, "chart", "Use the chart")
    await world.settle()

    assert "is not here yet" in world.home(number)
    assert plan_status(world, number) == "pending"

    host.pages, host.faults = pages, {}
    await world.advance(120)
    assert "is not here yet" not in world.home(number)
    assert "deployment-web.yaml" in world.home(number)
    assert plan_status(world, number) == "success"
