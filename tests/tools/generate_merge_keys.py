"""Writes renderers/kubernetes/merge_keys.py: what Kubernetes' schemas say of strategic merge.

Run it by hand after a new release of kubernetes-validate; it prints where versions disagree.
Source: the schemas of that package (Apache-2.0), which keep `x-kubernetes-patch-merge-key` and
`x-kubernetes-patch-strategy`. All bundled versions are read, so that kinds and fields that a newer
Kubernetes dropped stay known; where two versions say different things of a field, the newest wins.
Types that say the same are one type. `retainKeys` is left out: it matters to those who make
patches, not to those who apply them.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import kubernetes_validate

SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
TARGET = Path(__file__).parents[2] / "renderers" / "kubernetes" / "merge_keys.py"
WIDTH = 100
METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

# Kinds that Kubernetes 1.25, the oldest version bundled, no longer had; each merges as that one.
LEGACY = {
    "autoscaling/v2beta1 HorizontalPodAutoscaler": "autoscaling/v2beta2 HorizontalPodAutoscaler",
    "batch/v1beta1 CronJob": "batch/v1 CronJob",
    "discovery.k8s.io/v1beta1 EndpointSlice": "discovery.k8s.io/v1 EndpointSlice",
    "events.k8s.io/v1beta1 Event": "events.k8s.io/v1 Event",
    "node.k8s.io/v1beta1 RuntimeClass": "node.k8s.io/v1 RuntimeClass",
    "policy/v1beta1 PodDisruptionBudget": "autoscaling/v2 HorizontalPodAutoscaler",
    "policy/v1beta1 PodSecurityPolicy": "v1 ConfigMap",
}

Field = tuple[str, str, str]
Types = dict[str, dict[str, Field]]


def folders() -> list[Path]:
    """The schemas of each version, oldest first."""
    found = [each for each in SCHEMAS.iterdir() if each.name.endswith("-local")]
    return sorted(found, key=lambda each: [int(part) for part in re.findall(r"\d+", each.name)])


def reference(schema: dict[str, Any]) -> str:
    """The type in a field; `{X}` for a map of X."""
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and "$ref" in values:
        return f"{{{reference(values)}}}"
    found = schema.get("$ref") or schema.get("items", {}).get("$ref") or ""
    return found.rpartition("/")[2]


def how(schema: dict[str, Any]) -> str:
    strategies = schema.get("x-kubernetes-patch-strategy", "").split(",")
    return next((each for each in ("merge", "replace") if each in strategies), "")


def read(definitions: dict[str, Any]) -> Types:
    """Type -> field -> (child type, strategy, merge key); a map has the one field `*`."""
    types = {
        name: {
            field: (reference(child), how(child), child.get("x-kubernetes-patch-merge-key", ""))
            for field, child in schema.get("properties", {}).items()
        }
        for name, schema in definitions.items()
    }
    held = {child for fields in types.values() for child, _, _ in fields.values()}
    return types | {each: {"*": (each[1:-1], "", "")} for each in held if each.startswith("{")}


def read_all() -> tuple[Types, dict[str, str]]:
    """Types and kinds of every version; prints where two versions disagree."""
    types: Types = {}
    kinds: dict[str, str] = {}
    for folder in folders():
        definitions = json.loads((folder / "_definitions.json").read_text())["$defs"]
        for name, fields in read(definitions).items():
            known = types.setdefault(name, {})
            for field, value in fields.items():
                if field in known and known[field][1:] != value[1:]:
                    print(f"{folder.name}: {name}.{field}: {known[field][1:]} -> {value[1:]}")
                known[field] = value
        for name, schema in definitions.items():
            for each in schema.get("x-kubernetes-group-version-kind", []):
                group = f"{each['group']}/" if each["group"] else ""
                kind = f"{group}{each['version']} {each['kind']}"
                if "metadata" in schema.get("properties", {}) and not kind.endswith("List"):
                    kinds[kind] = name
    return types, kinds


def useful(types: Types) -> set[str]:
    """The types that say something themselves or lead to one that does."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name, fields in types.items()
            if name not in found and any(how or child in found for child, how, _ in fields.values())
        }
        if not more:
            return found
        found |= more


