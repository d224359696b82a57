"""The view of a plan: each text once, bounded, without secrets, also after a wave is merged."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.report import plan_view as plans
from bot.report.model import PlanView
from bot.report.plan_view import plan_view
from planners.gating.change_sets import ChangeSet
from planners.gating.differences import FileChange
from planners.model import Stage, Unit
from planners.order import Wave


def change(name: str, new: str | None, clusters: tuple[str, ...] = ("one", "two")) -> ChangeSet:
    """A wave that writes one file on each cluster; nothing where `new` is None."""
    units = tuple(Unit("web", cluster) for cluster in clusters)
    files = tuple(
        FileChange(f"clusters/{unit.cluster}/apps/web.yaml", unit, None, new)
        for unit in units
        if new
    )
    return ChangeSet(Wave(name, Stage("s"), 0, 0, units), files, 0, f"digest of {name}")


def view(blobs: dict[str, bytes], before: PlanView | None, *changes: ChangeSet) -> PlanView:
    plan = SimpleNamespace(
        application="storefront", revision=SimpleNamespace(sha="a" * 40), trace=()
    )
    proposal: Any = SimpleNamespace(plan=plan, digest="d" * 64, changes=changes, links=())
    return plan_view(proposal, blobs, before)


BLOBS = {"new": b"kind: ConfigMap\ndata: {colour: blue}\n"}


def test_equal_changes_are_grouped_and_their_text_is_kept_once() -> None:
    made = view(BLOBS, None, change("s.1", "new"), change("s.2", "new", ("three",)))

    assert [wave.name for wave in made.waves] == ["s.1", "s.2"]
    assert made.waves[0].groups[0].clusters == ("one", "two")
    (file,) = made.waves[1].groups[0].files
    assert (file.path, file.added, file.removed) == ("clusters/*/apps/web.yaml", 2, 0)
    assert list(made.texts) == [file.text]
    assert "+data: {colour: blue}" in made.texts[file.text]


def test_a_merged_wave_keeps_its_diffs_as_long_as_the_plan_is_the_same() -> None:
    before = view(BLOBS, None, change("s.1", "new"), change("s.2", "new"))
    after = view(BLOBS, before, change("s.1", None), change("s.2", "new"))
    assert after == before

    other = view(
        BLOBS, replace(before, digest="another"), change("s.1", None), change("s.2", "new")
    )
    assert [wave.name for wave in other.waves] == ["s.2"]


def test_a_change_that_is_the_same_is_not_compared_again() -> None:
    before = view(BLOBS, None, change("s.1", "new"))

    assert view({}, before, change("s.1", "new")) == before


def test_what_is_too_large_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MAX_DIFF_BYTES", 1_000)
    blobs = {**BLOBS, "huge": b"data: " + b"x" * 1_000 + b"\n"}
    made = view(blobs, None, change("s.1", "huge"), change("s.2", "new"))

    (file,) = made.waves[0].groups[0].files
    assert file.text == ""
    assert file.size > 1_000
    assert len(made.texts) == 1
    again = view(blobs, made, change("s.1", None), change("s.2", "new"))
    assert again == made


def test_all_texts_together_are_bounded() -> None:
    texts = plans.Texts(left=100)
    assert texts.keep("a" * 60)
    assert not texts.keep("b" * 60)
    assert texts.keep("a" * 60)
    assert texts.keep("c" * 40)


def test_no_secret_is_kept() -> None:
    blobs = {
        "new": b"kind: Secret\nstringData: {password: hunter2}\n",
        "key": b'kind: ConfigMap\ndata: {pem: "-----BEGIN PRIVATE KEY-----\\nMIIE"}\n',
    }
    made = view(blobs, None, change("s.1", "new"), change("s.2", "key"))

    assert len(made.texts) == 2
    assert "hunter2" not in str(made)
    assert "MIIE" not in str(made)
