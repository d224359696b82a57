"""What people do in a scenario: push, review, merge, approve; and waiting for what comes of it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.demo.site import APP, DEPLOY, ORDER
from tests.acceptance.rig import Rig
from tests.acceptance.site import APPLICATION

PLAN_STATUS = "switchyard/plan"
PLAN_SECONDS = 120
POLL_SECONDS = 2
MAX_LINES = 12
View = dict[str, Any]


class ScenarioError(AssertionError):
    """What was expected did not happen; the message says what was there instead."""


class SkippedError(Exception):
    """A scenario cannot be run here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Change:
    """A merged change of the app repo."""

    number: int
    revision: str


def propose(rig: Rig, branch: str, title: str, files: Mapping[str, bytes]) -> tuple[int, str]:
    """Push a change as Ada, and return its merge request's number and the state of its plan."""
    ada = rig.service.person("ada")
    ada.push(APP, branch, files, title)
    number = ada.open(APP, branch, title)

    def plan() -> dict[str, Any] | None:
        head = ada.request(APP, number)["head"]
        status = ada.statuses(APP, head).get(PLAN_STATUS)
        return status if status and status["state"] != "pending" else None

    status = rig.processes.wait(f"the plan of !{number}", plan, PLAN_SECONDS)
    return number, f"{status['state']}: {status['description']}"


def merge(rig: Rig, branch: str, title: str, files: Mapping[str, bytes]) -> Change:
    """Push, let Rita approve, and merge."""
    number, plan = propose(rig, branch, title, files)
    if not plan.startswith("success"):
        raise ScenarioError(f"the plan of !{number} is {plan}\n{_plan_comment(rig, number)}")
    rig.service.person("rita").approve(APP, number)
    return Change(number, rig.service.person("ada").merge(APP, number))


def wait_for(
    rig: Rig,
    what: str,
    reached: Callable[[View], bool],
    seconds: float,
    name: str = APPLICATION,
    *,
    repository: str = DEPLOY,
) -> View:
    """Approve as Rita whatever waits for approval, until the rollout's view is as expected."""
    deadline = time.monotonic() + seconds
    while True:
        rig.processes.check()
        approve(rig, repository)
        view = rig.service.rollout(name)
        if view is not None and reached(view):
            return view
        if time.monotonic() > deadline:
            raise ScenarioError(f"after {seconds:.0f} s not: {what}\n{state(rig, view)}")
        time.sleep(POLL_SECONDS)


def approve(rig: Rig, repository: str) -> None:
    """Approve the merge requests of a deploy repo that wait only for an approval."""
    rita = rig.service.person("rita")
    for request in rita.requests(repository):
        order = rita.statuses(repository, request["head"]).get(ORDER)
        if order and "approval" in order["description"]:
            rita.approve(repository, int(request["number"]))


def is_ready(view: View, revision: str = "") -> bool:
    """Whether every unit is READY, and nothing is left to merge."""
    ready = all(unit["readiness"] == "READY" for unit in view["units"])
    of_revision = not revision or view["revision"] == revision
    return bool(view["done"] and view["units"] and ready and of_revision)


def unit(view: View, component: str, cluster: str) -> dict[str, Any]:
    """A unit of a rollout; empty if there is none."""
    found = (
        each
        for each in view["units"]
        if (each["component"], each["cluster"]) == (component, cluster)
    )
    return next(found, {})


def state(rig: Rig, view: View | None) -> str:
    """What is not as it should be: units, waves, the agents' own conditions."""
    lines = []
    if view is None:
        lines.append("the service has no view of the rollout")
    else:
        lines += [f"{view['application']}: {view['headline']}", *view["problems"]]
        lines += [
            f"unit {each['component']}@{each['cluster']}: {each['readiness']} {each['message']}"
            for each in view["units"]
            if each["readiness"] not in {"READY", "UNMERGED"}
        ][:MAX_LINES]
        lines += [
            f"wave {wave['name']}: {wave['state']}; {gate['reason']}"
            for wave in view["waves"]
            for gate in wave["gates"]
        ][:MAX_LINES]
    for agent in rig.agents.values():
        lines += agent.conditions()[:MAX_LINES]
    refused = [each for each in rig.recorder.exchanges if each.status >= 400]
    lines += [f"report refused with {each.status}: {each.answer}" for each in refused[-MAX_LINES:]]
    return "\n".join(lines)


def _plan_comment(rig: Rig, number: int) -> str:
    comments = rig.service.person("ada").comments(APP, number)
    return str(comments[0]["body"]) if comments else "no plan comment"
