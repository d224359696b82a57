"""What the demonstration keeps in its folder, and what it says when it cannot."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.sandbox.demo import kept
from bot.sandbox.demo.agents import SimulatedCluster
from bot.sandbox.demo.argocd import ArgoCDBehaviour, SimulatedArgoCD
from bot.sandbox.demo.config_sync import ConfigSyncBehaviour, SimulatedConfigSync
from bot.sandbox.demo.fleet import Simulated
from bot.sandbox.demo.run import set_failing


def begun(folder: Path) -> kept.Kept:
    made = replace(kept.new(7080, ("ada", "switchyard")), number=1)
    kept.save(folder, made)
    return made


def test_a_demonstration_is_found_again(tmp_path: Path) -> None:
    made = begun(tmp_path)

    assert kept.load(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert len({*made.tokens.values(), *made.keys.values()}) == 5


def test_one_that_was_interrupted_while_it_began_is_none(tmp_path: Path) -> None:
    kept.save(tmp_path, kept.new(7080, ("ada",)))

    assert kept.load(tmp_path) is None


def test_forgetting_spares_what_is_not_its_own(tmp_path: Path) -> None:
    begun(tmp_path)
    for name in ("forge", "mine"):
        (tmp_path / name).mkdir()

    kept.forget(tmp_path)

    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_a_folder_with_other_files_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "forge").mkdir()
    kept.forget(tmp_path)

    assert main(["demo", "--data", str(tmp_path)]) == 1
    assert "give a new folder with --data" in capsys.readouterr().err
    assert (tmp_path / "forge").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--auto"], "leave out --data, name another folder, or give --fresh too"),
        (["play", "bump-a-image"], "known: break-a-cluster, bump-an-image, "),
        (["play", "bump-an-image"], "does `switchyard demo` run in"),
    ],
)
def test_mistakes_with_a_kept_demonstration(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.save(tmp_path, replace(begun(tmp_path), tokens={"otto": "t"}, port=1))

    assert main(["demo", *arguments, "--data", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_no_second_demonstration_runs_in_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path)
    with kept.locked(tmp_path):
        assert main(["demo", "--data", str(tmp_path)]) == 1
    assert "end it with Ctrl-C" in capsys.readouterr().err


def test_nothing_is_played_without_a_demonstration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "play", "bump-an-image", "--data", str(tmp_path / "none")]) == 1
    assert "start `switchyard demo` first" in capsys.readouterr().err
    assert main(["demo", "play"]) == 0
    assert capsys.readouterr().out.startswith("break-a-cluster   ads fails")


@pytest.mark.parametrize(
    "cluster",
    [
        SimulatedCluster("a", b"key"),
        SimulatedArgoCD("a", b"key", ArgoCDBehaviour()),
        SimulatedConfigSync("a", b"key", ConfigSyncBehaviour()),
    ],
    ids=["flux", "argocd", "config-sync"],
)
def test_every_kind_of_cluster_can_fail_and_recover(cluster: Simulated) -> None:
    before = cluster.behaviour
    set_failing(cluster, frozenset({"ads"}))
    assert cluster.behaviour == replace(before, failing=frozenset({"ads"}))

    set_failing(cluster, frozenset())
    assert cluster.behaviour == before
