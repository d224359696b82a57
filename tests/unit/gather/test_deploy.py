"""Law 18: what is merged, read again after some commits, is what a reading of everything gives."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.engine.results import DifferentResultError, Results
from bot.forges import RepositoryInfo
from bot.gather.deploy import read_base, read_units
from bot.gather.repository import Checkout
from bot.git import Mirror, Mirrors, RepositoryRefusedError, Signature
from planners.model import Registration, Repo, Unit
from planners.model.fleet_files import FleetFiles
from tests.fakes.direct_git import FileGit
from tests.fakes.githttp import git

REPO = Repo("local", "fleet/deploy")
SHOP = Registration("store", "shop", Repo("local", "shop/store"), REPO)
OURS = "Roll out\n\nSwitchyard-Application: store\nSwitchyard-Source: local:shop/store@{}\n"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PATHS = (
    "clusters/{}/apps/shop/store/web/deployment-web.yaml",
    "clusters/{}/apps/shop/store/web/service-web.yaml",
    "clusters/{}/apps/shop/store/cart/deployment-cart.yaml",
    "clusters/{}/sync/shop/store/web.yaml",
    "clusters/{}/sync/shop/store/notes",
    "clusters/{}/sync/readme.md",
    "clusters/{}/apps/shop/other/web/deployment-web.yaml",
    "readme.md",
)


class Deploy:
    """A deploy repo that commits are added to, in its mirror."""

    def __init__(self, folder: Path) -> None:
        remote = folder / "remote"
        remote.mkdir()
        git(remote, "init", "--bare", "-q", "-b", "main")
        tree = git(remote, "mktree")
        self.head = git(remote, "commit-tree", "-m", "Begin", tree)
        git(remote, "update-ref", "refs/heads/main", self.head)
        self.mirror: Mirror = Mirrors(folder / "mirrors", transport=FileGit()).of(REPO)
        self.mirror.fetch(remote.as_uri(), None)
        self.kept, self.at = Results(10**9), START

    def commit(self, changes: Mapping[str, bytes | None], message: str, name: str = "Ada") -> None:
        author = Signature(name, f"{name.lower()}@example.com")
        self.at += timedelta(minutes=1)
        self.head = self.mirror.commit(
            self.head, changes, message=message, author=author, at=self.at
        )

    @property
    def checkout(self) -> Checkout:
        return Checkout(REPO, cast("RepositoryInfo", None), self.mirror, self.head)

    def read(self) -> Any:
        """The base from what is kept; the same, made of nothing."""
        found = read_base(self.kept, self.checkout, SHOP)
        whole = read_base(Results(10**9), self.checkout, SHOP)
        assert found == whole
        assert read_units(self.kept, self.checkout, SHOP) == whole.entries
        return found


@pytest.mark.parametrize("seed", range(4))
def test_a_base_made_from_an_earlier_one_is_that_of_a_whole_reading(
    seed: int, tmp_path: Path
) -> None:
    draw, deploy = random.Random(seed), Deploy(tmp_path)
    for step in range(14):
        changes = {
            draw.choice(PATHS).format(draw.choice("abc")): draw.choice((b"1", b"2", b"3", None))
            for _ in range(draw.randint(1, 5))
        }
        ours = draw.random() < 0.5
        deploy.commit(changes, OURS.format(f"{step:040}") if ours else "Mend by hand")
        if draw.random() < 0.6:
            deploy.read()
    deploy.read()


def test_units_that_a_merge_leaves_alone_are_not_read_again(tmp_path: Path) -> None:
    deploy = Deploy(tmp_path)
    deploy.commit({path.format(name): b"1" for path in PATHS for name in "abc"}, OURS)
    before = deploy.read().entries
    altered = {unit: dict.fromkeys(files, "0" * 40) for unit, files in before.items()}
    deploy.kept.keep(("units", REPO, deploy.head, SHOP), FleetFiles.of(altered), 0)
    deploy.commit({PATHS[0].format("b"): b"2"}, "Mend by hand", "Eve")
    after = read_base(deploy.kept, deploy.checkout, SHOP)
    for unit, files in after.entries.items():
        assert (set(files.values()) == {"0" * 40}) == (unit.cluster != "b"), unit
    assert after.foreign_files == {PATHS[0].format("b"): "Eve"}
    assert after.changes[Unit("web", "b")].author == "Eve"


def test_what_a_whole_reading_refuses_is_refused_after_a_merge_too(tmp_path: Path) -> None:
    deploy = Deploy(tmp_path)
    deploy.commit({PATHS[0].format("a"): b"1"}, OURS)
    deploy.read()
    folder = next((tmp_path / "mirrors").rglob("HEAD")).parent
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=b"elsewhere")
    link = git(folder, "mktree", stdin=f"120000 blob {blob}\tlink.yaml\n".encode())
    web = git(folder, "mktree", stdin=f"040000 tree {link}\tweb\n".encode())
    for name in ("store", "shop", "apps", "a", "clusters"):
        web = git(folder, "mktree", stdin=f"040000 tree {web}\t{name}\n".encode())
    deploy.head = git(folder, "commit-tree", "-p", deploy.head, "-m", "Link", web)
    for kept in (deploy.kept, Results(10**9)):
        with pytest.raises(RepositoryRefusedError, match="symbolic links are not supported"):
            read_base(kept, deploy.checkout, SHOP)


def test_verification_finds_a_base_that_was_made_from_a_wrong_one(tmp_path: Path) -> None:
    deploy = Deploy(tmp_path)
    deploy.commit({PATHS[0].format("a"): b"1", PATHS[2].format("b"): b"1"}, OURS)
    right = deploy.read()
    first, deploy.kept = deploy.head, Results(10**9, verify=True)
    deploy.commit({PATHS[0].format("a"): b"2"}, OURS)
    wrong = replace(right, foreign_files={PATHS[2].format("b"): "Eve"})
    deploy.kept.keep(("base", REPO, first, SHOP), wrong, 1)
    assert read_base(deploy.kept, deploy.checkout, SHOP).foreign_files == wrong.foreign_files
    with pytest.raises(DifferentResultError, match="base"):
        read_base(deploy.kept, deploy.checkout, SHOP)
