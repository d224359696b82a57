"""What a kustomization may name: known fields, and files of the repository."""

import json
import re

import pytest

from renderers.sources import SourceError
from renderers.sources.kustomize import SOURCE
from renderers.tree import PartialTree

TREE = {
    "base/kustomization.yaml": b"resources: [web.yaml]\n",
    "base/web.yaml": b"",
    "x.env": b"",
    "prefix.yaml": b"{kind: PrefixTransformer, apiVersion: builtin}",
}
FINE = [
    "resources: [../base]",
    "resources: [../base/web.yaml]\nnamePrefix: a-\nimages: [{name: a, newTag: b}]",
    "components: [../base]",
    "patches: [{path: ../base/web.yaml, target: {kind: Deployment}}]",
    "patches: [{patch: 'a: 1'}]",
    "configMapGenerator: [{name: a, files: [web=../base/web.yaml], literals: [a=b]}]",
    "secretGenerator: [{name: a, env: ../x.env}]",
    "patchesStrategicMerge: ['a: 1\n\nb: 2']",
    "transformers: ['kind: PrefixTransformer\n\napiVersion: builtin\n\nprefix: a-']",
    "transformers: [../prefix.yaml]",
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
    "transformers: ['kind: Exec']": "a transformer must be a file or inline YAML, not a folder",
    "transformers: ['kind: Exec\n\napiVersion: example.com/v1']": "it is not built into kustomize",
    "transformers: ['kind: PrefixTransformer\n\napiVersion: builtin\n\nmetadata: {annotations: {config.kubernetes.io/function: x}}']": "it is not built into kustomize",
    "transformers: ['kind: HelmChartInflationGenerator\n\napiVersion: builtin']": "it is not built into",
    "transformers: ['kind: PatchTransformer\n\napiVersion: builtin\n\npath: ../../up']": "is outside the repository",
    "transformers: [../base]": "a transformer must be a file or inline YAML, not a folder",
    "openapi: {path: https://example.com/x}": "not in the repository",
    "configMapGenerator: [{name: a, envs: ['https://example.com/?a=../x.env']}]": "not in the",
    "secretGenerator: [{name: a, env: 'https://example.com/?a=../x.env'}]": "not in the repository",
    'resources: ["https://example.com/x\\n"]': "not in the repository",
    "something: new": "something is not allowed: Switchyard does not know this field",
    "[1]": "a kustomization must be a mapping",
}


def check(text: str) -> None:
    SOURCE.check({**TREE, "app/kustomization.yaml": text.encode() + b"\n"}, "app")


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


