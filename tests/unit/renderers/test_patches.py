"""Patches that must be rejected, and errors that must not reveal values."""

from dataclasses import replace

import pytest

from bot.engine.propose import propose
from planners.model import CustomizationIntent, Json, Target
from renderers.patch import PatchError
from renderers.patch.json_patch import PATCH
from tests.fakes.builders import snapshot


def test_a_failed_test_operation_does_not_reveal_the_value() -> None:
    secret: dict[str, Json] = {"kind": "Secret", "data": {"key": "aHVzaA=="}}

    with pytest.raises(PatchError) as refused:
        PATCH.apply(secret, [{"op": "test", "path": "/data/key", "value": "x"}], None)

    assert str(refused.value) == "operation 1 (test /data/key): the value differs"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("jsonPatch", [{"op": "replace", "path": "/kind", "value": "ClusterRole"}]),
        ("jsonPatch", [{"op": "replace", "path": "/metadata/name", "value": "other"}]),
        ("jsonPatch", [{"op": "add", "path": "/metadata/namespace", "value": "kube-system"}]),
        ("jsonPatch", [{"op": "remove", "path": "/metadata"}]),
        ("strategicMerge", {"$patch": "delete"}),
        ("strategicMerge", {"metadata": None}),
    ],
)
def test_a_patch_cannot_change_the_identity_of_an_object(kind: str, body: Json) -> None:
    start = snapshot()
    intent = CustomizationIntent("sly", ("cart",), Target("Deployment", "cart"), kind, body)
    changed = replace(start.application, customizations=(intent,))

    problems = propose(replace(start, application=changed)).problems

    assert "customisation sly: must not change apiVersion, kind, name or namespace" in str(
        problems[0]
    )
