"""The ready-made changes of `demo play`, as values and once against a forge."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.clock import system_clock
from bot.documents import read_application, read_fleet
from bot.sandbox.demo import kept
from bot.sandbox.demo.changes import BROKEN_CLUSTER, NotNowError, Outcome, Place, Scene
from bot.sandbox.demo.kept import Kept
from bot.sandbox.demo.playing import changes, perform, told
from bot.sandbox.demo.site import APP, BOT, FLEET, PEOPLE, sample, start_site
from planners.model import Maintenance

BROKEN = {BROKEN_CLUSTER: frozenset({"ads"})}
PROPOSING = ("bump-an-image", "drain-a-region", "weaken-a-rule")


def scene(
    app: Mapping[str, bytes] | None = None,
    fleet: Mapping[str, bytes] | None = None,
    failing: Mapping[str, frozenset[str]] | None = None,
) -> Scene:
    return Scene(sample("app") if app is None else app, fleet or sample("fleet"), failing or {})


def after(name: str) -> tuple[Outcome, Scene]:
    """What a change does, and the scene once its merge request is merged."""
    before = scene()
    outcome = changes()[name].outcome(before)
    assert outcome.proposal is not None
    app, fleet = dict(before.app), dict(before.fleet)
    {APP: app, FLEET: fleet}[outcome.proposal.repository].update(outcome.proposal.files)
    return outcome, scene(app, fleet)


@pytest.mark.parametrize("name", PROPOSING)
def test_what_is_proposed_has_no_mistake(name: str) -> None:
    _, merged = after(name)
    found = read_fleet(merged.fleet)
    application = read_application(merged.app, found.fleet, found.fleet.registration("storefront"))

    assert (found.problems, application.problems) == ((), ())


def test_each_bump_proposes_the_next_minor_version() -> None:
    first, merged = after("bump-an-image")
    second = changes()["bump-an-image"].outcome(merged)

    assert first.proposal
    assert second.proposal
    assert [first.proposal.title, second.proposal.title] == [
        "Update ads to 0.5.0",
        "Update ads to 0.6.0",
    ]
    (content,) = first.proposal.files.values()
    before = sample("app")["deploy/ads/deployment.yaml"]
    assert content == before.replace(b"/ads:0.4.0", b"/ads:0.5.0") != before


def test_a_region_is_drained_whole_and_no_other() -> None:
    _, merged = after("drain-a-region")

    drained = {
        each.name
        for each in read_fleet(merged.fleet).fleet.clusters
        if each.maintenance is Maintenance.DRAINED
    }
    assert drained == {"ap-core-1", "ap-edge-1", "ap-edge-2", "ap-edge-3"}


def test_a_weakened_policy_needs_no_approvals() -> None:
    _, merged = after("weaken-a-rule")

    (policy,) = read_fleet(merged.fleet).fleet.policies
    (before,) = read_fleet(sample("fleet")).fleet.policies
    assert before.approvals
    assert policy == replace(before, approvals=())


def test_a_broken_cluster_can_be_mended() -> None:
    broken = changes()["break-a-cluster"].outcome(scene())
    assert broken.failing == BROKEN

    mended = changes()["mend-a-cluster"].outcome(scene(failing=BROKEN))
    assert mended.failing == {}
    assert BROKEN_CLUSTER in mended.says


@pytest.mark.parametrize(
    ("name", "now", "step"),
    [
        ("bump-an-image", scene(app={"README.md": b""}), "merge it as Ada"),
        ("break-a-cluster", scene(failing=BROKEN), "play mend-a-cluster"),
        ("mend-a-cluster", scene(), "play break-a-cluster"),
        ("drain-a-region", after("drain-a-region")[1], "remove `maintenance: drained`"),
        ("weaken-a-rule", after("weaken-a-rule")[1], "add `approvals`"),
    ],
)
def test_a_change_without_effect_names_the_next_step(name: str, now: Scene, step: str) -> None:
    with pytest.raises(NotNowError, match=step):
        changes()[name].outcome(now)


@pytest.mark.parametrize("name", list(changes()))
def test_every_change_names_pages_to_look_at(name: str) -> None:
    now = scene(failing=BROKEN if name == "mend-a-cluster" else None)
    outcome = changes()[name].outcome(now)
    places = {Place.FORGE: "http://f", Place.SERVICE: "http://s", Place.REQUEST: "http://f/r/1"}

    lines = told(outcome, places).splitlines()
    assert lines[:2] == [outcome.says, "Look at:"]
    links = lines[2::2]
    assert links
    assert all(each.startswith("  http://") for each in links)
    assert ("  http://f/r/1" in links) == (outcome.proposal is not None)


def test_a_change_is_proposed_once_while_it_is_open(tmp_path: Path) -> None:
    tokens = {login: f"token-of-{login}" for login in (*PEOPLE, BOT)}
    site = start_site(tmp_path / "forge", tokens, system_clock)
    try:
        otto = site.person("otto")
        otto.push(FLEET, "main", sample("fleet"), "Describe the fleet")
        otto.push(APP, "main", {"README.md": b"\n"}, "Begin")
        demo = Kept(int(site.url.rpartition(":")[2]) - 1, tokens, {}, 1)
        weaken, broken = changes()["weaken-a-rule"], changes()["break-a-cluster"]

        first = perform(weaken, tmp_path, demo)
        assert perform(weaken, tmp_path, demo) == first
        (request,) = otto.requests(FLEET)
        assert f"{site.url}/{FLEET}/merge_requests/{request['number']}\n" in first
        otto.set_state(FLEET, int(request["number"]), "closed")
        assert f"{FLEET}/merge_requests/2\n" in perform(weaken, tmp_path, demo)
        perform(broken, tmp_path, demo)
        assert kept.failing(tmp_path) == BROKEN
    finally:
        site.server.stop()
