"""Requests of pods, as the scheduler counts them."""

import pytest

from planners.model import Json
from renderers.kubernetes.workloads import pod_requests

CPU = 10**9
ONE: Json = {"name": "a", "resources": {"requests": {"cpu": "1"}}}
BARE: Json = {"name": "b"}


@pytest.mark.parametrize(
    ("resources", "containers", "cpus"),
    [
        ({"requests": {"cpu": "3"}}, [ONE, BARE], 3),
        ({"requests": {"cpu": "3"}, "limits": {"cpu": "5"}}, [ONE], 3),
        ({"limits": {"cpu": "5"}}, [ONE], 1),
        ({"limits": {"cpu": "5"}}, [BARE], 5),
        ({}, [ONE, ONE], 2),
    ],
)
def test_requests_of_the_pod_count_instead_of_those_of_its_containers(
    resources: Json, containers: list[Json], cpus: int
) -> None:
    spec: dict[str, Json] = {"resources": resources, "containers": containers}

    assert pod_requests(spec)["cpu"] == cpus * CPU
    assert pod_requests({**spec, "overhead": {"cpu": "1"}})["cpu"] == (cpus + 1) * CPU


def test_sidecars_count_beside_the_containers_and_init_containers_as_a_peak() -> None:
    sidecar: Json = {"name": "s", "restartPolicy": "Always", "resources": {"limits": {"cpu": "1"}}}
    early: Json = {"name": "i", "resources": {"requests": {"cpu": "4"}}}

    assert pod_requests({"initContainers": [sidecar], "containers": [ONE]})["cpu"] == 2 * CPU
    assert pod_requests({"initContainers": [early], "containers": [ONE]})["cpu"] == 4 * CPU
    both: list[Json] = [sidecar, early]
    assert pod_requests({"initContainers": both, "containers": [ONE]})["cpu"] == 5 * CPU
