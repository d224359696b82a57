"""Selectors and names that match nothing are reported: refused, or warned of with the selector."""

from pathlib import Path

import pytest

from bot.cli.errors import InputError
from bot.documents import read_fleet
from tests.fakes.builders import warnings_of
from tests.fakes.folders import (
    application,
    cluster,
    deployment,
    planned,
    policy,
    registration,
    sites,
    tenant,
)

FLEET = {
    **cluster("a", "canary: yes1, tier: edge"),
    **cluster("b", "tier: edge"),
    **cluster("c", "tier: core, canary: late"),
    **tenant(),
    **registration(),
}
EDGE = "[{matchLabels: {tier: edge}}]"
REPLACE = "target: {kind: Deployment, name: web}, mergePatch: {spec: {replicas: 2}}"


def files(more: str = "", all_of: str = EDGE) -> dict[str, str | bytes]:
    """An application with one component."""
    spec = (
        "components: [{name: web, source: {manifests: web}}]\n"
        f"placement: [{{components: [web], allOf: {all_of}}}]\n{more}"
    )
    return {**application(spec), "web/web.yaml": deployment("web")}


@pytest.mark.parametrize(
    ("intent", "warning"),
    [
        pytest.param(
            "rollout: {stages: [{name: first, clusters: {matchLabels: {canary: late}}}]}",
            "switchyard.yaml:8:22: stage first (canary=late) selects no cluster on which a component is placed: the "
            "rollout skips it",
            id="a stage outside of the placement",
        ),
        pytest.param(
            "rollout: {stages: [{name: all, clusters: {names: [a, b]}}, {name: b, clusters: {names: [a]}}]}",
            "switchyard.yaml:8:62: stage b (name in (a)) selects only clusters that earlier stages take: the rollout "
            "skips it",
            id="a stage behind another",
        ),
        pytest.param(
            f"customizations: [{{name: x, components: [web], clusters: {{names: [c]}}, {REPLACE}}}]",
            "switchyard.yaml:8:20: customisation x has no effect: web runs on no cluster that it "
            "selects (name in (c))",
            id="a customisation outside of the placement",
        ),
        pytest.param(
            "exceptions: [{components: [web], replicas: 2, reason: load, clusters: {names: [c]}}]",
            "switchyard.yaml:8:16: the exception for replicas has no effect: web runs on no cluster "
            "that it selects (name in (c))",
            id="an exception outside of the placement",
        ),
    ],
)
def test_an_intent_without_effect_is_reported(tmp_path: Path, intent: str, warning: str) -> None:
    proposal = planned(tmp_path, files(intent), FLEET)

    assert not proposal.problems
    assert warnings_of(proposal) == (warning,)


def test_a_rule_that_a_policy_lets_act_and_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    allowed = policy("automatic: [{application: store, rule: peak, clusters: {}}]")

    (told,) = warnings_of(planned(tmp_path, files(), {**FLEET, **allowed}))

    assert told == (
        "policy default lets rule peak act without a person, but store has no such rule (it has "
        "none): correct the name in the fleet repo"
    )


def test_intents_with_effect_are_not_reported(tmp_path: Path) -> None:
    more = (
        "rollout: {stages: [{name: first, clusters: {names: [a]}}, {name: rest}]}\n"
        f"customizations: [{{name: core, components: [web], except: {{names: [a]}}, {REPLACE}}}]"
    )

    assert warnings_of(planned(tmp_path, files(more), FLEET)) == ()


def test_a_name_of_no_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r":7:55: unknown cluster 'bb' \(did you mean 'b'\?\)"):
        planned(tmp_path, files(all_of="[{names: [a, bb]}]"), FLEET)


def test_a_name_of_no_cluster_inside_of_an_exclusion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown cluster 'typo'"):
        planned(tmp_path, files(all_of="[{names: [a], except: {names: [typo]}}]"), FLEET)


def test_a_name_of_no_cluster_in_a_fleet_document_is_refused() -> None:
    texts = {**FLEET, **policy("approvals: [{clusters: {names: [aa]}, count: 1}]")}

    problems = read_fleet({path: text.encode() for path, text in texts.items()}).problems

    assert [str(each) for each in problems] == [
        "policies/default.yaml:4:40: unknown cluster 'aa' (did you mean 'a'?)"
    ]


def test_an_empty_list_of_names_selects_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name in \(\) matches no cluster of the fleet"):
        planned(tmp_path, files(all_of="[{names: []}]"), FLEET)

    free = {**FLEET, **tenant(spec="namespace: shop, clusters: {names: []}")}
    assert sites(planned(tmp_path, files(), free), "web") == []


def test_weights_that_are_all_0_are_refused(tmp_path: Path) -> None:
    weights = "[{clusters: {matchLabels: {tier: edge}}, weight: 0}]"
    rule = f"{{name: web, total: 4, divide: weighted, weights: {weights}}}"
    spec = (
        "components: [{name: web, source: {manifests: web}}]\n"
        f"placement: [{{components: [web], allOf: {EDGE}, replicas: {rule}}}]"
    )

    proposal = planned(tmp_path, {**application(spec), "web/web.yaml": deployment("web")}, FLEET)

    assert [str(each) for each in proposal.problems] == [
        "switchyard.yaml:7:15: web: none of 4 replicas of web would run, because all clusters have weight 0 (a, b): give one of them a weight"
    ]
