"""Customisations that contradict each other, in either order, and some that only seem to."""

from itertools import permutations
from pathlib import Path

import pytest

from tests.fakes.folders import application, cluster, deployment, planned, registration, tenant

FLEET = {**cluster("edge-1"), **tenant(), **registration()}
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
MOUNTS = (
    deployment("web", replicas=3)
    + """\
          args: [--a, --b, --x]
          env: [{name: LEVEL, value: info}]
          volumeMounts: [{name: all, mountPath: /a, subPath: a}, {name: all, mountPath: /b}]
      volumes: [{name: all, emptyDir: {}}]
      tolerations: [{key: a, operator: Exists}, {key: b, operator: Exists}]
"""
)
DATA = {"data/one": "1", "data/two": "2"}
WEB, PORTS = "target: {kind: Deployment, name: web}", "target: {kind: Service, name: web}"
CONTAINERS = "/spec/template/spec/containers"


def container(fields: str) -> str:
    """A strategic merge patch of the container `web`."""
    return pod(f"containers: [{{name: web, {fields}}}]")


def pod(fields: str, kind: str = "strategicMerge") -> str:
    """A patch of the pod template's spec."""
    return f"{WEB}, {kind}: {{spec: {{template: {{spec: {{{fields}}}}}}}}}"


def json_patch(*operations: str, target: str = WEB) -> str:
    """A JSON patch."""
    return f"{target}, jsonPatch: [{', '.join(f'{{{each}}}' for each in operations)}]"


def run(folder: Path, customizations: tuple[str, ...]) -> list[str]:
    """The problems of a plan with these customisations."""
    lines = [
        f"  - {{name: c{number}, components: [web], {each}}}"
        for number, each in enumerate(customizations)
    ]
    spec = "\n".join(
        [
            "components: [{name: web, source: {manifests: web}}]",
            "placement: [{components: [web], allOf: [{}]}]",
            "customizations:",
            *lines,
        ]
    )
    files = {**application(spec), "web/web.yaml": MOUNTS, "web/service.yaml": SERVICE, **DATA}
    return [each.message for each in planned(folder, files, FLEET).problems]


