"""Label selectors mean what Kubernetes means."""

import pytest

from planners.selectors import Requirement, Selector

LABELS = {"region": "eu", "size": "small"}


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
    assert Selector().matches({})
    assert str(Selector()) == "everything"


def test_all_requirements_must_hold() -> None:
    selector = Selector({"region": "eu"}, (Requirement("size", "NotIn", ("small",)),))

    assert not selector.matches(LABELS)
    assert selector.matches({"region": "eu", "size": "big"})
    assert str(selector) == "region=eu, size notin (small)"
