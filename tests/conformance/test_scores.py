"""What placement relies on from every score: each example is tried on all of them."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents.models import PlacementPart
from bot.engine import discovery
from planners.model import Cluster, Unit
from planners.placement.scores import BEST, Score, key_of
from tests.conformance.placements import KEYS, VALUES, Case, cases, clusters, small

SCORES = tuple(discovery.scores().values())
every = pytest.mark.parametrize("score", SCORES, ids=lambda each: each.name)
subjects = st.sampled_from((*KEYS, *VALUES))


def subject(score: Score, drawn: str) -> str:
    return drawn if score.subject else ""


@every
def test_it_can_be_preferred_and_is_described(score: Score) -> None:
    key = f"{score.name}/x" if score.subject else score.name
    document = {"components": ["cart"], "allOf": [{}], "prefer": {key: 1}}

    assert PlacementPart.model_validate(document).prefer == {key: 1}
    assert f"`{key_of(score)}`" in (PlacementPart.model_fields["prefer"].description or "")


@every
def test_it_says_what_it_prefers(score: Score) -> None:
    assert score.summary
    assert score.summary[0].islower(), "continues `Prefers ...`"
    assert not score.summary.endswith(".")


@given(case=cases, drawn=subjects)
@small
def test_points_are_hundredths_from_0_to_100_with_their_inputs(case: Case, drawn: str) -> None:
    for score in SCORES:
        request = case.request()
        for cluster in case.clusters:
            points = score.score(request, cluster, subject(score, drawn))

            assert 0 <= points.value <= BEST
            assert points.value == round(points.value, 2)
            assert points.inputs.strip() == points.inputs != ""
            assert "\n" not in points.inputs


@given(case=cases, drawn=subjects)
@small
def test_it_scores_all_clusters_at_once_as_it_scores_each(case: Case, drawn: str) -> None:
    for score in SCORES:
        request, key = case.request(), subject(score, drawn)

        values = score.values(request, key)

        assert values.dtype == np.float64
        expected = [score.score(request, each, key).value for each in request.columns.clusters]
        assert values.tolist() == expected


@given(case=cases, drawn=subjects)
@small
def test_it_is_a_pure_function(case: Case, drawn: str) -> None:
    for score in SCORES:
        request, before = case.request(), deepcopy(case.request())
        key = subject(score, drawn)

        first = [score.score(request, each, key) for each in case.clusters]
        again = [score.score(before, each, key) for each in reversed(case.clusters)]
        score.values(request, key)

        assert first == again[::-1]
        assert request == case.request()


@given(case=cases, drawn=subjects, newcomer=clusters("c4"))
@small
def test_a_cluster_that_joins_changes_no_points(case: Case, drawn: str, newcomer: Cluster) -> None:
    """Otherwise running components would move between others (ADR 0015)."""
    for score in SCORES:
        request, larger, key = case.request(), case.request(newcomer), subject(score, drawn)

        for each in case.clusters:
            assert score.score(larger, each, key) == score.score(request, each, key)


@given(case=cases, drawn=subjects)
@small
def test_it_says_whether_a_choice_changes_the_points_of_others(case: Case, drawn: str) -> None:
    for score in SCORES:
        if score.depends_on_choice:
            continue
        request, key, (chosen, *others) = case.request(), subject(score, drawn), case.clusters
        before = [score.score(request, each, key) for each in others]

        request.allocation.assign(Unit(request.component.name, chosen.name), {})

        assert [score.score(request, each, key) for each in others] == before
