"""Inputs that are a patch and its object: JSON with the keys `item` and `patch`."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.engine import discovery
from renderers.patch import PatchError
from tests.fuzz import SECRET

GOLDEN = Path(__file__).parents[1] / "golden/strategic_cases.json"
MAX_RESULT_BYTES = 4 * 1024 * 1024


def checker(name: str) -> Callable[[bytes], None]:
    """PatchError without a value of the object, or a bounded result; inputs do not change."""
    patch = discovery.patches()[name]

    def check(data: bytes) -> None:
        try:
            case = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(case, dict) or not isinstance(case.get("item"), dict):
            return
        item, body = case["item"], case.get("patch")
        if _too_deep(item):
            return
        before = copy.deepcopy(item)
        try:
            patch.check(body)
            result = patch.apply(item, body, None)
        except PatchError as error:
            assert SECRET not in str(error) or SECRET in json.dumps(body)
        else:
            assert isinstance(result, dict)
            assert len(json.dumps(result)) < MAX_RESULT_BYTES
        assert item == before

    return check


def _too_deep(value: Any, depth: int = 0) -> bool:
    """Objects come through the YAML reader, which refuses what is nested deeper."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 60 or any(_too_deep(each, depth + 1) for each in inner)


def cases() -> Iterator[tuple[dict[str, Any], Any]]:
    """Objects and merge patches of the conformance cases, every fiftieth."""
    for case in json.loads(GOLDEN.read_text())[::50]:
        yield case["item"], case["patch"]
    container = {"name": "web", "image": "a:1", "env": [{"name": "TOKEN", "value": SECRET}]}
    pod = {"containers": [container]}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "template": {"spec": pod}},
    }
    yield deployment, {"spec": {"template": {"spec": {"containers": [container]}}}}
    yield {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": SECRET}}, {"stringData": None}


def encoded(item: Any, patch: Any) -> bytes:
    """The input."""
    return json.dumps({"item": item, "patch": patch}).encode()
