"""Names the Jobs of gates by what they gate: other content is another Job, which runs again.

The pod template of a Job cannot be changed, and a completed Job does not run twice. Its file keeps
its path; the name ends with a hash of everything that is delivered beside it.

Sources: Kubernetes documentation, "Jobs" (the name is at most 63 characters long, as it becomes a
label of its pods; with `ttlSecondsAfterFinished` a Job is deleted, and agents apply it again).
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from planners.gate_jobs import job_rules
from planners.model import Application, Json, PlanProblem, Unit
from renderers import yaml
from renderers.tree import FileTree

MAX_NAME = 63
HASH = 8


@dataclass(slots=True)
class _Naming:
    """One run: each distinct file is named once for each hash."""

    named: dict[tuple[bytes, str], bytes] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)

    def tree(self, gate: str, tree: FileTree, digest: str) -> dict[str, bytes]:
        """The files of a unit."""
        return {
            path: self.file(gate, content, digest) if "/apps/" in path else content
            for path, content in tree.items()
        }

    def file(self, gate: str, content: bytes, digest: str) -> bytes:
        """The file, with a Job in it renamed; others as they are."""
        key = (content, digest)
        if key not in self.named:
            self.named[key] = self._renamed(gate, content, digest)
        return self.named[key]

    def _renamed(self, gate: str, content: bytes, digest: str) -> bytes:
        (document,) = yaml.load_documents(content)
        item = document.value
        if not _is_job(item):
            return content
        assert isinstance(item, dict)
        metadata, spec = item["metadata"], item.get("spec")
        assert isinstance(metadata, dict)
        if isinstance(spec, dict) and "ttlSecondsAfterFinished" in spec:
            self.problems[
                f"gate {gate}: Job/{metadata['name']} has ttlSecondsAfterFinished: it would be "
                f"deleted, and run again: remove that field"
            ] = None
        name = f"{str(metadata['name'])[: MAX_NAME - HASH - 1]}-{digest[:HASH]}"
        return yaml.dump({**item, "metadata": {**metadata, "name": name}})


def with_job_names(
    application: Application, early: Collection[str], trees: Mapping[Unit, FileTree]
) -> tuple[Mapping[Unit, FileTree], tuple[PlanProblem, ...]]:
    """The files of all units, with the Jobs of gates named.

    `early` are the clusters whose agents report Jobs as ready when they have started.
    """
    gates = {each.name for each in job_rules(application)}
    if not gates:
        return trees, ()
    naming, found = _Naming(), dict(trees)
    beside = _digests({unit: tree for unit, tree in trees.items() if unit.component not in gates})
    for unit, tree in trees.items():
        if unit.component not in gates:
            continue
        if unit.cluster in early:
            naming.problems[
                f"gate {unit.component}: the agent of {unit.cluster} reports a Job as ready when "
                f"it has started: use another kind of gate, or `stages` without that cluster"
            ] = None
        digest = hashlib.sha256((beside.get(unit.cluster, "") + _digest(tree)).encode()).hexdigest()
        found[unit] = naming.tree(unit.component, tree, digest)
        if found[unit] == dict(tree):
            naming.problems[f"gate {unit.component}: its folder has no Job"] = None
    return found, tuple(PlanProblem(each) for each in naming.problems)


def rollback_files(
    gates: Mapping[Unit, FileTree], restored: Mapping[Unit, Mapping[str, str]], revision: str
) -> Mapping[Unit, FileTree]:
    """The files of gates of a rollback, with Jobs that are named by what is rolled back, and where.

    A revision is rolled back once, so that each rollback has Jobs of its own.
    """
    naming, beside = _Naming(), dict[str, list[object]]()
    for unit in sorted(restored):
        beside.setdefault(unit.cluster, []).append(sorted(restored[unit].items()))
    found = {}
    for unit, tree in gates.items():
        told = f"{revision} {beside.get(unit.cluster)} {_digest(tree)}"
        digest = hashlib.sha256(told.encode()).hexdigest()
        found[unit] = naming.tree(unit.component, tree, digest)
    return found


def _is_job(item: Json) -> bool:
    return (
        isinstance(item, dict)
        and item.get("kind") == "Job"
        and str(item.get("apiVersion", "")).startswith("batch/")
    )


def _digests(trees: Mapping[Unit, FileTree]) -> dict[str, str]:
    """For each cluster the hash of everything that is delivered there."""
    parts: dict[str, list[str]] = {}
    for unit, tree in sorted(trees.items()):
        parts.setdefault(unit.cluster, []).append(_digest(tree))
    return {cluster: "".join(each) for cluster, each in parts.items()}


def _digest(tree: FileTree) -> str:
    found = hashlib.sha256()
    for path in sorted(tree):
        found.update(hashlib.sha256(path.encode()).digest() + hashlib.sha256(tree[path]).digest())
    return found.hexdigest()
