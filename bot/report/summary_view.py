"""Small views beside the whole ones: what lists need, and marks that tell when a page changed.

Made from a rollout's view, so that no list has to read whole rollouts of large fleets.
"""

from collections.abc import Mapping
from typing import Any

from planners.model import Fleet, Json
from planners.plan import digest_of

RUNNING = ("STALLED", "UNKNOWN", "PROGRESSING", "READY")
UNMERGED = "UNMERGED"
READINESS = (*RUNNING, UNMERGED)
MARK_LENGTH = 16
TOLD = ("component", "cluster", "readiness", "message", "revision")
COPIED = ("application", "tenant", "headline", "done", "digest", "revision", "at", "report_max_age")


def summary(view: Mapping[str, Any]) -> dict[str, Json]:
    """A rollout's view without its gates and units: these are counted for each cluster."""
    clusters: dict[str, Any] = {}
    totals = dict.fromkeys(READINESS, 0)
    for unit in view.get("units", []):
        entry = clusters.setdefault(unit["cluster"], {"counts": {}, "revision": "", "at": ""})
        word = unit["readiness"]
        totals[word] += 1
        entry["counts"][word] = entry["counts"].get(word, 0) + 1
        if unit["at"] > entry["at"]:
            entry |= {"at": unit["at"], "revision": unit["revision"]}
    return {
        **{name: view[name] for name in COPIED if name in view},
        "problems": len(view["problems"]),
        "waves": [{"name": wave["name"], "state": wave["state"]} for wave in view.get("waves", [])],
        "totals": {**totals},
        "clusters": clusters,
    }


def mark(view: Mapping[str, Any]) -> str:
    """What stays the same as long as a rollout's page does, but for the time that it tells."""
    units: Any = [[unit[name] for name in TOLD] for unit in view.get("units", [])]
    return digest_of({**view, "at": "", "units": units})[:MARK_LENGTH]


def fleet_view(fleet: Fleet, revision: str) -> dict[str, Json]:
    """The clusters, applications and deploy repos that the fleet repo names at a revision."""
    clusters: list[Json] = [
        {
            "name": each.name,
            "agent": each.agent,
            "labels": dict(each.labels),
            "maintenance": each.maintenance.value,
        }
        for each in sorted(fleet.clusters, key=lambda cluster: cluster.name)
    ]
    applications: list[Json] = [*sorted({each.application for each in fleet.registrations})]
    deploys: list[Json] = [*sorted({str(each.deploy) for each in fleet.registrations})]
    return {
        "revision": revision,
        "clusters": clusters,
        "applications": applications,
        "deploys": deploys,
    }
