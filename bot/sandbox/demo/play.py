"""`demo --auto`: plays the users; waits for the plan, approves, merges, and reports progress."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.sandbox.demo.site import APP, DEPLOY, Site
from bot.terminal import write

POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 900.0
PLAN_STATUS = "switchyard/plan"


@dataclass(slots=True)
class Progress:
    """What has happened so far; times are seconds since the start."""

    began: float = field(default_factory=time.monotonic)
    merged: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    approved: set[int] = field(default_factory=set)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began


def say(progress: Progress, text: str) -> None:
    """Print one line of progress."""
    write(f"{progress.elapsed:6.1f}s  {text}\n")


async def play(site: Site, service_url: str, number: int) -> int:
    """Approve and merge Ada's change, and wait for the rollout; returns the exit code."""
    progress = Progress()
    rita, ada = site.person("rita"), site.person("ada")
    say(progress, f"Ada opened merge request {number}; waiting for the plan")
    plan = await _plan(site, progress, number)
    if plan is None:
        say(progress, "no plan was posted in time; see service.log in the data folder")
        return 1
    say(progress, f"plan: {plan}")
    await asyncio.to_thread(rita.approve, APP, number)
    merged = await asyncio.to_thread(ada.merge, APP, number)
    say(progress, f"Rita approved, Ada merged: {merged[:12]}")
    async with httpx.AsyncClient(timeout=10) as client:
        while progress.elapsed < TIMEOUT_SECONDS:
            await approve(site, progress)
            view = await view_of(client, service_url)
            if view is not None and view.get("revision") == merged:
                _report_progress(progress, view)
                if _finished(view):
                    write(_table(progress, view))
                    return 0
            await asyncio.sleep(POLL_SECONDS)
    say(progress, "the rollout did not finish in time; see service.log in the data folder")
    return 1


async def _plan(site: Site, progress: Progress, number: int) -> str | None:
    """Wait for the plan status; returns its text, None after the timeout."""
    ada = site.person("ada")
    while progress.elapsed < TIMEOUT_SECONDS:
        request = await asyncio.to_thread(ada.request, APP, number)
        statuses = await asyncio.to_thread(ada.statuses, APP, request["head"])
        if PLAN_STATUS in statuses:
            return f"{statuses[PLAN_STATUS]['state']}: {statuses[PLAN_STATUS]['description']}"
        await asyncio.sleep(POLL_SECONDS)
    return None


async def approve(site: Site, progress: Progress) -> None:
    """Approve, as Rita, all merge requests that wait only for an approval."""
    rita = site.person("rita")
    for request in await asyncio.to_thread(rita.requests, DEPLOY):
        number = int(request["number"])
        statuses = await asyncio.to_thread(rita.statuses, DEPLOY, request["head"])
        order = statuses.get("switchyard/order")
        if order and "approval" in order["description"] and number not in progress.approved:
            await asyncio.to_thread(rita.approve, DEPLOY, number)
            progress.approved.add(number)
            say(progress, f"Rita approved !{number} {request['title']}")


async def view_of(client: httpx.AsyncClient, service_url: str) -> dict[str, Any] | None:
    """The rollout as the service tells it now; None if it does not."""
    try:
        response = await client.get(f"{service_url}/api/v1/rollouts/storefront")
    except httpx.HTTPError:
        return None
    if response.status_code != httpx.codes.OK:
        return None
    found: dict[str, Any] = response.json()
    return found


def _report_progress(progress: Progress, view: dict[str, Any]) -> None:
    """Print what has changed since the last call."""
    for wave in view["waves"]:
        name = wave["name"]
        if wave["state"] in {"settling", "done"} and name not in progress.merged:
            progress.merged[name] = progress.elapsed
            say(progress, f"{name} merged: {', '.join(wave['components'])}")
        if wave["state"] == "done" and name not in progress.ready:
            progress.ready[name] = progress.elapsed


def _finished(view: dict[str, Any]) -> bool:
    ready = all(unit["readiness"] == "READY" for unit in view["units"])
    return bool(view["done"] and view["units"] and ready)


def _table(progress: Progress, view: dict[str, Any]) -> str:
    """A table of waves, clusters and times."""
    rows = [("wave", "components", "clusters", "merged", "ready")]
    for wave in view["waves"]:
        name = wave["name"]
        rows.append(
            (
                name,
                ", ".join(wave["components"]),
                str(len(wave["clusters"])),
                f"{progress.merged[name]:.1f}s",
                f"{progress.ready[name]:.1f}s",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    clusters = {unit["cluster"] for unit in view["units"]}
    ending = (
        f"{len(view['units'])} components on {len(clusters)} clusters are READY at the merged "
        f"revision after {progress.elapsed:.0f}s."
    )
    return "\n".join(["", *lines, "", ending, ""])
