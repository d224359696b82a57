"""What a tenant must not reach is found wherever it stands in an object."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from planners.model import Tenant
from renderers.policy.tenancy import violations
from tests.fakes.examples import examples

TENANT = Tenant("retail", "shop", allowed_kinds=("Widget.example.com",))
PLACES = st.lists(
    st.sampled_from(["a", "template", "spec", "jobs", "podSpec", 0]), min_size=1, max_size=8
)


def widget(places: list[str | int], inner: dict[str, Any]) -> dict[str, Any]:
    """A custom object with a mapping at those keys; 0 stands for a list of one."""
    value: Any = inner
    for key in reversed(places):
        value = [value] if key == 0 else {key: value}
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "x"},
        "x": value,
    }


@pytest.mark.parametrize(
    "inner",
    [
        {"containers": [{"name": "a", "securityContext": {"privileged": True}}]},
        {"initContainers": [{"image": "a", "ports": [{"hostPort": 22}]}]},
        {"containers": [{"image": "a"}], "nodeName": "control-1"},
        {"hostNetwork": True},
        {"volumes": [{"hostPath": {"path": "/"}}]},
        {"targetNamespace": "beta"},
        {"ref": {"namespace": "beta"}},
        {"namespaceSelector": {}},
        {"hosts": ["pay.beta.svc.cluster.local"]},
        {"serviceAccountName": "switchyard"},
        {"annotations": {"metallb.io/loadBalancerIPs": "1.1.1.1"}},
        {"type": "kubernetes.io/service-account-token"},
    ],
    ids=lambda inner: next(iter(inner)),
)
@given(places=PLACES)
@examples(25)
def test_it_is_refused_wherever_it_stands(places: list[str | int], inner: dict[str, Any]) -> None:
    assert list(violations(widget(places, {"size": 1}), TENANT)) == []
    assert list(violations(widget(places, inner), TENANT)) != []
