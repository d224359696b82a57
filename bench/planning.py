"""Planning and rendering: how long, how much memory, how it grows, and beside kustomize."""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.fleets import COMPONENTS, VARIANTS, manifest, patch, snapshot
from bot.engine.propose import propose

SIZES = (100, 1_000, 10_000)
KUSTOMIZED = 100


def measure(size: int) -> dict[str, float]:
    """Plan and render once in this process, from a cold start: seconds, megabytes, files."""
    world = snapshot(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    proposal = propose(world)
    seconds = time.perf_counter() - start
    assert not proposal.problems, proposal.problems[:3]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = sum(len(tree) for tree in proposal.trees.values())
    return {
        "seconds": seconds,
        "peak_mb": peak / 1024,
        "of_which_mb": (peak - before) / 1024,
        "files": files,
        "waves": len(proposal.plan.waves),
    }


def run() -> None:
    """Print the table."""
    print(f"Plan and render {len(COMPONENTS)} components with {VARIANTS} variants, first rollout")
    print(f"{'clusters':>10} {'files':>9} {'seconds':>9} {'ms/cluster':>11} {'peak MB':>9}")
    found = {}
    for size in SIZES:
        found[size] = _apart(size)
        seconds = found[size]["seconds"]
        print(
            f"{size:>10} {found[size]['files']:>9.0f} {seconds:>9.2f} "
            f"{seconds / size * 1000:>11.2f} {found[size]['peak_mb']:>9.0f}"
        )
    small, large = SIZES[0], SIZES[-1]
    growth = found[large]["seconds"] / found[small]["seconds"]
    print(f"{large // small} times the clusters take {growth:.1f} times as long")
    _beside_kustomize(found[KUSTOMIZED]["seconds"])


def _apart(size: int) -> dict[str, float]:
    """Measure in a process of its own, so that peaks do not add up."""
    command = [sys.executable, "-m", "bench", "planning", str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _beside_kustomize(ours: float) -> None:
    """The same objects by kustomize, with one overlay a cluster, as people write them."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        print("kubectl is not on PATH: no comparison with kustomize")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overlays = _overlays(folder)
        start = time.perf_counter()
        for overlay in overlays:
            subprocess.run([kubectl, "kustomize", str(overlay)], check=True, capture_output=True)
        seconds = time.perf_counter() - start
    print(
        f"kubectl kustomize, one overlay for each of {KUSTOMIZED} clusters: {seconds:.2f} s; "
        f"Switchyard plans and renders them in {ours:.2f} s, 1/{seconds / ours:.0f} of that"
    )


def _overlays(folder: Path) -> list[Path]:
    base = folder / "base"
    base.mkdir()
    for name in COMPONENTS:
        (base / f"{name}.yaml").write_text(manifest(name))
    listed = "\n".join(f"  - {name}.yaml" for name in COMPONENTS)
    (base / "kustomization.yaml").write_text(f"resources:\n{listed}\n")
    made = []
    for number in range(KUSTOMIZED):
        overlay = folder / f"c{number:05}"
        overlay.mkdir()
        lines = ["namespace: shop", "resources: [../base]", "patches:"]
        for name in COMPONENTS:
            head = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\n"
            (overlay / f"{name}.yaml").write_text(head + patch(name, number % VARIANTS))
            lines.append(f"  - path: {name}.yaml")
        (overlay / "kustomization.yaml").write_text("\n".join(lines) + "\n")
        made.append(overlay)
    return made
