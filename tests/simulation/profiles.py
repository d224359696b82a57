"""Worlds in which one kind of trouble is dense: some draws have a fixed answer, the rest is drawn.

A defect that shows in one world of hundreds shows here in one of a few.
"""

from collections.abc import Mapping
from typing import Any

from tests.simulation.faults import SHARES
from tests.simulation.scenario import CLUSTERS

Profile = Mapping[str, Any]
"""What the draws of these names give."""

QUIET: Profile = (
    {f"strength of {kind}": 0.0 for kind in SHARES}
    | {"database trouble": ""}
    | {f"{name} trouble": "" for name in CLUSTERS}
)

PROFILES: Mapping[str, Profile] = {
    "everything": {},
    "approvals that do not count": QUIET
    | {"approved": True, "acts": ("approve own", "approve without role"), "longest pause": 4}
    | {"length": 60.0, "first review": 1.0},
    "commits of others": QUIET
    | {"approved": True, "acts": ("push",), "longest pause": 10, "length": 90.0}
    | {"first review": 0.0},
    "components that fail": QUIET
    | {"approved": False, "shape": "row", "acts": (), "length": 90.0}
    | {f"{name} trouble": "failing" for name in CLUSTERS}
    | {f"{name} begins": 0.0 for name in CLUSTERS},
    "a cluster that falls silent": QUIET
    | {"approved": True, "shape": "row", "clusters": 2, "acts": (), "length": 600.0}
    | {"first review": 0.0, "reviewed at once": 1, "pause of reviewers": 440}
    | {"one trouble": "silent", "one begins": 0.4, "one pulls": 1},
    "a second version on slow clusters": QUIET
    | {"approved": False, "shape": "row", "acts": (), "length": 150.0}
    | {"wants version 2": 0.0, "changed in 2": "", "p2": 0.9, "wants version 3": 1.0}
    | {f"{name} pulls": 10 for name in CLUSTERS},
    "waves that are held": QUIET
    | {"approved": False, "shape": "row", "acts": ("hold",), "longest pause": 5, "length": 90.0},
    "webhooks that never come": QUIET
    | {"approved": False, "shape": "stages", "webhooks": "lost", "acts": (), "length": 30.0},
    "many commands": QUIET
    | {"approved": False, "acts": ("command",), "longest pause": 5, "length": 90.0}
    | {"share of read stale": 0.08},
    "a database that is lost": QUIET
    | {"approved": False, "shape": "stages", "acts": (), "length": 30.0, "patience": 300.0}
    | {"database trouble": "lost", "database trouble begins": 0.3, "webhooks": "lost"}
    | {"crowded": False, "wants version 2": 1.0, "wants version 3": 1.0},
    "two applications want one CPU": QUIET
    | {"crowded": True, "approved": False, "acts": (), "length": 90.0, "replicas": (2, 1)}
    | {"shape": "stages", "clusters": 2, "pause of the bank#1": 0.04, "share of read slow": 0.03}
    | {"priority": 5},
    "people keep away": QUIET
    | {"approved": False, "shape": "stages", "acts": (), "length": 30.0, "patience": 300.0},
}
