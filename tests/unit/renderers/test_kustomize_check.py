"""What a kustomization may name: known fields, and files of the repository."""

import pytest

from renderers.sources import SourceError
from renderers.sources.kustomize import SOURCE

TREE = {"base/kustomization.yaml": b"resources: [web.yaml]\n", "base/web.yaml": b"", "x.env": b""}
FINE = [
    "resources: [../base]",
    "resources: [../base/web.yaml]\nnamePrefix: a-\nimages: [{name: a, newTag: b}]",
    "components: [../base]",
    "patches: [{path: ../base/web.yaml, target: {kind: Deployment}}]",
    "patches: [{patch: 'a: 1'}]",
    "configMapGenerator: [{name: a, files: [web=../base/web.yaml], literals: [a=b]}]",
    "secretGenerator: [{name: a, env: ../x.env}]",
    "patchesStrategicMerge: ['a: 1\n\nb: 2']",
]
REFUSED = {
    "resources: [https://example.com/x.yaml]": "not in the repository",
    "resources: [github.com/example/x//deploy?ref=main]": "not in the repository",
    "resources: ['example.com/group/x']": "not in the repository",
    "resources: ['git@example.com:group/x.git']": "not in the repository",
    "resources: ['ssh://git@example.com/x']": "not in the repository",
    "resources: ['file:///etc/passwd']": "not in the repository",
    "bases: [../nowhere]": "not in the repository",
    "resources: [../../elsewhere]": "is outside the repository",
    "resources: [/etc/passwd]": "is outside the repository",
    "configMapGenerator: [{name: a, envs: [/etc/passwd]}]": "is outside the repository",
    "configMapGenerator: [{name: a, env: ../../up.env}]": "is outside the repository",
    "configMapGenerator: [{name: a, Files: [x]}]": "Files is not allowed",
    "Resources: [x]": "Resources is not allowed",
    "helmCharts: [{name: a}]": "helmCharts is not allowed: Helm charts are fetched and executed",
    "HelmCharts: [{name: a}]": "HelmCharts is not allowed",
    "generators: [x.yaml]": "plugins that run programs",
    "transformers: ['kind: Exec']": "plugins that run programs",
    "openapi: {path: https://example.com/x}": "not in the repository",
    "something: new": "something is not allowed: Switchyard does not know this field",
    "[1]": "a kustomization must be a mapping",
}


def check(text: str) -> None:
    SOURCE.check({**TREE, "app/kustomization.yaml": text.encode() + b"\n"})


@pytest.mark.parametrize("text", FINE)
def test_local_and_safe_kustomizations_are_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize(("text", "why"), REFUSED.items())
def test_unsafe_kustomizations_are_rejected(text: str, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        check(text)

    assert why in str(refused.value)
    assert refused.value.file == "app/kustomization.yaml"
    assert refused.value.line == 1
