"""Keeps conversations of real agents as test data, without what differs between installations.

Uids and names of instances are replaced; signatures are left out, since tests sign with a key of
their own. A file holds the events of a scenario about some units, in the order in which they came.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.acceptance.programs import Programs
from tests.acceptance.recorder import Exchange

FOLDER = Path(__file__).parents[1] / "data" / "flux"
STATES = FOLDER.with_name("argocd")
KEPT = re.compile(
    r"switchyard|tenant-shop\.[a-z-]+|storefront\.(currency|cart-redis)|outside(\..*)?"
)
RECORDED = ("tenant", "rollout", "failure", "rollback", "containment")
"""Scenarios of Flux whose conversations are kept."""

MAX_EVENTS = 80
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def write_recording(name: str, programs: Programs, exchanges: Iterable[Exchange]) -> None:
    """Write the events of one scenario."""
    events = [
        {"seconds": each.seconds, "cluster": each.cluster, "event": _scrub(each.event)}
        for each in exchanges
        if each.agent == "flux" and KEPT.fullmatch(each.event["involvedObject"]["name"])
    ][:MAX_EVENTS]
    if not events:
        return
    versions = {
        name: version for name, version in programs.versions.items() if name.endswith("-controller")
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ",\n  ".join(json.dumps(each) for each in events)
    text = f'{{"versions": {json.dumps(versions)},\n "events": [\n  {lines}\n ]}}\n'
    (FOLDER / f"{name}.json").write_text(text)


def write_states(name: str, programs: Programs, states: Iterable[dict[str, Any]]) -> None:
    """Write the states of an Argo CD Application, in the order in which they were seen."""
    lines = ",\n  ".join(_ADDRESS.sub("127.0.0.1:8080", json.dumps(each)) for each in states)
    version = json.dumps({"argocd": programs.versions["argocd"]})
    STATES.mkdir(parents=True, exist_ok=True)
    text = f'{{"versions": {version},\n "states": [\n  {lines}\n ]}}\n'
    (STATES / f"{name}.json").write_text(text)


def _scrub(event: dict[str, Any]) -> dict[str, Any]:
    text = _ADDRESS.sub("127.0.0.1:8080", json.dumps(event))
    scrubbed: dict[str, Any] = json.loads(text)
    if "uid" in scrubbed["involvedObject"]:
        scrubbed["involvedObject"]["uid"] = "00000000-0000-4000-8000-000000000000"
    scrubbed["reportingInstance"] = f"{scrubbed['reportingController']}-0"
    return scrubbed
