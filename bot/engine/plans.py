"""Makes proposals from drafts, which are kept until what they are made of changes.

A report of readiness, an approval or a command changes none of that: gates are evaluated again, and
nothing is placed or rendered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import structlog

from bot.engine.process import PlannerError
from bot.engine.propose import Draft, Proposal, conclude, restoration
from bot.engine.results import ByContent, Results
from bot.metrics import Metrics
from bot.metrics.catalogue import PLANS
from planners.inputs import planning_input
from planners.model.snapshot import Snapshot

Drafter: TypeAlias = Callable[[Snapshot], Awaitable[Draft]]
"""Makes a draft of a planning input, in the service in a process of its own."""

COMPONENT, VERDICT, LINK = 15_000, 600, 300
"""Bytes that the steps which place a component, a line of a trace, and a pair that may talk take.

Measured where lines are read, which makes them.
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plans:
    """Proposes what `bot.engine.propose.propose` does, with drafts by `drafter`, or kept ones."""

    drafter: Drafter
    results: Results
    metrics: Metrics = field(default_factory=Metrics)

    async def __call__(self, snapshot: Snapshot) -> Proposal:
        """See `propose`.

        Raises:
            PlannerError: planning exceeded a limit.
        """
        restored = await asyncio.to_thread(restoration, snapshot)
        if restored is not None:
            return restored
        drafted = await self._draft(await asyncio.to_thread(planning_input, snapshot))
        return await asyncio.to_thread(conclude, snapshot, drafted)

    async def _draft(self, planned: Snapshot) -> Draft:
        key = draft_key(planned)
        found = await asyncio.to_thread(self.results.find, key)
        if found is not None and not self.results.verify:
            return cast("Draft", found)
        with self.metrics.timed(PLANS, outcome="failed") as told:
            try:
                drafted = await self.drafter(planned)
            except PlannerError:
                told["outcome"] = "limit"
                raise
            told["outcome"] = "planned"
        self.results.keep(key, drafted, _size(planned, drafted))
        log_defects(drafted)
        return drafted


def draft_key(planned: Snapshot) -> Hashable:
    """Under which a draft is kept; positions count, though they make no application another one."""
    application = planned.application
    return "plan", application.name, repr(application), ByContent(application.name, planned)


def _size(planned: Snapshot, drafted: Draft) -> int:
    components = len(planned.application.components)
    return (
        len(repr(planned.application))
        + drafted.files.size
        + drafted.contents.size
        + COMPONENT * components
        + VERDICT * components * len(planned.clusters)
        + LINK * len(drafted.links)
    )


def log_defects(drafted: Draft) -> None:
    """Log every rule that failed: the plan says of which object, but has no room for frames."""
    for each in drafted.defects:
        log.error(
            "internal error in a rule",
            application=drafted.application.name,
            error=each.error,
            frames=each.frames,
        )
