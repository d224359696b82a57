"""JSON Patch and JSON merge patch: the RFCs' own examples, as data, and what must never be said."""

from typing import Any

import pytest

from renderers.patch import PatchError
from renderers.patch.json_patch import PATCH as JSON_PATCH
from renderers.patch.merge_patch import PATCH as MERGE_PATCH
from renderers.patch_budget import PatchBudget

# Source of the first block: RFC 6902, appendix A; the second: behaviour that the public suite of
# json-patch-tests asks for, told in our own values. None: the patch is refused.
CASES: list[tuple[str, Any, list[dict[str, Any]], Any]] = [
    ("A.1 add a member", {"foo": "bar"}, [("add", "/baz", "qux")], {"baz": "qux", "foo": "bar"}),
    ("A.2 add an item", {"foo": ["bar", "baz"]}, [("add", "/foo/1", "q")], {"foo": ["bar", "q", "baz"]}),
    ("A.3 remove a member", {"baz": "qux", "foo": "bar"}, [("remove", "/baz")], {"foo": "bar"}),
    ("A.4 remove an item", {"foo": ["a", "b", "c"]}, [("remove", "/foo/1")], {"foo": ["a", "c"]}),
    ("A.5 replace", {"baz": "qux", "foo": 1}, [("replace", "/baz", "boo")], {"baz": "boo", "foo": 1}),
    ("A.6 move", {"foo": {"bar": 1, "waldo": 2}, "qux": {"corge": 3}}, [("move", "/qux/thud", "/foo/waldo")], {"foo": {"bar": 1}, "qux": {"corge": 3, "thud": 2}}),
    ("A.7 move an item", {"foo": ["all", "grass", "cows", "eat"]}, [("move", "/foo/3", "/foo/1")], {"foo": ["all", "cows", "eat", "grass"]}),
    ("A.8 test, both hold", {"baz": "qux", "foo": ["a", 2, "c"]}, [("test", "/baz", "qux"), ("test", "/foo/1", 2)], {"baz": "qux", "foo": ["a", 2, "c"]}),
    ("A.9 test fails", {"baz": "qux"}, [("test", "/baz", "bar")], None),
    ("A.10 add a nested member", {"foo": "bar"}, [("add", "/child", {"g": {}})], {"foo": "bar", "child": {"g": {}}}),
    ("A.12 add to nothing", {"foo": "bar"}, [("add", "/baz/bat", "qux")], None),
    ("A.14 escapes", {"/": 9, "~1": 10}, [("test", "/~01", 10)], {"/": 9, "~1": 10}),
    ("A.15 a number is no string", {"/": 9, "~1": 10}, [("test", "/~01", "10")], None),
    ("A.16 add a list", {"foo": ["bar"]}, [("add", "/foo/-", ["abc", "def"])], {"foo": ["bar", ["abc", "def"]]}),
    ("add replaces a member", {"a": 1}, [("add", "/a", None)], {"a": None}),
    ("add at the end by its index", {"a": [1]}, [("add", "/a/1", 2)], {"a": [1, 2]}),
    ("add beyond the end", {"a": [1]}, [("add", "/a/2", 2)], None),
    ("a negative index", {"a": [1]}, [("add", "/a/-1", 2)], None),
    ("an index with a leading zero", {"a": [1, 2]}, [("replace", "/a/01", 3)], None),
    ("an index that is no number", {"a": [1, 2]}, [("replace", "/a/one", 3)], None),
    ("an index as a float", {"a": [1, 2]}, [("test", "/a/1e0", 2)], None),
    ("remove what is not there", {"a": 1}, [("remove", "/b")], None),
    ("replace what is not there", {"a": 1}, [("replace", "/b", 2)], None),
    ("through a plain value", {"a": "text"}, [("add", "/a/b", 1)], None),
    ("an empty key", {"": 1}, [("replace", "/", 2)], {"": 2}),
    ("move onto itself", {"a": 1}, [("move", "/a", "/a")], {"a": 1}),
    ("move into its own child", {"a": {"b": 1}}, [("move", "/a/b", "/a")], None),
    ("move from nowhere", {"a": 1}, [("move", "/a", "/b")], None),
    ("copy", {"a": [1, 2]}, [("copy", "/b", "/a")], {"a": [1, 2], "b": [1, 2]}),
    ("a copy is apart", {"a": [1]}, [("copy", "/b", "/a"), ("add", "/b/-", 2)], {"a": [1], "b": [1, 2]}),
    ("copy from nowhere", {"a": 1}, [("copy", "/b", "/c")], None),
    ("test tells 1 from true", {"a": 1}, [("test", "/a", True)], None),
    ("test compares maps without order", {"a": {"x": 1, "y": 2}}, [("test", "/a", {"y": 2, "x": 1})], {"a": {"x": 1, "y": 2}}),
    ("test compares lists in order", {"a": [1, 2]}, [("test", "/a", [2, 1])], None),
    ("a null is there", {"a": None}, [("test", "/a", None)], {"a": None}),
    ("remove a null", {"a": None}, [("remove", "/a")], {}),
    ("replace the whole by a list", {"a": 1}, [("replace", "", [])], None),
    ("all or nothing", {"a": 1}, [("add", "/b", 2), ("test", "/a", 2)], None),
]  # fmt: skip
SPECIAL = {
    "an unknown op": [{"op": "spam", "path": "/a", "value": 1}],
    "no op": [{"path": "/a", "value": 1}],
    "no path": [{"op": "remove"}],
    "no value": [{"op": "add", "path": "/a"}],
    "no from": [{"op": "copy", "path": "/a"}],
    "a pointer without a slash": [{"op": "remove", "path": "a"}],
    "no operations": [],
    "no list": {"op": "remove", "path": "/a"},
}
MERGES: list[tuple[Any, Any, Any]] = [  # RFC 7386, appendix A, where target and patch are objects
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({"a": "foo"}, {"b": {"c": {"d": None}}}, {"a": "foo", "b": {"c": {}}}),
]


