"""The rules of tenants have an answer to every object, whatever types its fields have."""

import copy
from typing import Any

import pytest

from planners.model import Tenant
from renderers.kubernetes.fields import fields
from renderers.policy.tenancy import violations
from renderers.validation.registry import rule_violations
from tests.unit.renderers.test_tenant_escapes import ESCAPES, HOSTS, rows

IDENTITY = {("kind",), ("apiVersion",), ("metadata",), ("metadata", "name")}
TENANT = Tenant("retail", "shop", namespaces=("shop-jobs",), hosts=HOSTS)
ITEMS = [each.item for each in (*ESCAPES, *rows("tenant_objects.yaml"))]


def replaced(item: dict[str, Any], value: object) -> list[dict[str, Any]]:
    """The object with each of its fields replaced by a value, one at a time."""
    changed = []
    for field in fields(item):
        if field.path not in IDENTITY:
            place: Any = copy.deepcopy(item)
            changed.append(place)
            for key in field.path[:-1]:
                place = place[key]
            place[field.path[-1]] = value
    return changed


@pytest.mark.parametrize("value", [[{}], {"x": [None]}, 5], ids=str)
def test_any_field_may_have_any_type(value: object) -> None:
    for item in ITEMS[::3]:
        for changed in replaced(item, value):
            assert all(isinstance(each, str) for each in violations(changed, TENANT))
            list(rule_violations(changed, 31))
