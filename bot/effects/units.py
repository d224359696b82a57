"""Performs effects on the API servers of clusters: the only writer there."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from bot.clusters import ClusterApi
from bot.clusters.units import Outcome, apply_unit
from bot.context import Context
from bot.store.audit import AuditEntry
from renderers.inventory import ApplyState, ApplyUnit

AT_ONCE = 4

log = structlog.get_logger()


async def apply_units(
    context: Context, api: ClusterApi, effects: Sequence[ApplyUnit]
) -> timedelta | None:
    """Apply units, a few at a time; returns when to look at them again, None if all are done."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(effect: ApplyUnit) -> Outcome:
        async with slots:
            outcome = await context.fence.write(partial(apply_unit, api, effect))
        await _audit(context, api.cluster, effect, outcome)
        return outcome

    outcomes = await asyncio.gather(*(one(each) for each in effects))
    return min((each.again for each in outcomes if each.again is not None), default=None)


async def _audit(context: Context, cluster: str, effect: ApplyUnit, outcome: Outcome) -> None:
    """Record what was applied or removed; a wait or a refusal goes to the log only."""
    name = f"{effect.application}/{effect.component}"
    if outcome.state is not ApplyState.APPLIED:
        log.warning("unit not applied", cluster=cluster, unit=name, reason=outcome.message)
        return
    facts: dict[str, str | int | None] = {
        "cluster": cluster,
        "component": effect.component,
        "revision": effect.revision,
        "objects": len(effect.items),
    }
    key = f"application/{effect.application}"
    entry = AuditEntry(context.clock(), "apply", key, facts)
    await asyncio.to_thread(context.store.audit.append, entry)
