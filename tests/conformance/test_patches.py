"""What rendering relies on from every kind of patch."""

from collections.abc import Mapping
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.documents.models import CustomizationPart
from bot.engine import discovery
from planners.model import Json
from renderers.patch import Patch, PatchError
from tests.conformance.jsons import jsons
from tests.conformance.shelves import EXTENSIONS, words
from tests.fakes.examples import examples

every = pytest.mark.parametrize("patch", discovery.patches().values(), ids=lambda each: each.name)
small = examples(40)

SECRET = "hunter2-never-shown"
WORDS = sorted(
    {
        *("apiVersion", "kind", "metadata", "name", "spec", "/spec", "/spec/a", "a", "add"),
        *(
            word
            for each in EXTENSIONS
            if each.shelf.constant == "PATCH"
            for file in each.file.parent.glob("*.py")
            for word in words(file)
            if len(word) < 20 and " " not in word
        ),
    }
)
targets = st.fixed_dictionaries(
    {
        "apiVersion": st.just("v1"),
        "kind": st.just("Secret"),
        "metadata": st.fixed_dictionaries({"name": st.just("one")}),
    },
    optional={
        "spec": jsons(("a", "b", "name")),
        "data": st.just({"password": SECRET, "list": [{"name": "x", "value": SECRET}]}),
    },
)
schemas = st.none() | st.just({"type": "object", "properties": {"spec": {"type": "object"}}})
bodies = {
    "object": st.dictionaries(st.sampled_from(WORDS), jsons(WORDS), min_size=1, max_size=4),
    "array": st.lists(
        st.dictionaries(
            st.sampled_from(("op", "path", "from", "value")),
            st.sampled_from(("add", "remove", "test", "/spec", "/spec/a/-", "/data/list/0", "/"))
            | jsons(WORDS),
        ),
        max_size=3,
    ),
}
WRONG: Mapping[str, list[Json]] = {
    "object": [None, "text", 1, True, [], [{}], {}],
    "array": [None, "text", 1, True, {}, {"a": 1}, []],
}


@every
def test_it_is_described(patch: Patch) -> None:
    assert patch.summary.endswith(".")


@every
def test_a_customisation_can_name_it(patch: Patch) -> None:
    body: Json = {"metadata": {}} if patch.shape == "object" else [{}]
    document = {
        "name": "change",
        "components": ["cart"],
        "target": {"kind": "Secret", "name": "one"},
        patch.name: body,
    }

    assert CustomizationPart.model_validate(document).chosen() == {patch.name: body}


@every
def test_it_refuses_a_body_of_another_shape_and_names_itself(patch: Patch) -> None:
    for body in WRONG[patch.shape]:
        with pytest.raises(PatchError, match=patch.name):
            patch.check(body)


@every
@given(data=st.data(), target=targets, schema=schemas)
@small
def test_it_applies_or_refuses_and_leaves_its_inputs_alone(
    patch: Patch, data: st.DataObject, target: dict[str, Json], schema: Mapping[str, Json] | None
) -> None:
    body: Json = data.draw(bodies[patch.shape])
    before = deepcopy((target, body, schema))

    def applied() -> dict[str, Json] | str:
        try:
            return patch.apply(target, body, schema)
        except PatchError as error:
            return str(error)

    first = applied()

    assert (target, body, schema) == before
    assert applied() == first
    if isinstance(first, str):
        assert first.strip()
        assert SECRET not in first


@every
@given(body=jsons(WORDS))
@small
def test_any_body_is_checked_without_a_crash(patch: Patch, body: Json) -> None:
    before = deepcopy(body)
    message = "fine"
    try:
        patch.check(body)
    except PatchError as error:
        message = str(error)

    assert message.strip()
    assert body == before
