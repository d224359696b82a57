import gc
import os
import random
import shutil
import tracemalloc
from pathlib import Path

import pygit2
import pytest

from bot.forges import GitCredentials
from bot.git import BranchUpdate, GitError, Limits, Mirror, Mirrors, TransientGitError
from planners.model import Repo
from tests.fakes.direct_git import FileGit
from tests.fakes.githttp import git, serve
from tests.unit.git.world import BOT, CREDENTIALS, NOON, REPO, World


def test_fetch_adds_branches_and_removes_deleted_ones(world: World) -> None:
    main = world.add({"a": b"1"})
    work = world.add({"a": b"2"}, branch="switchyard/shop/one")
    git(world.remote, "tag", "v1", main)
    world.fetch()
    assert world.mirror.head("main") == main
    assert world.mirror.branches("switchyard/") == {"switchyard/shop/one": work}
    git(world.remote, "branch", "-D", "switchyard/shop/one")
    world.fetch()
    assert world.mirror.branches() == {"main": main}
    assert world.mirror.head("switchyard/shop/one") is None


@pytest.mark.parametrize("name", ["", "..", "a b", "x.lock", "-", "~", "no/such"])
def test_invalid_branch_names_do_not_exist(world: World, name: str) -> None:
    world.add({"a": b"1"})
    world.fetch()
    assert world.mirror.head(name) is None


def test_a_rewritten_branch_is_followed(world: World) -> None:
    world.add({"a": b"1"})
    world.fetch()
    git(world.remote, "update-ref", "-d", "refs/heads/main")
    rewritten = world.add({"a": b"other"})
    world.fetch()
    assert world.mirror.head("main") == rewritten


def test_wrong_credentials_are_tried_once_and_reported(world: World) -> None:
    with pytest.raises(GitError, match="requires credentials") as caught:
        world.mirror.fetch(world.url, GitCredentials("bot", "wrong"))
    assert not isinstance(caught.value, TransientGitError)
    assert len(world.server.requests) == 2
    assert "wrong" not in str(caught.value)


def test_credentials_in_a_url_are_rejected_and_not_quoted(world: World) -> None:
    with pytest.raises(GitError, match="must not contain credentials") as caught:
        world.mirror.fetch("http://bot:s3cret@127.0.0.1/x.git", None)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["/srv/git/x", "file:///srv/git/x", "ssh://git@host/x", "git://host/x", "ext::sh", "http:"],
)
def test_only_http_urls_are_allowed(world: World, url: str) -> None:
    with pytest.raises(GitError):
        world.mirror.fetch(url, None)


def test_a_custom_transport_replaces_the_default(world: World, tmp_path: Path) -> None:
    head = world.add({"a": b"1"})
    mirror = Mirrors(tmp_path / "more", transport=FileGit()).of(REPO)
    mirror.fetch(world.remote.as_uri(), None)
    assert mirror.head("main") == head


@pytest.mark.parametrize(
    ("status", "transient"),
    [(500, True), (502, True), (503, True), (429, True), (403, False), (404, False), (401, False)],
)
def test_a_busy_server_is_a_transient_error_and_a_rejection_is_not(
    world: World, status: int, transient: bool
) -> None:
    world.server.status = status
    with pytest.raises(GitError) as caught:
        world.fetch()
    assert isinstance(caught.value, TransientGitError) is transient
    assert world.url in str(caught.value)


def test_an_unreachable_server_is_transient(world: World) -> None:
    with pytest.raises(TransientGitError, match="cannot fetch http"):
        world.mirror.fetch("http://127.0.0.1:1/x.git", CREDENTIALS)


def test_an_unresponsive_server_times_out(world: World) -> None:
    pygit2.settings.server_timeout = 200
    world.server.hang = True
    with pytest.raises(TransientGitError, match="timed out"):
        world.fetch()
    Mirrors(Path("unused"))
    assert pygit2.settings.server_timeout == 20_000
    assert pygit2.settings.server_connect_timeout == 5_000


def test_a_redirect_to_another_host_is_refused(world: World, tmp_path: Path) -> None:
    with serve(tmp_path / "other") as other:
        other.create("deploy")
        world.server.redirect = f"http://localhost:{other.port}"
        with pytest.raises(GitError, match="redirect") as caught:
            world.fetch()
        assert other.requests == []
    assert not isinstance(caught.value, TransientGitError)


