"""Compares renderers.strategic with kubectl over random patches; needs kubectl on PATH.

`python tests/tools/compare_strategic.py 500` compares 500 cases; `--record 40` also writes that many
of them, with kubectl's answers, to tests/golden/strategic_cases.json.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from renderers import strategic

GOLDEN = Path(__file__).parents[1] / "golden" / "strategic_cases.json"
NAMES = ("a", "b", "c", "d")


def pick(rng: random.Random, *choices):
    return rng.choice(choices)


def container(rng: random.Random, name: str) -> dict:
    made = {"name": name}
    if rng.random() < 0.8:
        made["image"] = f"app:{rng.randint(1, 3)}"
    if rng.random() < 0.6:
        made["env"] = [
            {"name": key, "value": str(rng.randint(0, 2))}
            for key in rng.sample(NAMES, rng.randint(1, 3))
        ]
    if rng.random() < 0.4:
        made["ports"] = [
            {"containerPort": port, "protocol": "TCP"}
            for port in rng.sample((80, 81, 82), rng.randint(1, 2))
        ]
    if rng.random() < 0.3:
        made["args"] = rng.sample(NAMES, 2)
    if rng.random() < 0.3:
        made["resources"] = {"limits": {"cpu": "1"}, "requests": {"cpu": pick(rng, "1", "2")}}
    return made


def deployment(rng: random.Random) -> dict:
    spec = {
        "containers": [container(rng, name) for name in rng.sample(NAMES, rng.randint(1, 3))],
    }
    if rng.random() < 0.5:
        spec["volumes"] = [
            {"name": name, "emptyDir": {}} for name in rng.sample(NAMES, rng.randint(1, 2))
        ]
    if rng.random() < 0.4:
        spec["tolerations"] = [{"key": "x", "operator": "Exists"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "labels": {"app": "web", "x": "1"},
            "finalizers": ["f/a", "f/b"],
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
        },
    }


def patch(rng: random.Random) -> dict:
    made: dict = {}
    spec: dict = {}
    pod: dict = {}
    if rng.random() < 0.5:
        spec["replicas"] = pick(rng, 1, 5, None)
    if rng.random() < 0.3:
        made["metadata"] = {
            "labels": pick(rng, {"x": None, "y": "2"}, {"$patch": "replace", "z": "3"})
        }
        if rng.random() < 0.5:
            made["metadata"] |= pick(
                rng,
                {"finalizers": ["f/c", "f/a"]},
                {"$deleteFromPrimitiveList/finalizers": ["f/a"]},
                {"$setElementOrder/finalizers": ["f/b", "f/a"]},
            )
    if rng.random() < 0.3:
        spec["strategy"] = pick(
            rng, {"$retainKeys": ["type"], "type": "Recreate"}, {"rollingUpdate": {"maxSurge": 3}}
        )
    if rng.random() < 0.8:
        items = []
        for name in rng.sample(NAMES, rng.randint(1, 3)):
            roll = rng.random()
            if roll < 0.2:
                items.append({"name": name, "$patch": "delete"})
            elif roll < 0.3:
                items.append({"name": name, "env": None, "image": "app:9"})
            else:
                items.append(container(rng, name))
        if rng.random() < 0.1:
            items.append({"$patch": "replace"})
        elif rng.random() < 0.3:
            order = [item["name"] for item in items if "$patch" not in item]
            if order:
                pod["$setElementOrder/containers"] = [{"name": name} for name in order]
        pod["containers"] = items
    if rng.random() < 0.3:
        pod["volumes"] = [
            {
                "name": pick(rng, *NAMES),
                "$retainKeys": ["name", "hostPath"],
                "hostPath": {"path": "/x"},
            }
        ]
    if rng.random() < 0.3:
        pod["tolerations"] = [{"key": "z", "operator": "Exists"}]
    if pod:
        spec["template"] = {"spec": pod}
    if spec:
        made["spec"] = spec
    return made or {"spec": {"replicas": 3}}


def kubectl(item: dict, change: dict) -> dict | None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(item, file)
        file.flush()
        done = subprocess.run(
            [
                "kubectl",
                "patch",
                "--local",
                "--type=strategic",
                "-f",
                file.name,
                "-p",
                json.dumps(change),
                "-o",
                "json",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    return json.loads(done.stdout) if done.returncode == 0 else None


def ours(item: dict, change: dict) -> dict | None:
    try:
        return strategic.merge(item, change)
    except strategic.MergeError:
        return None


def case(seed: int) -> tuple[int, dict, dict, dict | None]:
    rng = random.Random(seed)
    item, change = deployment(rng), patch(rng)
    return seed, item, change, kubectl(item, change)


def clean(value):
    """Without nulls and directives: `--local` leaves those of new items in, an API server does not."""
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items() if v is not None and not k.startswith("$")}
    return [clean(each) for each in value] if isinstance(value, list) else value


def strip(value: dict | None) -> dict | None:
    """kubectl prints what its types do not omit when empty."""
    if value is None:
        return None
    value = clean(value)
    value.pop("status", None)
    value["metadata"].pop("creationTimestamp", None)
    template = value.get("spec", {}).get("template", {})
    template.get("metadata", {}).pop("creationTimestamp", None)
    for each in template.get("spec", {}).get("containers", []):
        if each.get("resources") == {}:
            del each["resources"]
    if value.get("spec", {}).get("strategy") == {}:
        del value["spec"]["strategy"]
    return value


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    parser.add_argument("--record", type=int, default=0)
    options = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        cases = list(pool.map(case, range(options.count)))
    bad = 0
    for seed, item, change, expected in cases:
        if strip(ours(item, change)) != strip(expected):
            bad += 1
            if bad <= 3:
                print(seed, json.dumps(item), json.dumps(change), sep="\n")
                print("kubectl", json.dumps(strip(expected)))
                print("ours   ", json.dumps(strip(ours(item, change))))
    print(f"{len(cases) - bad} of {len(cases)} agree, {sum(e is None for *_, e in cases)} refused")
    if options.record:
        GOLDEN.parent.mkdir(exist_ok=True)
        kept = [
            {"item": item, "patch": change, "expected": strip(expected)}
            for _, item, change, expected in cases[: options.record]
        ]
        GOLDEN.write_text(json.dumps(kept, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
