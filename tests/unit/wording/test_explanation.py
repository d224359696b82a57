"""`explain` and the timetable of `plan`, as people read them."""

import json
from pathlib import Path

import pytest

from bot.__main__ import main
from tests.fakes.folders import application, cluster, deployment, registration, tenant, write

SPEC = """
components:
  - {name: cache, source: {manifests: cache}}
  - name: web
    source: {manifests: web}
    dependsOn: [{component: cache, on: allClusters, soak: 90s, onFailure: continue}]
placement:
  - {components: [cache], allOf: [{}]}
  - components: [web]
    requires: [gpu]
    anyOf: {select: {matchLabels: {tier: edge}}, count: 1}
    prefer: {cost: 3, headroom: 1}
rollout:
  stages:
    - {name: canary, clusters: {names: [oslo]}, soak: 10m, maxFailures: 1}
    - {name: rest}
"""
FLEET = {
    **tenant(),
    **registration(),
    **cluster(
        "oslo", "tier: edge", capabilities="[gpu]", price="{cpuHour: 0.06}", capacity="{cpu: 8}"
    ),
    **cluster(
        "ohio", "tier: edge", capabilities="[gpu]", price="{cpuHour: 0.05}", capacity="{cpu: 8}"
    ),
    **cluster("rome", "tier: core", capacity="{cpu: 1}"),
}


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    app = {**application(SPEC), "cache/x.yaml": deployment("cache")}
    app["web/x.yaml"] = deployment("web", requests="cpu: 2")
    write(tmp_path / "app", app)
    write(tmp_path / "fleet", FLEET)
    return ["--app", str(tmp_path / "app"), "--fleet", str(tmp_path / "fleet")]


def test_each_score_is_shown_with_what_it_was_made_of(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *folders, "web", "ohio"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("web, on 1 cluster:\n  ohio: chosen, ranked 1, ")
    assert "    cost 50 (weight 3): " in said
    assert "    headroom 75 (weight 1): " in said


def test_every_filter_says_what_would_have_to_change(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *folders, "web", "rome"]) == 0

    assert capsys.readouterr().out == (
        "web, on 1 cluster:\n"
        "  rome: not chosen, labels: tier=core, requires tier in (edge)\n"
        "    to be chosen, requires: tier in (edge) instead of tier=core (labels)\n"
        "    to be chosen, requires: gpu instead of no capabilities (capabilities)\n"
        "    to be chosen, requires: cpu 2 instead of cpu 1 free (fleet repo) (capacity)\n"
        "    to be chosen, requires: more than 56.25 points, the score of the last chosen cluster, "
        "instead of 0\n"
    )


def test_reported_facts_change_the_choice_and_are_named(
    folders: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("oslo: {at: 2099-01-01T00:00:00Z, price: {cpuHour: 0.001}}\n")

    assert main(["explain", *folders, "--facts", str(facts), "web"]) == 0
    assert "  oslo: chosen, ranked 1" in capsys.readouterr().out

    facts.write_text("oslo: {at: 2099-01-01T00:00:00Z, prize: 3}\n")
    assert main(["explain", *folders, "--facts", str(facts), "web"]) == 1
    assert capsys.readouterr().err.startswith(f"{facts}: prize: ")


def test_programs_get_the_same(folders: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *folders, "--format", "json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert len(found) == 6
    rome = next(each for each in found if (each["component"], each["cluster"]) == ("web", "rome"))
    assert [each["filter"] for each in rome["refusals"]] == ["labels", "capabilities", "capacity"]
    assert len(rome["toBeChosen"]) == 4


def test_the_timetable_says_what_each_wave_waits_for(
    folders: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *folders]) == 0

    said = capsys.readouterr().out.splitlines()
    start = said.index("rest.2: web on ohio")
    assert said[start + 2 : start + 4] == [
        "  after canary is ready for 10m, 1 cluster may fail",
        "    and web requires cache Ready for 1m30s on all clusters; timeout 15m, then continue",
    ]
    assert said[-3] == (
        "longest chain: 3 consecutive waves (cache -> web, in each of 2 steps); "
        "stage soak times add 10m"
    )


def test_a_tenants_own_setup_is_planned_from_the_fleet_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = "namespace: shop, deploy: 'local:fleet/deploy'"
    fleet = str(write(tmp_path / "fleet", {**FLEET, **tenant(spec=spec)}))

    assert main(["plan", "--fleet", fleet, "--application", "tenant-shop"]) == 0
    assert "all.1: namespace on ohio, oslo, rome" in capsys.readouterr().out
    assert main(["plan", "--fleet", fleet]) == 1
    assert capsys.readouterr().err == "missing --app DIR or --application tenant-NAME\n"
