"""Label selectors have the semantics of Kubernetes."""

import pytest

from planners.model import Cluster
from planners.model.selectors import LabelRequirement, Selector

LABELS = {"region": "eu", "size": "small"}
SMALL = Cluster("one", "flux", LABELS)
BIG = Cluster("two", "flux", {"region": "eu", "size": "big"})


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (LabelRequirement("region", "In", ("eu", "us")), True),
        (LabelRequirement("region", "In", ("us",)), False),
        (LabelRequirement("missing", "In", ("eu",)), False),
        (LabelRequirement("region", "NotIn", ("us",)), True),
        (LabelRequirement("region", "NotIn", ("eu",)), False),
        (LabelRequirement("missing", "NotIn", ("eu",)), True),
        (LabelRequirement("size", "Exists"), True),
        (LabelRequirement("missing", "Exists"), False),
        (LabelRequirement("missing", "DoesNotExist"), True),
        (LabelRequirement("size", "DoesNotExist"), False),
    ],
)
def test_every_operator(requirement: LabelRequirement, expected: bool) -> None:
    assert requirement.holds(LABELS) is expected


def test_an_empty_selector_matches_everything() -> None:
    assert Selector().matches(Cluster("bare", "flux"))
    assert str(Selector()) == "all clusters"


def test_all_requirements_must_hold() -> None:
    selector = Selector({"region": "eu"}, (LabelRequirement("size", "NotIn", ("small",)),))

    assert not selector.matches(SMALL)
    assert selector.matches(BIG)
    assert str(selector) == "region=eu, size notin (small)"


def test_names_and_exclusions_narrow_a_label_selector() -> None:
    selector = Selector({"region": "eu"}, names=("one", "two"), excluded=Selector({"size": "big"}))

    assert selector.matches(SMALL)
    assert not selector.matches(BIG)
    assert not selector.matches(Cluster("three", "flux", LABELS))
    assert str(selector) == "region=eu, name in (one, two), except size=big"
