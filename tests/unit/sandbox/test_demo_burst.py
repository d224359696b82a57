"""The application of `demo --burst` is one that can be planned."""

from bot.documents import read_application, read_fleet
from bot.sandbox.demo.burst import BEFORE, added_files, policy
from bot.sandbox.demo.site import sample


def test_the_sample_with_its_rule_has_no_mistake() -> None:
    fleet = read_fleet({**sample("fleet"), **policy()}).fleet
    files = {**sample("app"), **added_files()}

    found = read_application(files, fleet, fleet.registration("storefront"))

    assert found.problems == ()
    assert len(BEFORE) == 3
    assert found.application is not None
    (rule,) = found.application.rules
    assert rule.name == fleet.policies[0].automatic[0].rule
    assert {each.name for each in found.application.components} >= {"search", "web"}
