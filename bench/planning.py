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
from bench.table import Row
from bot.engine.propose import propose

SIZES = (100, 1_000, 10_000)
KUSTOMIZED = 100


def measure(size: int) -> dict[str, float]:
    """Plan and render once in this process, from a cold start: seconds, megabytes, files.

    `cpu` are seconds of CPU, which other work on the machine changes less.
    """
    world = snapshot(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, busy = time.perf_counter(), time.process_time()
    proposal = propose(world)
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    assert not proposal.problems, proposal.problems[:3]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = sum(len(tree) for tree in proposal.trees.values())
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": peak / 1024,
        "of_which_mb": (peak - before) / 1024,
        "files": files,
        "waves": len(proposal.plan.waves),
    }


def run() -> list[Row]:
    """Measure, print and return the rows of the largest fleet."""
    print(f"\nPlan and render {len(COMPONENTS)} components with {VARIANTS} variants, first rollout")
    print(
        f"{'clusters':>10} {'files':>9} {'seconds':>9} {'CPU':>7} {'ms/cluster':>11} {'peak MB':>9}"
    )
    found = {}
    for size in SIZES:
        found[size] = _apart(size)
        seconds = found[size]["seconds"]
        print(
            f"{size:>10} {found[size]['files']:>9.0f} {seconds:>9.2f} {found[size]['cpu']:>7.2f} "
            f"{seconds / size * 1000:>11.2f} {found[size]['peak_mb']:>9.0f}"
        )
    small, large = found[SIZES[0]]["cpu"], found[SIZES[-1]]["cpu"]
    name = f"first plan and render, {SIZES[-1]:,} clusters x {len(COMPONENTS)}"
    row = Row(f"{name}, CPU", large, 3, "s", growth=large / small)
    each = _kustomized()
    if each is None:
        return [row]
    times = each * SIZES[-1] / large
    return [
        row,
        Row("overlays, times faster than kubectl kustomize", times, 200, "", at_least=True),
    ]


def _apart(size: int) -> dict[str, float]:
    """Measure in a process of its own, so that peaks do not add up."""
    command = [sys.executable, "-m", "bench", "planning-json", str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _kustomized() -> float | None:
    """CPU seconds of kustomize for the objects of one cluster, by an overlay as people write it.

    It builds each overlay by itself, so that an overlay costs the same in any fleet.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        print("kubectl is not on PATH: no comparison with kustomize")
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overlays = _overlays(folder)
        before = _cpu_of_children()
        for overlay in overlays:
            subprocess.run([kubectl, "kustomize", str(overlay)], check=True, capture_output=True)
        each = (_cpu_of_children() - before) / KUSTOMIZED
    print(f"kubectl kustomize takes {each * 1000:.0f} ms of CPU for the overlay of one cluster")
    return each


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