def operation(parts: tuple[Any, ...]) -> dict[str, Any]:
    op, path, *rest = parts
    name = "from" if op in {"move", "copy"} else "value"
    return {"op": op, "path": path, **({name: rest[0]} if rest else {})}


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_json_patch(case: tuple[str, Any, list[Any], Any]) -> None:
    _, target, parts, expected = case
    body = [operation(each) for each in parts]
    before = repr(target)

    if expected is None:
        with pytest.raises(PatchError):
            JSON_PATCH.apply(target, body, None)
    else:
        assert JSON_PATCH.apply(target, body, None) == expected
    assert repr(target) == before


@pytest.mark.parametrize("body", SPECIAL.values(), ids=SPECIAL)
def test_an_invalid_patch_is_rejected_by_check(body: Any) -> None:
    with pytest.raises(PatchError):
        JSON_PATCH.check(body)


@pytest.mark.parametrize(("target", "patch", "expected"), MERGES)
def test_merge_patch(target: Any, patch: Any, expected: Any) -> None:
    assert MERGE_PATCH.apply(target, patch, None) == expected


@pytest.mark.parametrize(
    "operations",
    [
        [("test", "/data/key", "guess")],
        [("remove", "/data/other")],
        [("replace", "/data/key/deeper", 1)],
        [("add", "/data/key/deeper", 1)],
        [("move", "/data/x", "/data/y")],
        [("copy", "/data/x", "/data/key/z")],
        [("add", "/list/9", 1)],
        [("replace", "/list/first", 1)],
    ],
)
def test_no_error_reveals_a_value(operations: list[Any]) -> None:
    secret = {"data": {"key": "hunter2"}, "list": ["hunter2"]}

    with pytest.raises(PatchError) as refused:
        JSON_PATCH.apply(secret, [operation(each) for each in operations], None)

    told = f"{refused.value} {refused.value.__cause__} {refused.value.__suppress_context__}"
    assert "hunter2" not in told
    assert "guess" not in told


def test_copy_operations_are_limited_before_they_run() -> None:
    body = [operation(("copy", f"/{number}", "")) for number in range(40)]

    with pytest.raises(PatchError, match=r"operation \d+ \(copy /\d+\): the result exceeds"):
        JSON_PATCH.apply({"a": "x" * 1000}, body, None)


def test_nesting_depth_is_limited() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}

    for patch in (JSON_PATCH, MERGE_PATCH):
        body = [{"op": "add", "path": "/a", "value": deep}] if patch is JSON_PATCH else deep
        with pytest.raises(PatchError, match="deeper than 100 levels"):
            patch.apply({}, body, None)


WIDE = {"a": [0] * 20_000, "b": {}, "apiVersion": "v1"}
STORMS: dict[str, tuple[list[tuple[Any, ...]], str]] = {
    "a copy that doubles": ([("copy", "/a/-", "/a")] * 40, "more than 200000 values"),
    "copies that are removed": ([("copy", "/b/x", "/a"), ("remove", "/b/x")] * 20, "200000 values"),
    "a large value that is moved": (
        [("move", "/b/a", "/a"), ("move", "/a", "/b/a")] * 20,
        "200000 values",
    ),
    "a large value that is compared": ([("test", "/a", [0] * 20_000)] * 20, "200000 values"),
    "many operations": ([("add", "/b/x", 1)] * 10_001, "more than 10000 operations"),
    "long paths": ([("add", "/b" * 100_000, 1)] * 20, "than 100 levels"),
    "long texts": ([("add", f"/b/{n}", "x" * 100_000) for n in range(40)], "exceeds 3145728 bytes"),
    "depth by one value": ([("add", "/b/x", eval("[" * 99 + "]" * 99))], "deeper than 100 levels"),
    "depth by copies": ([("copy", "/b/x" + "/x" * n, "/b") for n in range(60)], "than 100 levels"),
    "a long list": ([("add", "/a/0", 1)] * 40, "200000 values"),
    "the end of a list": ([("copy", "/b/x", "/a/-")], "cannot be resolved"),
}


@pytest.mark.parametrize(("operations", "why"), STORMS.values(), ids=STORMS)
def test_a_patch_ends_after_a_limited_amount_of_work(operations: list[Any], why: str) -> None:
    with pytest.raises(PatchError, match=why):
        JSON_PATCH.apply(WIDE, [operation(each) for each in operations], None)


def test_ten_thousand_operations_on_a_large_object_are_few() -> None:
    body = [operation(("add", f"/b/{number}", number)) for number in range(10_000)]
    assert len(JSON_PATCH.apply(WIDE, body, None)["b"]) == 10_000


def test_the_patches_of_an_application_have_one_budget() -> None:
    budget = PatchBudget.of(units=3)
    for _ in range(32):
        budget.spend([0] * 9_899)
    with pytest.raises(PatchError, match="more than 330000 values"):
        budget.spend([0] * 9_899)
    with pytest.raises(PatchError, match="more than 330000 values"):
        budget.spend()