CONFLICTS = {
    "first sets the source's own value": (
        f"{WEB}, mergePatch: {{spec: {{replicas: 3}}}}",
        f"{WEB}, mergePatch: {{spec: {{replicas: 7}}}}",
    ),
    "a merge and a JSON patch": (
        f"{WEB}, strategicMerge: {{spec: {{replicas: 3}}}}",
        json_patch("op: replace, path: /spec/replicas, value: 7"),
    ),
    "one key of a new ConfigMap": (
        "configMap: {name: new, files: [{file: data/one, key: k}]}",
        "configMap: {name: new, files: [{file: data/two, key: k}]}",
    ),
    "two orders of a list": (container("args: [--a, --b]"), container("args: [--b, --a]")),
    "two orders of an item list": (
        pod("tolerations: [{key: a, operator: Exists}, {key: b, operator: Exists}]"),
        pod("tolerations: [{key: b, operator: Exists}, {key: a, operator: Exists}]"),
    ),
    "one item by merge key and by index": (
        container("env: [{name: LEVEL, value: debug}]"),
        json_patch(f"op: replace, path: {CONTAINERS}/0/env/0/value, value: warn"),
    ),
    "a removed and a set field": (
        json_patch("op: remove, path: /spec/replicas"),
        f"{WEB}, mergePatch: {{spec: {{replicas: 3}}}}",
    ),
    "a whole list and one of its items": (
        pod("containers: [{name: web, image: other}]", "mergePatch"),
        container("tty: true"),
    ),
    "a replaced mapping and a field of it": (
        json_patch("op: replace, path: /spec/selector, value: {app: other}", target=PORTS),
        f"{PORTS}, mergePatch: {{spec: {{selector: {{tier: web}}}}}}",
    ),
    "two items removed by index": (
        json_patch(f"op: remove, path: {CONTAINERS}/0/args/0"),
        json_patch(f"op: replace, path: {CONTAINERS}/0/args/1, value: --c"),
    ),
}
AGREEMENTS = {
    "fields of a Service's only, unnamed port": (
        f"{PORTS}, strategicMerge: {{spec: {{ports: [{{port: 80, targetPort: 8080}}]}}}}",
        f"{PORTS}, strategicMerge: {{spec: {{ports: [{{port: 80, appProtocol: http}}]}}}}",
    ),
    "fields of an unnamed port, one by index": (
        f"{PORTS}, strategicMerge: {{spec: {{ports: [{{port: 80, targetPort: 8080}}]}}}}",
        json_patch("op: add, path: /spec/ports/0/name, value: http", target=PORTS),
    ),
    "one volume mounted twice": (
        container("volumeMounts: [{name: all, mountPath: /a, readOnly: true}]"),
        container("volumeMounts: [{name: all, mountPath: /b, readOnly: true}]"),
    ),
    "ports of a container without names": (
        container("ports: [{containerPort: 8080, hostIP: 10.0.0.1}]"),
        container("ports: [{containerPort: 9090}]"),
    ),
    "one value twice": (
        f"{WEB}, mergePatch: {{spec: {{replicas: 7}}}}",
        json_patch("op: replace, path: /spec/replicas, value: 7"),
    ),
    "keys of one ConfigMap": (
        "configMap: {name: new, files: [{file: data/one}]}",
        "configMap: {name: new, files: [{file: data/two}]}",
    ),
    "items added to one list": (
        json_patch(f"op: add, path: {CONTAINERS}/0/args/-, value: --c"),
        json_patch(f"op: add, path: {CONTAINERS}/0/args/-, value: --d"),
    ),
    "different items of a list": (
        json_patch(f"op: replace, path: {CONTAINERS}/0/args/0, value: --c"),
        json_patch(f"op: replace, path: {CONTAINERS}/0/args/1, value: --d"),
    ),
    "fields of one mapping": (
        f"{WEB}, mergePatch: {{metadata: {{labels: {{a: b}}}}}}",
        f"{WEB}, strategicMerge: {{metadata: {{labels: {{c: d}}}}}}",
    ),
    "containers of one pod": (
        pod("containers: [{name: side, image: side}]"),
        json_patch(f"op: add, path: {CONTAINERS}/-, value: {{name: more, image: more}}"),
    ),
}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=["as written", "reversed"])
@pytest.mark.parametrize("pair", CONFLICTS.values(), ids=CONFLICTS.keys())
def test_a_contradiction_is_refused(
    tmp_path: Path, pair: tuple[str, str], order: tuple[int, int]
) -> None:
    first, second = (pair[index] for index in order)

    problems = run(tmp_path, (first, second))

    assert len(problems) == 1
    assert "which customisation c0 (switchyard.yaml:" in problems[0]
    assert problems[0].startswith("customisation c1: sets ")


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=["as written", "reversed"])
@pytest.mark.parametrize("pair", AGREEMENTS.values(), ids=AGREEMENTS.keys())
def test_customisations_of_different_fields_compose(
    tmp_path: Path, pair: tuple[str, str], order: tuple[int, int]
) -> None:
    first, second = (pair[index] for index in order)

    assert run(tmp_path, (first, second)) == []


def test_a_strategic_merge_that_names_one_of_two_equal_items_is_refused(tmp_path: Path) -> None:
    """The merge key of Service ports is `port` alone; kubectl makes two UDP ports of this."""
    both = "[{name: dns, port: 53, protocol: TCP}, {name: udp, port: 53, protocol: UDP}]"
    named = f"{PORTS}, strategicMerge: {{spec: {{ports: {both}}}}}"
    more = json_patch(
        "op: add, path: /spec/ports/0/name, value: http",
        "op: add, path: /spec/ports/-, value: {name: dns, port: 53}",
        "op: add, path: /spec/ports/-, value: {name: udp, port: 53, protocol: UDP}",
        target=PORTS,
    )
    one = f"{PORTS}, strategicMerge: {{spec: {{ports: [{{port: 53, targetPort: 8053}}]}}}}"
    other = f"{PORTS}, strategicMerge: {{spec: {{ports: [{{port: 80, targetPort: 8080}}]}}}}"

    assert "/spec/ports[port=53]: several items have this merge key" in run(tmp_path, (named,))[0]
    assert "/spec/ports[port=53]: several items" in run(tmp_path, (more, one))[0]
    assert run(tmp_path, (more, other)) == []


def test_a_lost_addition_is_refused(tmp_path: Path) -> None:
    """What is added to a list must still be there after all customisations."""
    added = json_patch(f"op: add, path: {CONTAINERS}/0/args/-, value: --c")

    problems = run(tmp_path, (added, container("args: [--x]")))

    assert "containers[name=web].args of Deployment/web" in problems[0]
