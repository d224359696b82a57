"""Label selectors mean what Kubernetes means."""

import pytest

from planners.model import Cluster
from planners.model.selectors import Requirement, Selector

LABELS = {"region": "eu", "size": "small"}
SMALL = Cluster("one", "flux", LABELS)
BIG = Cluster("two", "flux", {"region": "eu", "size": "big"})


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (Requirement("region", "In", ("eu", "us")), True),
        (Requirement("region", "In", ("us",)), False),
        (Requirement("missing", "In", ("eu",)), False),
        (Requirement("region", "NotIn", ("us",)), True),
        (Requirement("region", "NotIn", ("eu",)), False),
        (Requirement("missing", "NotIn", ("eu",)), True),
        (Requirement("size", "Exists"), True),
        (Requirement("missing", "Exists"), False),
        (Requirement("missing", "DoesNotExist"), True),
        (Requirement("size", "DoesNotExist"), False),
    ],
)
def test_every_operator(requirement: Requirement, expected: bool) -> None:
    assert requirement.holds(LABELS) is expected


def test_an_empty_selector_selects_everything() -> None:
    assert Selector().matches(Cluster("bare", "flux"))
    assert str(Selector()) == "everything"


def test_all_requirements_must_hold() -> None:
    selector = Selector({"region": "eu"}, (Requirement("size", "NotIn", ("small",)),))

    assert not selector.matches(SMALL)
    assert selector.matches(BIG)
    assert str(selector) == "region=eu, size notin (small)"


def test_names_and_exceptions_narrow_what_labels_select() -> None:
    selector = Selector({"region": "eu"}, names=("one", "two"), excluded=Selector({"size": "big"}))

    assert selector.matches(SMALL)
    assert not selector.matches(BIG)
    assert not selector.matches(Cluster("three", "flux", LABELS))
    assert str(selector) == "region=eu, name in (one, two), except size=big"