LAUGHS = """a: &a [x,x,x,x,x,x,x,x,x]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]
f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]
"""
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [*{old}, *{old}], {new}: [{', '.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
BOMBS = {
    "aliases": (LAUGHS, "aliases"),
    "merge keys": (MERGES, "values (aliases count as their content)"),
    "depth": ("a: " + "[" * 5000 + "]" * 5000, "nested deeper than 64 levels"),
    "depth in JSON": ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper than 64 levels"),
    "count": ("a: [" + "1," * 500_001 + "]", "more than 500000 values"),
    "documents": ("--- 1\n" * 1001, "more than 1000 documents"),
    "size": ("a: '" + "x" * 16 * 1024 * 1024 + "'", "larger than 16777216 bytes"),
    "tag": ("a: !!python/object:os.system x", "only JSON types"),
    "duplicate key": ("{a: 1, a: 2}", "duplicate key"),
}
PLACES = {
    "a resource": "resources: [bomb]",
    "a base": "bases: [bomb]",
    "a CRD": "crds: [bomb]",
    "a configuration": "configurations: [bomb]",
    "a patch file": "patches: [{path: bomb}]",
    "a strategic merge patch file": "patchesStrategicMerge: [bomb]",
    "a JSON patch file": "patchesJson6902: [{path: bomb, target: {kind: x, name: y}}]",
    "a replacement": "replacements: [{path: bomb}]",
    "a schema": "openapi: {path: bomb}",
}


@pytest.mark.parametrize(("bomb", "why"), BOMBS.values(), ids=BOMBS)
def test_no_file_that_the_tool_parses_exceeds_our_limits(bomb: str, why: str) -> None:
    tree = {"app/kustomization.yaml": b"resources: [bomb]", "app/bomb": bomb.encode()}
    with pytest.raises(SourceError, match=re.escape(why)) as refused:
        SOURCE.check(tree, "app")
    assert refused.value.file == "app/bomb"


@pytest.mark.parametrize("name", ["bomb.yaml", "bomb.json", "bomb.txt", "bomb"])
def test_the_ending_of_a_name_does_not_matter(name: str) -> None:
    tree = {"app/kustomization.yaml": f"resources: [{name}]".encode(), f"app/{name}": b"a: &a [*b]"}
    with pytest.raises(SourceError, match="no preceding anchor"):
        SOURCE.check(tree, "app")


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_every_field_that_names_a_file_is_read_within_our_limits(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        SOURCE.check({"kustomization.yaml": text.encode(), "bomb": LAUGHS.encode()})
    assert (refused.value.file, refused.value.line) == ("bomb", 6)


@pytest.mark.parametrize(
    "field", ["patchesStrategicMerge: [%s]", "patches: [patch: %s]", "patchesJson6902: [patch: %s]"]
)
def test_patches_inside_a_kustomization_are_read_within_our_limits(field: str) -> None:
    text = "namePrefix: a-\n" + field % json.dumps(LAUGHS)
    with pytest.raises(SourceError, match=r"aliases.* \(line 6 of the patch\)") as refused:
        SOURCE.check({"kustomization.yaml": text.encode()})
    assert (refused.value.file, refused.value.line) == ("kustomization.yaml", 2)


def test_the_kustomization_itself_is_read_within_our_limits() -> None:
    with pytest.raises(SourceError, match="aliases"):
        SOURCE.check({"kustomization.yaml": LAUGHS.encode()})


def test_the_data_of_generators_is_no_yaml() -> None:
    text = b"configMapGenerator: [{name: a, files: [b=odd.yaml], envs: [odd.env]}]"
    tree = {"kustomization.yaml": text, "odd.yaml": b"{{", "odd.env": b"\xff"}
    assert SOURCE.check({**tree, "unseen.yaml": b"[["}) == tree


def test_folders_that_include_each_other_twice_are_counted_as_often() -> None:
    both = b"resources: [../%d/a, ../%d/b]"
    tree = {"0/a/kustomization.yaml": b"", "0/b/kustomization.yaml": b""}
    for level in range(1, 12):
        for name in "ab":
            text = both.replace(b"../", b"../../") % (level - 1, level - 1)
            tree[f"{level}/{name}/kustomization.yaml"] = text
    with pytest.raises(SourceError, match="a build of this folder reads 1023 folders") as refused:
        SOURCE.check(tree, "11/a")
    assert refused.value.file == "9/a/kustomization.yaml"


def test_large_files_are_counted_as_often_as_they_are_read() -> None:
    tree = {"base/kustomization.yaml": b"resources: [x.yaml]", "base/x.yaml": b"#" * 1024 * 1024}
    for number in range(40):
        tree[f"over/{number}/kustomization.yaml"] = b"resources: [../../base]"
    names = ", ".join(f"over/{number}" for number in range(40))
    with pytest.raises(SourceError, match="the limits are 1000 and 33554432"):
        SOURCE.check({**tree, "kustomization.yaml": f"resources: [{names}]".encode()})


def test_a_folder_that_includes_itself_is_rejected() -> None:
    tree = {"a/kustomization.yaml": b"bases: [../b]", "b/kustomization.yaml": b"bases: [../a]"}
    with pytest.raises(SourceError, match="includes itself"):
        SOURCE.check(tree, "a")


def test_only_what_the_folder_reaches_counts() -> None:
    """Row 2: a kustomization elsewhere in the repository may be as it likes."""
    tree = {
        "k/kustomization.yaml": b"resources: [../base]",
        **TREE,
        "other/kustomization.yaml": b"resources: ['https://example.com/x.yaml']",
        "k/below/kustomization.yaml": b"helmCharts: []",
    }

    assert SOURCE.check(tree, "k").keys() == {
        "k/kustomization.yaml",
        "base/kustomization.yaml",
        "base/web.yaml",
    }


def test_a_file_that_was_not_read_is_refused_by_what_uses_it() -> None:
    files = {"kustomization.yaml": b"resources: [big.yaml]"}
    tree = PartialTree(files, {"big.yaml": "is larger than a house", "picture.png": "is too"})

    with pytest.raises(SourceError, match=r"'big\.yaml': is larger than a house"):
        SOURCE.check(tree)
    assert SOURCE.check(PartialTree({"kustomization.yaml": b""}, tree.unread))
