"""`why` before anything of an application is rolled out."""

import pytest

from bot.__main__ import main
from bot.cli.service_api import Rollout, ServiceApi

NOTHING = {
    "application": "storefront",
    "headline": "the default branch has no switchyard.yaml",
    "done": False,
    "digest": "",
    "app": "local:shop/storefront",
    "home": None,
    "problems": [],
    "waves": [],
    "units": [],
}


def test_a_component_of_an_application_that_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name cannot be compared with any."""
    rollout = Rollout.model_validate(NOTHING)
    monkeypatch.setattr(ServiceApi, "rollout", lambda *_: rollout)

    assert main(["why", "storefront", "cart"]) == 1
    expected = "storefront runs nothing yet: the default branch has no switchyard.yaml\n"
    assert capsys.readouterr().err == expected