def test_a_redirect_to_another_port_gets_no_credentials(world: World, tmp_path: Path) -> None:
    with serve(tmp_path / "other", {"somebody": "else"}) as other:
        other.create("deploy")
        world.server.redirect = f"http://127.0.0.1:{other.port}"
        with pytest.raises(GitError, match="credentials are not sent"):
            world.fetch()
        assert other.authorizations == [None]


def test_a_fetch_over_the_size_limit_is_aborted(world: World, tmp_path: Path) -> None:
    world.add({"a": bytes(range(256)) * 4000})
    mirror = Mirrors(tmp_path / "small", limits=Limits(fetch_bytes=100)).of(REPO)
    with pytest.raises(GitError, match="exceeds 100 bytes"):
        mirror.fetch(world.url, CREDENTIALS)


def test_a_fetch_over_the_time_limit_is_aborted(world: World, tmp_path: Path) -> None:
    world.add({"a": b"1"})
    mirror = Mirrors(tmp_path / "small", limits=Limits(fetch_seconds=-1)).of(REPO)
    with pytest.raises(TransientGitError, match="took more than -1 s"):
        mirror.fetch(world.url, CREDENTIALS)


def folder_of(world: World) -> Path:
    return world.mirror._folder


def test_a_deleted_mirror_is_recreated(world: World) -> None:
    head = world.add({"a": b"1"})
    world.fetch()
    shutil.rmtree(folder_of(world))
    assert world.mirror.head("main") is None
    world.fetch()
    assert world.mirror.files(head) == {"a": b"1"}


def test_an_incomplete_mirror_is_recreated(world: World) -> None:
    head = world.add({"a": b"1"})
    folder_of(world).mkdir(parents=True)
    (folder_of(world) / "HEAD").write_text("nonsense")
    world.fetch()
    assert world.mirror.head("main") == head


def test_missing_objects_are_detected_and_fetched_again(world: World) -> None:
    head = world.add({"a": b"1"})
    world.fetch()
    for pack in folder_of(world).glob("objects/pack/*"):
        pack.unlink()
    again = Mirrors(folder_of(world).parent).of(REPO)
    again.fetch(world.url, CREDENTIALS)
    assert again.files(head) == {"a": b"1"}


@pytest.mark.parametrize("spoiled", [slice(0, 40), slice(40, None), slice(-60, -20)])
def test_a_corrupt_pack_is_detected_and_repaired_by_the_next_fetch(
    world: World, spoiled: slice
) -> None:
    head = world.add({"a": b"1" * 5000})
    world.fetch()
    world.mirror._close()
    (pack,) = folder_of(world).glob("objects/pack/*.pack")
    content = bytearray(pack.read_bytes())
    content[spoiled] = bytes(len(content[spoiled]))
    pack.unlink()
    pack.write_bytes(content)
    with pytest.raises(GitError, match="fetch"):
        world.mirror.files(head)
    world.fetch()
    assert world.mirror.files(head) == {"a": b"1" * 5000}


def test_locks_of_a_killed_process_do_not_stop_its_successor(world: World) -> None:
    world.add({"a": b"1"})
    world.fetch()
    newer = world.add({"a": b"2"})
    for name in ("config.lock", "packed-refs.lock", "refs/remotes/origin/main.lock"):
        (folder_of(world) / name).touch()
    again = Mirrors(folder_of(world).parent).of(REPO)
    again.fetch(world.url, CREDENTIALS)
    assert again.head("main") == newer


def test_many_packs_are_repacked_without_loss(world: World, tmp_path: Path) -> None:
    mirror = Mirrors(tmp_path / "few", limits=Limits(packs=3)).of(REPO)
    heads = []
    for number in range(5):
        heads.append(world.add({"a": b"%d" % number}))
        mirror.fetch(world.url, CREDENTIALS)
    git(world.remote, "update-ref", "-d", "refs/heads/main")
    world.add({"b": b"another history"})
    mirror.fetch(world.url, CREDENTIALS)
    assert [mirror.files(head) for head in heads] == [{"a": b"%d" % n} for n in range(5)]
    assert len(list(mirror._folder.glob("objects/pack/*.pack"))) <= 3


