"""Compares renderers.patch.strategic_merge.merge with kubectl over random objects and patches; needs kubectl on PATH.

`python tests/tools/compare_strategic.py 5000` compares 5000 cases over the schemas of many kinds;
`--first N` starts at another seed; `--record 120` also writes that many, varied in kind and in
directives, with kubectl's answers, to tests/golden/strategic_cases.json.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes_validate

from renderers.patch.strategic_merge import merge

GOLDEN = Path(__file__).parents[1] / "golden" / "strategic_cases.json"
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
VERSION = "v1.32.0-local"  # the nearest to the kubectl that answers
KINDS = (
    "v1 Pod", "v1 Service", "v1 ServiceAccount", "v1 PersistentVolumeClaim", "v1 ConfigMap",
    "v1 Secret", "v1 Namespace", "v1 Node", "v1 ReplicationController", "v1 PodTemplate",
    "v1 PersistentVolume", "v1 Endpoints", "v1 LimitRange", "v1 ResourceQuota",
    "apps/v1 Deployment", "apps/v1 StatefulSet", "apps/v1 DaemonSet", "apps/v1 ReplicaSet",
    "batch/v1 Job", "batch/v1 CronJob", "networking.k8s.io/v1 Ingress",
    "networking.k8s.io/v1 NetworkPolicy", "autoscaling/v1 HorizontalPodAutoscaler",
    "autoscaling/v2 HorizontalPodAutoscaler", "policy/v1 PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1 Role", "rbac.authorization.k8s.io/v1 ClusterRole",
    "rbac.authorization.k8s.io/v1 RoleBinding", "storage.k8s.io/v1 StorageClass",
    "storage.k8s.io/v1 CSINode", "node.k8s.io/v1 RuntimeClass", "discovery.k8s.io/v1 EndpointSlice",
    "scheduling.k8s.io/v1 PriorityClass", "coordination.k8s.io/v1 Lease",
    "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy",
    "flowcontrol.apiserver.k8s.io/v1 FlowSchema", "certificates.k8s.io/v1 CertificateSigningRequest",
    "resource.k8s.io/v1beta1 ResourceClaim",
)  # fmt: skip
FAVOURITES = (
    "containers",
    "template",
    "spec",
    "metadata",
    "ports",
    "env",
    "volumes",
    "jobTemplate",
)
UNWANTED = {"apiVersion", "kind", "status", "managedFields"}  # no part of a patch, or not printed
WORDS = ("a", "b", "c", "d", "e")
DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder", "$deleteFromPrimitiveList")

# What kubectl refuses and this project takes, or the other way round; see renderers/patch/strategic_merge.
# Part of kubectl's error, and the reason why the answers may differ.
KNOWN = {
    "unable to decode": "not an object of that kind",
    "unable to find api field": "fields that are not known are merged",
    "no elements in any of the given slices": "an order over empty lists",
    "data type is not struct": "a map of lists, which kubectl cannot merge",
    "The order in patch list": "an order beside $patch: replace",
}


class Making:
    """Random values of one kind's shape; few words, so that keys meet."""

    def __init__(self, seed: int, definitions: dict[str, Any]) -> None:
        self.rng = random.Random(seed)
        self.definitions = definitions

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def type_of(self, schema: dict[str, Any]) -> str:
        found = self.resolved(schema).get("type", "string")
        return found if isinstance(found, str) else next(each for each in found if each != "null")

    def merges(self, schema: dict[str, Any]) -> bool:
        return "merge" in schema.get("x-kubernetes-patch-strategy", "").split(",")

    def leads(self, schema: dict[str, Any], depth: int = 7) -> bool:
        """Whether a merge list is in there."""
        if self.merges(schema) or depth == 0:
            return self.merges(schema)
        inside = self.resolved(schema.get("items", schema))
        return any(self.leads(each, depth - 1) for each in inside.get("properties", {}).values())

    def fields(self, schema: dict[str, Any]) -> list[str]:
        """A few fields, rather those that lead to merge lists."""
        known = self.resolved(schema).get("properties", {})
        names = sorted(name for name in known if name not in UNWANTED)
        weights = [
            8 if name in FAVOURITES else 5 if self.leads(known[name], 3) else 1 for name in names
        ]
        count = min(len(names), self.rng.randint(1, 4))
        return list(dict.fromkeys(self.rng.choices(names, weights, k=count))) if names else []

    def scalar(self, schema: dict[str, Any]) -> Any:
        match self.type_of(schema):
            case "integer":
                return self.rng.randint(1, 4)
            case "number":
                return self.rng.choice((1, 1.5, 2))
            case "boolean":
                return self.rng.random() < 0.5
            case _ if self.resolved(schema).get("format") == "date-time":
                return f"2024-01-01T00:00:0{self.rng.randint(0, 3)}Z"
            case _:
                return self.rng.choice(WORDS)

    def value(self, schema: dict[str, Any], depth: int) -> Any:
        whole = self.resolved(schema)
        match self.type_of(schema):
            case "object" if depth <= 0:
                return {}
            case "object" if "properties" in whole:
                return {
                    name: self.value(whole["properties"][name], depth - 1)
                    for name in self.fields(schema)
                }
            case "object":
                inside = whole.get("additionalProperties")
                inside = inside if isinstance(inside, dict) else {}
                names = self.rng.sample(WORDS, self.rng.randint(0, 3))
                return {name: self.value(inside, depth - 1) for name in names}
            case "array":
                return self.items(schema, depth)
            case _:
                return self.scalar(schema)

    def items(self, schema: dict[str, Any], depth: int) -> list[Any]:
        items = self.resolved(schema)["items"]
        key = schema.get("x-kubernetes-patch-merge-key")
        made = [self.value(items, depth - 1) for _ in range(self.rng.randint(0, 3))]
        if not key:
            unique: list[Any] = []
            for each in made:
                if each not in unique:
                    unique.append(each)
            return unique
        found: list[Any] = []
        for each in made:
            each[key] = self.scalar(self.resolved(items)["properties"][key])
            twice = any(other[key] == each[key] for other in found)
            if not twice or self.rng.random() < 0.05:
                found.append(each)
        if found and self.rng.random() < 0.01:
            found[0].pop(key)
        return found

    def patch(self, schema: dict[str, Any], old: Any, depth: int) -> Any:
        """A patch for that value, which may be of another type or missing."""
        if self.rng.random() < 0.06:
            return None
        match self.type_of(schema):
            case "object" if depth > 0:
                return self.map_patch(schema, old if isinstance(old, dict) else {}, depth)
            case "array" if self.merges(schema) and depth > 0:
                return self.list_patch(schema, old if isinstance(old, list) else [], depth)
            case _:
                return self.value(schema, depth)

    def map_patch(self, schema: dict[str, Any], old: dict[str, Any], depth: int) -> dict[str, Any]:
        known = self.resolved(schema).get("properties")
        if known is None:
            inside = self.resolved(schema).get("additionalProperties")
            inside = inside if isinstance(inside, dict) else {}
            names = self.rng.sample(WORDS, self.rng.randint(0, 3))
            made = {name: self.patch(inside, old.get(name), depth - 1) for name in names}
            return self.directed(made, old)
        names = [
            name
            for name in sorted(old)
            if name in known and name not in UNWANTED and self.rng.random() < 0.6
        ]
        names = list(dict.fromkeys([*names, *self.fields(schema)]))
        made = {}
        for name in names:
            made[name] = self.patch(known[name], old.get(name), depth - 1)
            if self.type_of(known[name]) == "array":
                self.parallel_lists(made, name, known[name], old.get(name))
        return self.directed(made, old)

    def directed(self, made: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
        """With a directive, now and then."""
        roll = self.rng.random()
        if roll < 0.03:
            made["$patch"] = "replace"
        elif roll < 0.045:
            made["$patch"] = "delete"
        elif roll < 0.05:
            made["$patch"] = self.rng.choice(("merge", "retain"))
        elif roll < 0.1:
            names = {name.rpartition("/")[2] for name in made} | set(
                self.rng.sample(sorted(old), self.rng.randint(0, len(old)))
            )
            if self.rng.random() < 0.1 and names:
                names.pop()
            made["$retainKeys"] = sorted(names)
        return made

    def list_patch(self, schema: dict[str, Any], old: list[Any], depth: int) -> list[Any]:
        key = schema.get("x-kubernetes-patch-merge-key")
        if not key:
            return self.items(schema, depth)
        items = self.resolved(schema)["items"]
        made = []
        for each in self.items(schema, 0 if self.rng.random() < 0.2 else depth):
            there = next((o for o in old if o.get(key) == each.get(key)), None)
            if there is not None and key in each and self.rng.random() < 0.8:
                changed = self.map_patch(items, there, depth - 1)
                each = changed | {key: each[key]}
                if "$retainKeys" in each:
                    each["$retainKeys"] = sorted({*each["$retainKeys"], key})
            made.append(each)
        for each in old:
            if key in each and self.rng.random() < 0.15:
                made.insert(self.rng.randint(0, len(made)), {"$patch": "delete", key: each[key]})
        if self.rng.random() < 0.06:
            made.insert(self.rng.randint(0, len(made)), {"$patch": "replace"})
        if self.rng.random() < 0.01 and made:
            made[0].pop(key, None)
        return made

    def parallel_lists(
        self, made: dict[str, Any], name: str, schema: dict[str, Any], old: Any
    ) -> None:
        """`$setElementOrder` and `$deleteFromPrimitiveList` next to a list, or instead of it."""
        key = schema.get("x-kubernetes-patch-merge-key")
        old = old if isinstance(old, list) else []
        plain = not key and not any(isinstance(each, dict) for each in old)
        if plain and self.merges(schema) and self.rng.random() < 0.4:
            gone = self.rng.sample(WORDS, self.rng.randint(0, 2))
            made[f"$deleteFromPrimitiveList/{name}"] = gone
            new = made.get(name)
            if self.rng.random() < 0.5 or new is None:
                del made[name]
            else:
                made[name] = [each for each in new if each not in gone]
        new = made.get(name) or []
        if not self.merges(schema) or not (new or old) or self.rng.random() > 0.35:
            return
        named = [each.get(key) if key else each for each in [*new, *old] if "$patch" not in each]
        order = list(dict.fromkeys(named))
        if self.rng.random() < 0.1:
            self.rng.shuffle(order)
        order = order[: self.rng.randint(max(len(new), 1), max(len(order), len(new), 1))]
        made[f"$setElementOrder/{name}"] = [{key: each} if key else each for each in order]
        if self.rng.random() < 0.2:
            made.pop(name, None)


def definitions() -> dict[str, Any]:
    return json.loads((SCHEMAS / VERSION / "_definitions.json").read_text())["$defs"]


def roots(known: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, schema in known.items():
        for each in schema.get("x-kubernetes-group-version-kind", []):
            group = f"{each['group']}/" if each["group"] else ""
            found[f"{group}{each['version']} {each['kind']}"] = name
    return found


def kubectl(item: dict[str, Any], change: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(item, file)
        file.flush()
        done = subprocess.run(
            ["kubectl", "patch", "--local", "--type=strategic", "-f", file.name]
            + ["-p", json.dumps(change), "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr


def ours(item: dict[str, Any], change: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    try:
        return merge.merge(item, change), ""
    except merge.MergeError as error:
        return None, str(error)


def cases(seeds: range) -> list[tuple[int, dict[str, Any], dict[str, Any], Any, str]]:
    known = definitions()
    names = roots(known)
    made = []
    for seed in seeds:
        making = Making(seed, known)
        kind = KINDS[seed % len(KINDS)]
        root = known[names[kind]]
        version, _, word = kind.partition(" ")
        item = making.value(root, 8)
        item |= {"apiVersion": version, "kind": word}
        item.setdefault("metadata", {})["name"] = "it"
        change = making.map_patch(root, item, 8)
        for each in ("$patch", "$retainKeys"):
            change.pop(each, None)  # nothing would be left of the object
        made.append((seed, item, change, *kubectl(item, change)))
    return made


def settled(value: Any) -> Any:
    """kubectl's answer with the leftovers of `--local` carried out: nulls and directives of new values."""
    if isinstance(value, dict):
        if value.get("$patch") == "delete":
            return {}
        return {k: settled(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    if isinstance(value, list):
        return [
            settled(each)
            for each in value
            if not (isinstance(each, dict) and each.get("$patch") in {"delete", "replace"})
        ]
    return value


def without_new_directives(item: Any, change: Any) -> Any:
    """The patch without new mappings that hold `$patch`: kubectl drops them whole."""
    if isinstance(change, list):
        return [without_new_directives(None, each) for each in change]
    if not isinstance(change, dict):
        return change
    known = item if isinstance(item, dict) else {}
    return {
        key: without_new_directives(known.get(key), each)
        for key, each in change.items()
        if not (
            isinstance(each, dict) and "$patch" in each and not isinstance(known.get(key), dict)
        )
    }


def agree(answer: Any, complaint: str, expected: Any, error: str) -> str:
    """Empty, or why they may differ, or `differs`."""
    if expected is None or answer is None:
        if expected is None and answer is None:
            return ""
        known = [reason for part, reason in KNOWN.items() if part in error]
        if known:
            return known[0]
        if "without its merge key" in complaint:
            return "an item without its merge key is refused"
        if "$patch" in complaint and "$patch" in json.dumps(expected):
            return "directives in new values are obeyed or refused"
        return "differs"
    if answer == settled(expected):
        return ""
    if pruned(answer) == pruned(settled(expected)):
        return "what is deleted in a new value is left out, not left empty"
    return "differs"


def pruned(value: Any) -> Any:
    """A value without its empty mappings."""
    if isinstance(value, list):
        return [pruned(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: pruned(each) for key, each in value.items()}
    return {key: each for key, each in kept.items() if each != {}}


def varied(found: list[Any], count: int) -> list[Any]:
    """Cases whose kinds and directives differ, the small ones first."""
    chosen: list[Any] = []
    seen: Counter[str] = Counter()
    for case in sorted(found, key=lambda case: len(json.dumps(case[1:3]))):
        _, item, change, expected, _ = case
        text = json.dumps(change)
        if len(text) < 60:
            continue
        marks = "".join(str(int(each in text)) for each in DIRECTIVES)
        traits = (f"{item['kind']}", f"{marks} {expected is None}")
        if seen[traits[0]] < count // 12 and seen[traits[1]] < count // 8:
            seen.update(traits)
            chosen.append(case)
    return chosen[:count]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--record", type=int, default=0)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.count)
    parts = [seeds[start : start + 25] for start in range(0, len(seeds), 25)]
    with ProcessPoolExecutor(2) as pool:
        found = [case for part in pool.map(cases, parts) for case in part]
    reasons: Counter[str] = Counter()
    same = []
    for case in found:
        seed, item, change, expected, error = case
        answer, complaint = ours(item, change)
        reason = agree(answer, complaint, expected, error)
        if reason == "differs":
            other = ours(item, without_new_directives(item, change))
            if not agree(*other, expected, error):
                reason = "directives in new values are obeyed or refused"
        reasons[reason or "agree"] += 1
        if not reason:
            same.append(case)
        elif reason == "differs" and reasons[reason] <= 5:
            print(seed, json.dumps(item), json.dumps(change), sep="\n")
            print("kubectl", json.dumps(settled(expected)), error.splitlines()[:2])
            print("ours   ", json.dumps(answer), complaint)
    refused = sum(case[3] is None for case in found)
    print(f"{len(found)} cases, {refused} refused by kubectl: {dict(reasons)}")
    used = Counter(each for case in found for each in DIRECTIVES if each in json.dumps(case[2]))
    print(f"patches with {dict(used)}")
    if options.record:
        kept = [
            {
                "kind": item["kind"],
                "item": item,
                "patch": change,
                "expected": settled(expected) if expected is not None else None,
            }
            for _, item, change, expected, _ in varied(same, options.record)
        ]
        GOLDEN.write_text("[\n" + ",\n".join(json.dumps(each) for each in kept) + "\n]\n")
        print(f"recorded {len(kept)}")
    return 1 if reasons["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