def reachable(types: Types, roots: set[str]) -> Types:
    keep = useful(types)
    found: Types = {}
    todo = sorted(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = {
                field: (child if child in keep else "", how, key)
                for field, (child, how, key) in sorted(types[name].items())
                if how or child in keep
            }
            todo += [child for child, _, _ in found[name].values() if child]
    return found


def merged(types: Types) -> dict[str, str]:
    """Type -> the name of its class: types that cannot be told apart are one class."""
    classes = dict.fromkeys(types, "")
    while True:
        groups = defaultdict(list)
        for name, fields in types.items():
            seen = tuple((f, classes.get(c, ""), h, k) for f, (c, h, k) in fields.items())
            groups[seen].append(name)
        names = {name: pick(members) for members in groups.values() for name in members}
        if names == classes:
            return names
        classes = names


def pick(members: list[str]) -> str:
    """One name for the class: the shortest of its newest."""
    stable = [each for each in members if re.search(r"\.v\d+\.", each)] or members
    return min(stable, key=lambda each: (len(each), each))


def short_names(classes: dict[str, str]) -> dict[str, str]:
    """Class -> its last word, with as much before it as makes it the only one."""
    names = sorted(each for each in set(classes.values()) if not each.startswith("{"))
    short = {}
    for name in names:
        parts = name.split(".")
        size = next(
            size
            for size in range(1, len(parts) + 1)
            if sum(each.split(".")[-size:] == parts[-size:] for each in names) == 1
        )
        short[name] = ".".join(parts[-size:])
    maps = {each for each in classes.values() if each.startswith("{")}
    return short | {each: f"{{{short[classes[each[1:-1]]]}}}" for each in maps}


def packed(entries: list[str], indent: str) -> list[str]:
    lines, line = [], indent
    for entry in (part for each in entries for part in pieces(each, indent)):
        if len(line) + len(entry) > WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{entry} "
    return [*lines, line.rstrip()]


def pieces(entry: str, indent: str) -> list[str]:
    """The entry, cut after its key when it is too long for a line."""
    if len(indent) + len(entry) <= WIDTH:
        return [entry]
    key, colon, value = entry.partition('": ')
    return [f"{key}{colon}".rstrip(), value]


def table(types: Types, classes: dict[str, str], short: dict[str, str]) -> list[str]:
    lines = []
    for name in sorted(short, key=short.__getitem__):
        fields = [
            f'"{field}": ("{short[classes[child]] if child else ""}", "{how}", "{key}"),'
            for field, (child, how, key) in types[name].items()
        ]
        line = f'    "{short[name]}": {{{" ".join(fields).rstrip(",")}}},'
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [f'    "{short[name]}": {{', *packed(fields, " " * 8), "    },"]
    return lines


def main() -> None:
    everything, kinds = read_all()
    kinds |= {old: kinds[like] for old, like in LEGACY.items()}
    types = reachable(everything, set(kinds.values()))
    kinds = {kind: name for kind, name in kinds.items() if types[name]}
    types = {name: fields for name, fields in types.items() if fields}
    classes = merged(types)
    short = short_names(classes)
    first, *_, last = (each.name.split("-")[0].rpartition(".")[0] for each in folders())
    lines = [
        f'"""Merge keys of Kubernetes\' built-in kinds ({first} to {last}).',
        "",
        "Generated by tests/tools/generate_merge_keys.py from the schemas in kubernetes-validate",
        "(Apache-2.0); do not edit. TYPES: type -> field -> (type it holds, strategy, merge key); the",
        "field `*` stands for every key of a map. Types that say the same share one name.",
        '"""',
        "",
        "# fmt: off",
        f'METADATA = "{short[classes[METADATA]]}"',
        "",
        "KINDS: dict[str, str] = {",
        *packed(
            [f'"{kind}": "{short[classes[type_]]}",' for kind, type_ in sorted(kinds.items())],
            "    ",
        ),
        "}",
        "",
        "TYPES: dict[str, dict[str, tuple[str, str, str]]] = {",
        *table(types, classes, short),
        "}",
        "",
    ]
    TARGET.write_text("\n".join(lines))
    print(f"{len(kinds)} kinds, {len(short)} types, {len(lines)} lines")


if __name__ == "__main__":
    main()
