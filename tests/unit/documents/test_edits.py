"""Edits of documents by commands."""

import pytest

from bot.documents import read_fleet
from bot.documents.edits import (
    EditRefusedError,
    with_exception,
    with_freeze,
    with_maintenance,
    without_freeze,
)
from tests.fakes.world import SWITCHYARD, small_fleet

FILES = {path: content for path, content in small_fleet().items() if content is not None}
HEAD = b"apiVersion: switchyard.dev/v1alpha1\nkind: "
FREEZE = {
    "name": "sale",
    "clusters": {"matchLabels": {"tier": "edge"}},
    "from": "2026-11-20T12:00:00Z",
    "until": "2026-11-22T12:00:00Z",
    "reason": "so: # it is",
}


def test_a_cluster_document_is_found_in_any_file() -> None:
    both = FILES["clusters/two.yaml"] + b"---\n" + FILES["clusters/three.yaml"]
    files = {"clusters/one.yaml": FILES["clusters/one.yaml"], "clusters/north.yaml": both}

    changes = with_maintenance(files, "three", drained=True)
    assert list(changes) == ["clusters/north.yaml"]
    after = {**files, **{path: found for path, found in changes.items() if found}}
    assert after["clusters/north.yaml"].startswith(FILES["clusters/two.yaml"] + b"---\n")
    loaded = read_fleet(after)
    fleet, problems = loaded.fleet, loaded.problems
    assert problems == ()
    assert {each.name: str(each.maintenance) for each in fleet.clusters} == {
        "one": "none",
        "two": "none",
        "three": "drained",
    }
    assert with_maintenance(after, "three", drained=False) == {"clusters/north.yaml": both}


def test_an_edit_of_a_document_that_has_no_such_part_is_refused() -> None:
    cluster = b"kind: Cluster\nmetadata: {name: one}\nspec: {agent: flux}\n"

    with pytest.raises(EditRefusedError, match="has no maintenance"):
        with_maintenance({"clusters/a.yaml": cluster}, "one", drained=False)
    with pytest.raises(EditRefusedError, match="no policy contains"):
        without_freeze({"policies/a.yaml": b"kind: Policy\n"}, "sale")


def test_a_freeze_is_created_and_deleted_with_its_own_file() -> None:
    changes = with_freeze(FILES, FREEZE)
    assert list(changes) == ["policies/freeze-sale.yaml"]
    files = {**FILES, **{path: found for path, found in changes.items() if found}}
    loaded = read_fleet(files)
    fleet, problems = loaded.fleet, loaded.problems

    assert problems == ()
    (freeze,) = [each for policy in fleet.policies for each in policy.freezes]
    assert (freeze.name, freeze.reason) == ("sale", "so: # it is")
    assert without_freeze(files, "sale") == {"policies/freeze-sale.yaml": None}


def test_a_freeze_does_not_overwrite_an_existing_file() -> None:
    files = {**FILES, "policies/freeze-sale.yaml": b"# mine"}

    with pytest.raises(EditRefusedError, match=r"policies/freeze-sale\.yaml already exists"):
        with_freeze(files, FREEZE)


def test_removing_a_freeze_keeps_the_other_rules_of_its_policy() -> None:
    before = HEAD + (
        b"Policy\nmetadata: {name: default}\nspec:\n  # rules\n  freezes:\n"
        b"    - {name: sale, from: 2026-11-20T12:00:00Z, until: 2026-11-22T12:00:00Z, reason: x}\n"
        b"    - {name: feast, from: 2026-12-20T12:00:00Z, until: 2026-12-22T12:00:00Z, reason: y}\n"
        b"  mergeMethod: squash\n"
    )
    changes = without_freeze({"policies/default.yaml": before}, "sale")

    lines = before.splitlines(keepends=True)
    assert changes == {"policies/default.yaml": b"".join(lines[:6] + lines[7:])}


@pytest.mark.parametrize("name", ["sale", "default"])
def test_an_unknown_freeze_is_reported(name: str) -> None:
    with pytest.raises(EditRefusedError, match=f"no policy contains freeze {name}"):
        without_freeze(FILES, name)


def test_a_document_that_cannot_be_edited_is_reported_with_its_file() -> None:
    shared = HEAD + b"Application\nmetadata: &all {name: x}\nspec: *all\n"

    with pytest.raises(EditRefusedError, match=r"switchyard.yaml: spec.exceptions cannot be edit"):
        with_exception(shared, {"components": ["cart"], "add": ["one"], "reason": "x"})


def test_an_exception_is_appended_to_the_document() -> None:
    exception = {"components": ["cart"], "add": ["one"], "reason": "x"}
    changes = with_exception(SWITCHYARD, {**exception})

    assert changes == {
        "switchyard.yaml": SWITCHYARD
        + b"  exceptions:\n    - components: [cart]\n      add: [one]\n      reason: x\n"
    }