def repacked(world: World, root: Path, **limits: int) -> Mirror:
    """The mirror after some fetches that brought packs, the last of which repacks."""
    mirror = Mirrors(root, limits=Limits(packs=1, **limits)).of(REPO)
    for _ in range(2):
        world.add({"b": b"%d" % world.commits})
        mirror.fetch(world.url, CREDENTIALS)
    return mirror


def size(mirror: Mirror) -> int:
    return sum(each.stat().st_size for each in mirror._folder.glob("objects/**/*"))


def test_deleted_branches_are_pruned_after_a_while(world: World, tmp_path: Path) -> None:
    world.add({"a": b"main"})
    large = random.Random(1).randbytes(100_000)
    side = world.add({"large": large}, branch="side")
    mirror = repacked(world, tmp_path / "few")
    for file in mirror._folder.glob("objects/pack/*"):
        os.utime(file, (0, 0))
    git(world.remote, "update-ref", "-d", "refs/heads/side")

    for _ in range(2):
        mirror = repacked(world, tmp_path / "few")
        assert mirror.files(side) == {"large": large}, "however old its pack is"
    assert size(mirror) > len(large)

    mirror = repacked(world, tmp_path / "few", unreachable_seconds=-60)
    assert not mirror.contains(side, side)
    assert size(mirror) < len(large)
    head = mirror.head("main")
    assert head == world.at("main")
    assert mirror.files(head)["a"] == b"main"


def test_a_commit_that_is_not_pushed_yet_outlives_a_repack(world: World, tmp_path: Path) -> None:
    world.add({"a": b"main"})
    mirror = repacked(world, tmp_path / "few")
    ours = mirror.commit(world.at("main"), {"c": b"new"}, message="Ours", author=BOT, at=NOON)
    for file in mirror._folder.glob("objects/??/*"):
        os.utime(file, (0, 0))

    repacked(world, tmp_path / "few")

    update = BranchUpdate(ours, None)
    assert mirror.push(world.url, CREDENTIALS, {"ours": update}) == {"ours": None}
    assert world.at("ours") == ours


def test_what_forks_were_asked_for_is_kept_until_the_repack_after_next(
    world: World, tmp_path: Path
) -> None:
    world.add({"a": b"main"})
    head = world.add({"a": b"theirs"}, branch="theirs")
    git(world.remote, "update-ref", "refs/pull/1/head", head)
    git(world.remote, "update-ref", "-d", "refs/heads/theirs")
    mirror = Mirrors(tmp_path / "few", limits=Limits(packs=1, unreachable_seconds=-60)).of(REPO)
    mirror.fetch(world.url, CREDENTIALS)
    assert mirror.fetch_ref(world.url, CREDENTIALS, "refs/pull/1/head") == head

    found = []
    for number in range(6):
        world.add({"b": b"%d" % number})
        mirror.fetch(world.url, CREDENTIALS)
        found.append(mirror.contains(head, head))

    assert found[0]
    assert not found[-1]


def test_reading_branches_keeps_no_memory(world: World) -> None:
    """pygit2 1.21 leaks the names that it looks up; a pass reads the heads of all waves."""
    for number in range(5):
        world.add({"a": b"1"}, branch=f"switchyard/shop/wave.{number}")
    world.fetch()

    def read() -> None:
        for name, head in world.mirror.branches("switchyard/").items():
            assert world.mirror.head(name) == head

    read()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(100):
            read()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000


def test_every_repository_has_its_own_safe_folder(tmp_path: Path) -> None:
    mirrors = Mirrors(tmp_path)
    repos = [
        Repo("local", "shop/a"),
        Repo("local", "Shop/a"),
        Repo("local", "shop-a"),
        Repo("local", "../../etc"),
        Repo("github", "x" * 500),
    ]
    folders = [mirrors.of(repo)._folder for repo in repos]
    assert len({str(folder).lower() for folder in folders}) == len(repos)
    assert {folder.parent for folder in folders} == {tmp_path}
    assert mirrors.of(repos[0]) is mirrors.of(Repo("local", "shop/a"))
