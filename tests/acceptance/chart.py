"""The chart on a real API server: admitted, also by the `restricted` standard, and scheduled.

`python -m tests.acceptance chart`. kwok reports pods as running, so what is tried is admission,
scheduling, and what controllers make of the objects, not the image.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from docs.deployment import EXAMPLES
from tests.acceptance.cluster import Cluster
from tests.acceptance.processes import Processes
from tests.acceptance.programs import build

MANIFESTS = Path(__file__).parents[2] / "docs/manifests"
NAMESPACE = "switchyard"
SECONDS = 120
SETUP = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: switchyard, namespace: {NAMESPACE}}}
stringData: {{switchyard_database_url: "postgresql+psycopg://"}}
"""


def run_chart() -> int:
    """Try every example; 0 if the API server admits all, and the replicas come up."""
    folder = Path(tempfile.mkdtemp(prefix="switchyard-chart-"))
    processes = Processes(folder / "logs")
    cluster = Cluster("chart", build(("etcd", "kubernetes", "kwok")), processes, folder)
    try:
        cluster.start()
        cluster.apply(SETUP)
        for name in EXAMPLES:
            manifests = (MANIFESTS / f"{name}.yaml").read_text()
            flags = ("--server-side", "--dry-run=server", "--filename=-")
            print(cluster.kubectl("apply", *flags, text=manifests), end="", flush=True)
        cluster.apply((MANIFESTS / "several-replicas.yaml").read_text())
        deployment = _wait(cluster, "deployment", "availableReplicas", 3)
        budget = _wait(cluster, "poddisruptionbudget", "disruptionsAllowed", 1)
    finally:
        processes.stop()
    print(f"available: {deployment} of 3; disruptions allowed: {budget}")
    return 0 if (deployment, budget) == (3, 1) else 1


def _wait(cluster: Cluster, kind: str, field: str, wanted: int) -> int:
    """The field of the object's status, once it has the wanted value or time is over."""
    found = 0
    ends = time.monotonic() + SECONDS
    while found != wanted and time.monotonic() < ends:
        where = f"--namespace={NAMESPACE}"
        status: dict[str, Any] = json.loads(
            cluster.kubectl("get", kind, "switchyard", where, "-o", "json")
        ).get("status", {})
        found = status.get(field, 0)
        time.sleep(1)
    return found
