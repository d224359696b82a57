"""Properties of the YAML door: it reads back what it writes, and never fails in another way."""

from hypothesis import example, given
from hypothesis import strategies as st

from planners.model import Json
from renderers.yaml import YamlError, dump, load_documents
from renderers.yaml.edits import Edit
from tests.fakes.examples import examples

TRICKY = st.sampled_from(
    (
        "y",
        "no",
        "08",
        "1e3",
        "0o644",
        "12:30",
        "2026-11-20",
        "=",
        "<<",
        "~",
        "",
        ".inf",
        "- a",
        "? ",
    )
)
TEXT = st.one_of(
    TRICKY,
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.text(" \n\t#:-'\"|>a1", max_size=12),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda each: not each.is_integer()),
    TEXT,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: Json) -> None:
    content = dump(value)

    assert [each.value for each in load_documents(content)] == ([] if value is None else [value])
    assert dump(value) == content


@given(st.lists(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3), max_size=3))
@example([{"a\n": ["0 \n"]}, {"b": {"\n": ["x\ny", {"\na": "z\n"}]}}])
def test_documents_may_be_joined(values: list[Json]) -> None:
    content = b"---\n".join(dump(value) for value in values)

    assert [each.value for each in load_documents(content)] == values


def descend(value: Json, path: tuple[str | int, ...]) -> Json:
    for step in path:
        value = value[step]  # type: ignore[index] # the path leads through containers
    return value


def count(value: Json) -> int:
    if not isinstance(value, dict | list):
        return 1
    return 1 + sum(count(each) for each in (value.values() if isinstance(value, dict) else value))


@given(VALUES)
def test_every_part_has_a_place(value: Json) -> None:
    for document in load_documents(dump(value)):
        assert len(document.places) == count(document.value)
        for path, (line, column) in document.places.items():
            descend(document.value, path)
            assert line >= 1
            assert column >= 1


@examples(200)
@given(st.one_of(st.binary(max_size=60), st.text("[]{}&*a:,-?!<|>'\"\n #%", max_size=60)))
def test_hostile_input_is_read_or_refused_with_a_place(content: bytes | str) -> None:
    given = content.encode() if isinstance(content, str) else content

    try:
        read = load_documents(given)
    except YamlError as error:
        place = (error.line, error.column)
    else:
        assert all(load_documents(dump(each.value))[0].value == each.value for each in read)
        place = (1, 1)
    assert min(place) >= 1


@examples(60)
@given(st.dictionaries(TEXT, VALUES, max_size=4), TEXT)
def test_an_edit_adds_what_it_means_and_can_be_taken_back(
    spec: dict[str, Json], reason: str
) -> None:
    before = dump({"kind": "x", "spec": dict(spec)})
    value = {"components": ["a"], "reason": reason}
    after = Edit(before).append(("spec", "added here"), value)

    (document,) = load_documents(after)
    assert document.value == {"kind": "x", "spec": {**spec, "added here": [value]}}
    left = [line for line in before.splitlines() if line not in after.splitlines()]
    assert len(left) <= (not spec), "only an empty mapping's line is written anew"
    assert Edit(after).remove(("spec", "added here", 0)) == before
