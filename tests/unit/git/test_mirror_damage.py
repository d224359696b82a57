"""A mirror is a cache: whatever happens to its files, the next fetch makes it good."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.git import GitError, Mirror, Mirrors
from tests.unit.git.world import CREDENTIALS, REPO, World

REF = "refs/remotes/origin/main"


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content)

    return damage


def removed(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for each in folder.glob(name):
            shutil.rmtree(each) if each.is_dir() else each.unlink()

    return damage


def cut(pattern: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for each in folder.glob(pattern):
            content = each.read_bytes()
            each.unlink()
            each.write_bytes(content[: len(content) // 2])

    return damage


def replaced_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "HEAD empty": written("HEAD", b""),
    "HEAD zeros": written("HEAD", bytes(41)),
    "HEAD nonsense": written("HEAD", b"nonsense"),
    "HEAD removed": removed("HEAD"),
    "config empty": written("config", b""),
    "config nonsense": written("config", b"[core\nbare = "),
    "config removed": removed("config"),
    "branch empty": written(REF, b""),
    "branch zeros": written(REF, bytes(41)),
    "branch nonsense": written(REF, b"nonsense\n"),
    "branch of an unknown commit": written(REF, b"1" * 40 + b"\n"),
    "packed branches nonsense": written("packed-refs", b"nonsense\n"),
    "packed branches zeros": written("packed-refs", bytes(100)),
    "HEAD locked": written("HEAD.lock", b""),
    "config locked": written("config.lock", b""),
    "packed branches locked": written("packed-refs.lock", b""),
    "branch locked": written(f"{REF}.lock", b""),
    "index of packs locked": written("objects/pack/multi-pack-index.lock", b""),
    "half a pack": cut("objects/pack/*.pack"),
    "half an index": cut("objects/pack/*.idx"),
    "no packs": removed("objects/pack/*"),
    "no objects": removed("objects"),
    "no branches": removed("refs"),
    "shallow nonsense": written("shallow", b"nonsense\n"),
    "alternates nonsense": written("objects/info/alternates", b"/nowhere\n"),
    "a file": replaced_by_a_file,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_mirror_heals(world: World, kind: str) -> None:
    world.add({"a": b"1"})
    world.fetch()
    DAMAGE[kind](world.mirror._folder)
    head = world.add({"a": b"2"})

    assert healed(world, world.mirror, head)


def healed(world: World, mirror: Mirror, head: str) -> bool:
    """Within the three fetches of three passes, the first of which may meet the damage."""
    for _ in range(3):
        try:
            mirror.fetch(world.url, CREDENTIALS)
            if mirror.head("main") == head and mirror.files(head) == {"a": b"2"}:
                return True
        except GitError:
            continue
    return False


def test_half_packs_of_killed_processes_are_removed(world: World) -> None:
    world.add({"a": b"1"})
    world.fetch()
    left = world.mirror._folder / "objects/pack/tmp_pack_x1"
    left.write_bytes(b"half")

    Mirrors(world.mirror._folder.parent).of(REPO).fetch(world.url, CREDENTIALS)

    assert not left.exists()


def test_a_mirror_that_cannot_be_written_is_tried_again(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(GitError, match="cannot be written: Not a directory"):
        Mirrors(tmp_path / "file" / "mirrors").of(REPO).fetch(world.url, CREDENTIALS)
