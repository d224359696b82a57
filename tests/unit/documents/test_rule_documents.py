"""Rules in documents: what is read, what is refused, and that the guides are right."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from bot.documents import read_application, read_fleet
from planners.model import Policy
from planners.model.rules import Action, Rule
from planners.model.schedule import Schedule
from planners.model.selectors import Selector
from planners.model.signals import SignalKey, SignalKind
from tests.fakes.world import manifest, small_fleet

ROOT = Path(__file__).parents[3]
HEAD = """apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
"""
SPEC = """spec:
  tenant: shop
  components: [{name: web, source: {manifests: web}}]
  placement: [{components: [web], anyOf: {select: {}, count: 50%%}}]
  rules:
    - {name: lunch, components: [web], %s}
"""
ADDS = "addClusters: {most: 2}"


def read(rule: str) -> tuple[tuple[Rule, ...], list[str]]:
    files = {"switchyard.yaml": (HEAD + SPEC % rule).encode(), "web/x.yaml": manifest("web")}
    loaded = read_application(files, None, None)
    rules = loaded.application.rules if loaded.application is not None else ()
    return rules, [str(each) for each in loaded.problems]


def test_defaults_follow_from_the_signal() -> None:
    (load,), _ = read(f"signal: {{load: web}}, above: 0.8, {ADDS}")
    (alert,), _ = read(f"signal: {{alert: TooSlow}}, {ADDS}")
    schedule = "{cron: 0 8  * * mon-fri, duration: 10h, timezone: Europe/Berlin}"
    (office,), problems = read(f"signal: {{schedule: {schedule}}}, {ADDS}")

    assert (load.signal, load.above, load.below) == (SignalKey(SignalKind.LOAD, "web"), 0.8, 0.8)
    assert (load.max_age, alert.max_age) == (timedelta(minutes=15), timedelta(hours=5))
    assert (alert.above, alert.action, alert.most) == (0.5, Action.ADD_CLUSTERS, 2)
    assert Schedule.parse(office.signal.name) == Schedule(
        "0 8 * * mon-fri", timedelta(hours=10), "Europe/Berlin"
    )
    assert problems == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (f"signal: {{}}, above: 1, {ADDS}", "exactly one of alert, metric, demand, load, schedule"),
        ("signal: {load: web}, above: 1", "exactly one of onDemand, addClusters, setReplicas"),
        (f"signal: {{load: web}}, {ADDS}", "`above` is required"),
        (f"signal: {{alert: A}}, above: 1, {ADDS}", "`above` is required, except for alerts"),
        (f"signal: {{load: web}}, above: 1, below: 2, {ADDS}", "`below` must not be higher"),
        (f"signal: {{alert: A}}, below: 0, {ADDS}", "`below` must not be higher"),
        (f"signal: {{load: web}}, above: 1, {ADDS}, onDemand: true", "exactly one of onDemand"),
        (
            f"signal: {{schedule: {{cron: 0 8 * *, duration: 1h}}}}, {ADDS}",
            "expected five fields",
        ),
        (
            "signal: {load: web}, above: 1, setReplicas: {workload: {name: web}, steps: []}",
            "steps is empty",
        ),
        ("signal: {demand: web}, above: 1, onDemand: true", "on a percentage of clusters"),
    ],
)
def test_a_rule_that_cannot_do_what_it_says_is_refused(rule: str, expected: str) -> None:
    _, problems = read(rule)

    assert any(expected in each for each in problems), problems
    assert all(each.startswith("switchyard.yaml:") for each in problems)


def test_names_of_rules_and_their_components_are_known() -> None:
    rule = f"signal: {{load: web}}, above: 1, {ADDS}}}\n    - {{name: lunch, components: [wab], "
    _, problems = read(f"{rule}signal: {{load: web}}, above: 1, {ADDS}")
    reserved = SPEC.replace("lunch", "failover") % f"signal: {{load: web}}, above: 1, {ADDS}"
    loaded = read_application({"switchyard.yaml": (HEAD + reserved).encode()}, None, None)

    assert [each.split(": ", 1)[1].partition(" (")[0] for each in problems] == [
        "duplicate rule 'lunch'",
        "unknown component 'wab'",
    ]
    assert "rule name 'failover' is reserved" in str(loaded.problems[0])


def blocks(guide: str) -> list[str]:
    text = (ROOT / "docs/guides" / f"{guide}.md").read_text()
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("guide", ["burst", "run-on-demand"])
def test_the_applications_of_the_guides_are_valid(guide: str) -> None:
    document = HEAD + blocks(guide)[0].replace("spec:\n", "spec:\n  tenant: shop\n")
    names = re.findall(r"manifests: (deploy/\w+)", document)
    files = {f"{name}/x.yaml": manifest("web") for name in names}
    loaded = read_application({**files, "switchyard.yaml": document.encode()}, None, None)

    assert loaded.problems == ()
    assert loaded.application is not None
    assert len(loaded.application.rules) == 1


def policy_of(block: str) -> Policy:
    files = {path: content for path, content in small_fleet().items() if content is not None}
    loaded = read_fleet({**files, "policies/default.yaml": block.encode()})
    assert loaded.problems == ()
    return loaded.fleet.policies[0]


def test_the_policies_of_the_guides_are_valid() -> None:
    (elastic,) = [each for each in blocks("burst") if "kind: Policy" in each]
    (failover,) = blocks("fail-over")
    edge = Selector({"tier": "edge"})

    assert policy_of(elastic).automatic[0].clusters == edge
    found = policy_of(failover)
    assert (found.failover[0].clusters, found.failover[0].after) == (edge, timedelta(minutes=15))
    assert not found.failover[0].fenced
    assert found.automatic[0].rule == "failover"
