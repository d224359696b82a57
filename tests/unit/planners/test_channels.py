"""A channel tells of the events, tenants and applications that its policy names."""

import pytest

from planners.model.fleet import NotifiedChannel


@pytest.mark.parametrize(
    ("tenants", "applications", "told"),
    [
        ((), (), True),
        (("shop",), ("storefront",), True),
        (("bank",), (), False),
        ((), ("till",), False),
        (("shop",), ("till",), False),
    ],
)
def test_it_tells_of_what_both_lists_have(
    tenants: tuple[str, ...], applications: tuple[str, ...], told: bool
) -> None:
    channel = NotifiedChannel(
        "ops", "slack", frozenset({"needs"}), tenants=tenants, applications=applications
    )

    assert channel.tells("needs", "storefront", "shop") == told
    assert not channel.tells("ends", "storefront", "shop")
