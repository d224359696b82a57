"""Keeps conversations of real agents as test data, without what differs between installations.

Uids and names of instances are replaced; signatures are left out, since tests sign with a key of
their own. A file holds the events of a scenario about some units, in the order in which they came.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.programs import Programs
from tests.acceptance.recorder import Exchange

FOLDER = Path(__file__).parents[1] / "data"
RECORDED = {
    "tenant": ("flux/tenant",),
    "rollout": ("flux/rollout", "argocd/notifications"),
    "failure": ("flux/failure",),
    "rollback": ("flux/rollback",),
    "containment": ("flux/containment",),
}
"""The scenarios whose conversations are kept, and the files of each, one for each agent."""
STATES = "argocd/currency"
KEPT = re.compile(
    r"switchyard(-[a-z-]+)?|tenant-shop\.[a-z-]+|storefront\.(currency|cart-redis)|outside(\..*)?"
)
"""The objects of Flux whose events are kept."""

AGENTS = {
    "flux": ("source-controller", "kustomize-controller", "notification-controller"),
    "argocd": ("argocd",),
}
MAX_EVENTS = 150
_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def write_recordings(scenario: str, programs: Programs, exchanges: Sequence[Exchange]) -> None:
    """Write the events of one scenario."""
    for name in RECORDED[scenario]:
        events = [
            {"seconds": each.seconds, "cluster": each.cluster, "event": _scrub(each.event)}
            for each in exchanges
            if each.agent == name.partition("/")[0] and _is_kept(each.event)
        ]
        _write(name, programs, "events", events[:MAX_EVENTS])


def write_states(programs: Programs, states: Iterable[dict[str, Any]]) -> None:
    """Write the states of an Argo CD Application, in the order in which they were seen."""
    _write(STATES, programs, "states", states)


def _write(name: str, programs: Programs, field: str, found: Iterable[dict[str, Any]]) -> None:
    agent = name.partition("/")[0]
    versions = {
        program: version
        for program, version in programs.versions.items()
        if program in AGENTS[agent]
    }
    lines = ",\n  ".join(_ADDRESS.sub("127.0.0.1:8080", json.dumps(each)) for each in found)
    text = f'{{"versions": {json.dumps(versions)},\n "{field}": [\n  {lines}\n ]}}\n'
    (FOLDER / f"{name}.json").write_text(text)


def _is_kept(event: dict[str, Any]) -> bool:
    involved = event.get("involvedObject")
    return involved is None or KEPT.fullmatch(involved["name"]) is not None


def _scrub(event: dict[str, Any]) -> dict[str, Any]:
    scrubbed: dict[str, Any] = json.loads(json.dumps(event))
    if "involvedObject" in scrubbed:
        scrubbed["involvedObject"]["uid"] = "00000000-0000-4000-8000-000000000000"
        scrubbed["reportingInstance"] = f"{scrubbed['reportingController']}-0"
    return scrubbed
