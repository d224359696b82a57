"""The files of a unit act like a dictionary of them."""

import pytest

from planners.model.unit_files import SharedNames, UnitFiles, differences
from planners.plan import _files_digest, digest_of

OLD = {"clusters/c1/apps/b.yaml": "1", "clusters/c1/apps/a.yaml": "2", "clusters/c1/sync.yaml": "3"}
NEW = {**OLD, "clusters/c1/apps/a.yaml": "4"}


def shared(files: dict[str, str], cluster: str = "c1") -> UnitFiles[str]:
    return SharedNames[str]().files(cluster, files)


def test_it_is_equal_to_a_dictionary_of_the_same_files() -> None:
    found = shared(OLD)
    assert found == OLD == found
    assert list(found.items()) == sorted(OLD.items())
    assert list(found.values()) == [OLD[path] for path in sorted(OLD)]
    assert [found[path] for path in found] == list(found.values())
    assert found != NEW
    assert found != shared(NEW)
    assert found == shared(dict(reversed(OLD.items())))


def test_other_paths_are_not_among_them() -> None:
    found = shared(OLD)
    for path in ("apps/a.yaml", "clusters/c2/apps/a.yaml", "clusters/c1/", ""):
        assert path not in found
        with pytest.raises(KeyError):
            found[path]


def test_units_share_their_names() -> None:
    maker = SharedNames[str]()
    other = {path.replace("c1", "c2"): content for path, content in OLD.items()}
    assert maker.files("c1", OLD).names is maker.files("c2", other).names


@pytest.mark.parametrize("removed", [(), ("clusters/c1/sync.yaml",)])
def test_differences_are_those_of_dictionaries(removed: tuple[str, ...]) -> None:
    new = {path: content for path, content in NEW.items() if path not in removed}
    expected = differences(OLD, new)
    assert differences(shared(OLD), shared(new)) == expected
    assert expected[0][0] == ("clusters/c1/apps/a.yaml", "2", "4")
    assert differences({}, shared(new)) == differences({}, new)
    assert differences(shared(OLD), {}) == differences(OLD, {})


def test_the_digest_is_that_of_a_dictionary() -> None:
    odd = {'clusters/c1/é"b.yaml': "1", **OLD}
    assert _files_digest(shared(odd)) == _files_digest(odd) == digest_of(odd)
