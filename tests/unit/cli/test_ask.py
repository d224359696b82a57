"""`why` before anything of an application is rolled out, and while waves wait."""

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


def wave(name: str, *gates: tuple[str, str], pending: tuple[str, ...] = ()) -> dict[str, object]:
    """A wave that these gates hold, each since a time."""
    closed = [{"reason": why, "remedy": "by itself", "since": since} for why, since in gates]
    silent = [{"unit": unit, "reason": "no report yet"} for unit in pending]
    about = {"name": name, "state": "waiting", "changes": "2 created", "digest": "d"}
    where = {"components": ["cart", "web"], "clusters": ["one", "two"]}
    return {**about, **where, "merge_request": None, "gates": closed, "pending": silent}


def test_each_reason_is_said_once_with_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frozen = "frozen by sale"
    waves = [
        wave("canary.1", pending=("cart@one", "web@one")),
        wave(
            "rest.1", (frozen, "2026-11-20T12:05:00Z"), ("waits for canary", "2026-11-20T12:00:00Z")
        ),
        wave("rest.2", (frozen, "2026-11-20T12:01:00Z")),
    ]
    units = [
        {"component": part, "cluster": "one", "readiness": "UNKNOWN", "message": ""}
        for part in ("cart", "web")
    ]
    rollout = Rollout.model_validate(
        {**NOTHING, "headline": "held", "waves": waves, "units": units}
    )
    monkeypatch.setattr(ServiceApi, "rollout", lambda *_: rollout)

    assert main(["why", "storefront"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "storefront: held",
        "canary.1: waiting, 2 created",
        "  cart@one, web@one: no report yet",
        "rest.1, rest.2: frozen by sale (by itself), since 2026-11-20T12:01:00Z",
        "rest.1: waits for canary (by itself), since 2026-11-20T12:00:00Z",
    ]
