"""What placement relies on from every filter: each example is tried on all of them."""

from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given

from bot.engine import discovery
from planners.placement.filters import Filter
from tests.conformance.placements import Case, cases, small

FILTERS = tuple(discovery.filters().values())
every = pytest.mark.parametrize("filter_", FILTERS, ids=lambda each: each.name)


def test_the_order_of_asking_is_told_by_the_filters_alone() -> None:
    orders = [each.order for each in discovery.filters().values()]

    assert len(set(orders)) == len(orders)


@every
def test_it_says_what_it_is_for(filter_: Filter) -> None:
    assert filter_.summary
    assert filter_.summary[0].islower(), "continues `A component ...`"
    assert not filter_.summary.endswith(".")


@given(case=cases)
@small
def test_it_judges_any_cluster_and_says_why(case: Case) -> None:
    for filter_ in FILTERS:
        request = case.request()
        for cluster in case.clusters:
            verdict = filter_.admit(request, cluster)

            assert verdict.filter == filter_.name
            for text in (verdict.seen, verdict.needed):
                assert text.strip() == text != ""
                assert "\n" not in text


@given(case=cases)
@small
def test_it_judges_all_clusters_at_once_as_it_judges_each(case: Case) -> None:
    for filter_ in FILTERS:
        request = case.request()

        admitted = filter_.admits(request)

        assert admitted.dtype == np.bool_
        expected = [filter_.admit(request, each).admitted for each in request.columns.clusters]
        assert admitted.tolist() == expected


@given(case=cases)
@small
def test_it_is_a_pure_function(case: Case) -> None:
    for filter_ in FILTERS:
        request, before = case.request(), deepcopy(case.request())

        first = [filter_.admit(request, each) for each in case.clusters]
        again = [filter_.admit(before, each) for each in reversed(case.clusters)]

        filter_.admits(request)

        assert first == again[::-1]
        assert request == case.request()
