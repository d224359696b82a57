"""Edits of YAML that people wrote: the lines that are meant change, and no others."""

import difflib

import pytest

from renderers.yaml.edits import Edit, EditError

CLUSTER = """\
# Clusters of the north.
---
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata: {name: edge-1, labels: {tier: 'edge'}}   # über alles
spec:
  agent: flux  # pulls every minute
  # the key below is quoted on purpose
  kubernetes: "1.31"

  # end of edge-1
---
apiVersion: switchyard.dev/v1alpha1
kind: Cluster
metadata:
    name:   edge-2
spec: {agent: flux, labels: [ a, b ]}  # short
"""
LIST = """\
kind: Application
spec:
  # who needs what
  components:
  - &cart
    name: cart   # indentless
    text: |
      of lines

  - <<: *cart
    name: web
  exceptions:
    # the fair
    - components: [cart]
      add: [edge-9]   # hall 3
      reason: "a: b"
    - {components: [web], add: [edge-1], reason: 'it''s so'}
  last: *cart
"""
RULE = {"components": ["cart"], "until": "2026-11-22T10:00:00Z", "reason": 'so "it" is: # ü'}


def changed(before: str, after: bytes) -> list[str]:
    """The lines that are gone, and those that are new."""
    lines = difflib.ndiff(before.split("\n"), after.decode().split("\n"))
    return [line for line in lines if line[0] in "+-"]


def put(text: str, index: int, value: str = "drained") -> list[str]:
    return changed(text, Edit(text.encode(), index).put(("spec", "maintenance"), value))


def test_a_key_is_appended_to_a_block_mapping() -> None:
    assert put(CLUSTER, 0) == ["+   maintenance: drained"]


def test_a_key_is_appended_to_a_flow_mapping() -> None:
    assert put(CLUSTER, 1) == [
        "- spec: {agent: flux, labels: [ a, b ]}  # short",
        "+ spec: {agent: flux, labels: [ a, b ], maintenance: drained}  # short",
    ]


def test_a_value_is_replaced_whatever_its_quotes() -> None:
    for old in ("cordoned", "'cordoned'", '"cordoned"', ""):
        text = f"spec:\n  maintenance: {old}  # why\n  agent: flux\n"
        after = Edit(text.encode()).put(("spec", "maintenance"), "drained")
        assert after.decode().split("\n")[2:] == ["  agent: flux", ""]
        assert "maintenance: drained" in after.decode()
        assert "# why" in after.decode()


def test_blank_lines_that_belong_to_a_block_scalar_stay_in_it() -> None:
    text = "spec:\n  text: |2+\n\n...\n"

    assert Edit(text.encode()).put(("spec", "b"), "x").decode() == (
        "spec:\n  text: |2+\n\n  b: x\n...\n"
    )


def test_windows_line_endings_are_preserved() -> None:
    text = CLUSTER.replace("\n", "\r\n")
    after = Edit(text.encode()).put(("spec", "maintenance"), "drained")

    assert after.decode() == text.replace('"1.31"\r\n', '"1.31"\r\n  maintenance: drained\r\n')


def test_a_missing_final_newline_and_a_byte_order_mark_are_supported() -> None:
    assert Edit(b"spec:\n  a: 1").put(("spec", "b"), "x") == b"spec:\n  a: 1\n  b: x\n"
    marked = "\ufeffspec:\n  a: 1\n"
    assert Edit(marked.encode()).put(("spec", "a"), "x").decode() == "\ufeffspec:\n  a: x\n"


def test_an_entry_is_added_to_lists_of_either_style() -> None:
    after = Edit(LIST.encode()).append(("spec", "exceptions"), RULE)
    assert changed(LIST, after) == [
        "+     - components: [cart]",
        '+       until: "2026-11-22T10:00:00Z"',
        '+       reason: "so \\"it\\" is: # ü"',
    ]
    for old, new in (("[]", "[{a: 1}]"), ("[{b: 2}]", "[{b: 2}, {a: 1}]")):
        text = f"spec: {{freezes: {old}}}\n"
        assert Edit(text.encode()).append(("spec", "freezes"), {"a": 1}).decode() == (
            f"spec: {{freezes: {new}}}\n"
        )


def test_a_missing_list_is_created() -> None:
    assert changed(CLUSTER, Edit(CLUSTER.encode()).append(("spec", "freezes"), {"a": 1})) == [
        "+   freezes:",
        "+     - a: 1",
    ]
    made = Edit(b"spec: {}\n").append(("spec", "freezes"), {"a": "on"})
    assert made == b'spec: {freezes: [{a: "on"}]}\n'


def test_added_entries_can_be_removed() -> None:
    after = Edit(LIST.encode()).append(("spec", "exceptions"), RULE)
    assert Edit(after).remove(("spec", "exceptions", 2)).decode() == LIST
    for index in (0, 1):
        after = Edit(CLUSTER.encode(), index).put(("spec", "maintenance"), "drained")
        assert Edit(after, index).remove(("spec", "maintenance")).decode() == CLUSTER
        after = Edit(CLUSTER.encode(), index).append(("spec", "freezes"), RULE)
        assert Edit(after, index).remove(("spec", "freezes", 0)).decode() == CLUSTER


def test_the_first_entry_of_a_list_is_removed_with_its_lines() -> None:
    assert changed(LIST, Edit(LIST.encode()).remove(("spec", "exceptions", 0))) == [
        "-     - components: [cart]",
        "-       add: [edge-9]   # hall 3",
        '-       reason: "a: b"',
    ]
    assert Edit(b"a: [{b: 1}, {c: 2}]\n").remove(("a", 0)) == b"a: [{c: 2}]\n"


def test_an_emptied_mapping_remains() -> None:
    assert Edit(b"kind: x\nspec:\n  a: 1 # one\n").remove(("spec", "a")) == (
        b"kind: x\nspec: {} # one\n"
    )
    assert Edit(b"spec: {a: [{b: 1}]}\n").remove(("spec", "a", 0)) == b"spec: {}\n"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("base: &b {a: 1}\nspec: *b\n", ("spec", "maintenance")),
        ("spec: &b {a: 1}\nother: *b\n", ("spec", "maintenance")),
        (
            "base: &b {maintenance: none}\nspec: {<<: *b}\nother: [&c x, *c]\n",
            ("base", "maintenance"),
        ),
        ("spec:\n", ("spec", "maintenance")),
        ("other: 1\n", ("spec", "maintenance")),
    ],
)
def test_shared_anchors_are_not_edited(text: str, path: tuple[str, str]) -> None:
    with pytest.raises(EditError):
        Edit(text.encode()).put(path, "drained")


@pytest.mark.parametrize("text", ["", "a", "spec:\n", "spec: [a]\n", "spec: {a: b}\n", "spec: x\n"])
def test_text_without_that_part_is_refused(text: str) -> None:
    edit = Edit(text.encode())

    for path in (("spec", "b"), ("spec", 1), ("spec", "a", 0), ("x", "y")):
        with pytest.raises(EditError):
            edit.remove(path)
    with pytest.raises(EditError):
        edit.append(("spec", "a", "b"), {"c": "d"})


def test_own_keys_are_kept_beside_merged_ones() -> None:
    text = "base: &b {maintenance: none}\nspec:\n  <<: *b\n"

    assert put(text, 0) == ["+   maintenance: drained"]
