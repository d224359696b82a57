"""The files of a fleet in columns act like dictionaries of them."""

import pickle
import random
from collections.abc import Mapping

import pytest

from planners.gating.differences import FileChange, differences
from planners.model import Unit
from planners.model.fleet_files import FleetFiles
from planners.model.unit_files import UnitFiles
from planners.plan import digest_of, file_digests
from renderers.tree import blob_id

Files = Mapping[Unit, Mapping[str, str]]

IDS = [blob_id(b"%d" % number) for number in range(4)]
NAMES = ("apps/a.yaml", "apps/b.yaml", 'apps/é"b.yaml', "sync/web.yaml")


def drawn(seed: int) -> dict[Unit, dict[str, str]]:
    """Some files of two components on some clusters."""
    draw = random.Random(seed)
    units = [Unit(part, f"c{number}") for part in ("db", "web") for number in range(6)]
    return {
        unit: {
            f"clusters/{unit.cluster}/{name}": draw.choice(IDS)
            for name in draw.sample(NAMES, draw.randint(0, len(NAMES)))
        }
        for unit in draw.sample(units, draw.randint(0, len(units)))
    }


def compared(old: Files, new: Files, units: list[Unit]) -> tuple[list[FileChange], int]:
    """What differs, file by file."""
    found, unchanged = [], 0
    for unit in units:
        before, after = old.get(unit, {}), new.get(unit, {})
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) == after.get(path):
                unchanged += 1
            else:
                found.append(FileChange(path, unit, before.get(path), after.get(path)))
    return found, unchanged


@pytest.mark.parametrize("seed", range(30))
def test_columns_hold_what_dictionaries_hold(seed: int) -> None:
    old, new = drawn(seed), drawn(seed + 100)
    one, two = FleetFiles.of(old), FleetFiles.of(new)
    assert one == old
    assert (one == two) is (old == new)
    assert pickle.loads(pickle.dumps(one)) == one  # our own
    assert one.clusters == {unit.cluster for unit in old}
    assert one.named == {unit: {} for unit in old}
    units = sorted(old.keys() | new.keys() | {Unit("web", "nowhere")})
    assert differences(units, one, two) == compared(old, new, units)
    assert differences(units, one, None) == compared(old, {}, units)
    digests = file_digests(one)
    assert {unit: digests[unit.component][unit.cluster] for unit in old} == {
        unit: digest_of(each) for unit, each in old.items()
    }


@pytest.mark.parametrize("seed", range(10))
def test_some_clusters_are_exchanged(seed: int) -> None:
    old, clusters = drawn(seed), {"c1", "c4"}
    new = {unit: each for unit, each in drawn(seed + 100).items() if unit.cluster in clusters}
    kept = {unit: each for unit, each in old.items() if unit.cluster not in clusters}
    assert FleetFiles.of(old).updated(clusters, FleetFiles.of(new)) == FleetFiles.of(kept | new)


def test_a_column_has_as_many_ids_as_clusters() -> None:
    files = {
        Unit("web", f"c{number:04}"): {f"clusters/c{number:04}/a.yaml": blob_id(b"%d" % number)}
        for number in range(300)
    }
    assert FleetFiles.of(files) == files


def test_other_paths_and_units_are_not_among_them() -> None:
    unit = Unit("web", "c1")
    whole = FleetFiles.of({unit: {"clusters/c1/apps/a.yaml": IDS[0]}})
    found = whole[unit]
    assert isinstance(found, UnitFiles)
    assert found["clusters/c1/apps/a.yaml"] == IDS[0]
    for path in ("apps/a.yaml", "clusters/c2/apps/a.yaml", "clusters/c1/", ""):
        assert path not in found
        with pytest.raises(KeyError):
            found[path]
    for other in (Unit("web", "c2"), Unit("db", "c1"), "web"):
        assert other not in whole
