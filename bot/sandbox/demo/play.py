"""Plays the people of the demonstration: reads the plan, approves, merges, watches to the end."""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.sandbox.demo.site import APP, DEPLOY, Site

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 300.0
PLAN = "switchyard/plan"


@dataclass(slots=True)
class Watch:
    """What was seen so far; times are seconds since the start."""

    began: float = field(default_factory=time.monotonic)
    merged: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    approved: set[int] = field(default_factory=set)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began


def say(watch: Watch, text: str) -> None:
    """One line of progress."""
    sys.stdout.write(f"{watch.elapsed:6.1f}s  {text}\n")
    sys.stdout.flush()


async def play(site: Site, service_url: str, number: int) -> int:
    """Approve and merge Ada's change, then see the rollout through; the exit code."""
    watch = Watch()
    rita, ada = site.person("rita"), site.person("ada")
    say(watch, f"Ada opened merge request {number}; waiting for the plan")
    plan = await _plan(site, watch, number)
    if plan is None:
        say(watch, "no plan came; see the service's log")
        return 1
    say(watch, f"plan: {plan}")
    await asyncio.to_thread(rita.approve, APP, number)
    merged = await asyncio.to_thread(ada.merge, APP, number)
    say(watch, f"Rita approved, Ada merged: {merged[:12]}")
    async with httpx.AsyncClient(timeout=10) as client:
        while watch.elapsed < PATIENCE_SECONDS:
            await _approve(site, watch)
            view = await _view(client, service_url)
            if view is not None and view.get("revision") == merged:
                _note(watch, view)
                if _finished(view):
                    sys.stdout.write(_table(watch, view))
                    return 0
            await asyncio.sleep(POLL_SECONDS)
    say(watch, "the rollout did not end in time")
    return 1


async def _plan(site: Site, watch: Watch, number: int) -> str | None:
    """The text of the plan status, once it is there."""
    ada = site.person("ada")
    while watch.elapsed < PATIENCE_SECONDS:
        request = await asyncio.to_thread(ada.request, APP, number)
        statuses = await asyncio.to_thread(ada.statuses, APP, request["head"])
        if PLAN in statuses:
            return f"{statuses[PLAN]['state']}: {statuses[PLAN]['description']}"
        await asyncio.sleep(POLL_SECONDS)
    return None


async def _approve(site: Site, watch: Watch) -> None:
    """Rita approves what waits for nothing but an approval."""
    rita = site.person("rita")
    for request in await asyncio.to_thread(rita.requests, DEPLOY):
        number = int(request["number"])
        statuses = await asyncio.to_thread(rita.statuses, DEPLOY, request["head"])
        order = statuses.get("switchyard/order")
        if order and "approval" in order["description"] and number not in watch.approved:
            await asyncio.to_thread(rita.approve, DEPLOY, number)
            watch.approved.add(number)
            say(watch, f"Rita approved !{number} {request['title']}")


async def _view(client: httpx.AsyncClient, service_url: str) -> dict[str, Any] | None:
    try:
        answer = await client.get(f"{service_url}/api/v1/rollouts/storefront")
    except httpx.HTTPError:
        return None
    if answer.status_code != httpx.codes.OK:
        return None
    found: dict[str, Any] = answer.json()
    return found


def _note(watch: Watch, view: dict[str, Any]) -> None:
    """Say what moved since the last look."""
    for wave in view["waves"]:
        name = wave["name"]
        if wave["state"] in {"settling", "done"} and name not in watch.merged:
            watch.merged[name] = watch.elapsed
            say(watch, f"{name} merged: {', '.join(wave['components'])}")
        if wave["state"] == "done" and name not in watch.ready:
            watch.ready[name] = watch.elapsed


def _finished(view: dict[str, Any]) -> bool:
    ready = all(unit["readiness"] == "READY" for unit in view["units"])
    return bool(view["done"] and view["units"] and ready)


def _table(watch: Watch, view: dict[str, Any]) -> str:
    """Waves, clusters and times."""
    rows = [("wave", "components", "clusters", "merged", "ready")]
    for wave in view["waves"]:
        name = wave["name"]
        rows.append(
            (
                name,
                ", ".join(wave["components"]),
                str(len(wave["clusters"])),
                f"{watch.merged[name]:.1f}s",
                f"{watch.ready[name]:.1f}s",
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
        f"revision, {watch.elapsed:.0f}s after the start."
    )
    return "\n".join(["", *lines, "", ending, ""])
