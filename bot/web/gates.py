"""Results of gates that a server posts: they count once, for the question they answer.

The first final result counts. A repeat of it changes nothing, a contradiction is refused, and what
is posted for content that has been replaced is kept without effect: the new content has another id.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bot.context import Context
from bot.gather.gates import KeptAnswer, load, save
from bot.signatures import is_signed
from bot.store.keys import application_key
from planners.model.gate_rules import GateAnswer, GateState

MOST_BYTES = 16 * 1024
MOST_TEXT = 500
LONGEST_ID = 150
TRIES = 3


class Result(BaseModel):
    """What a server posts; `until` is when it expects to know more."""

    model_config = ConfigDict(extra="ignore", strict=True)

    state: GateState
    message: str = ""
    url: str = ""
    until: AwareDatetime | None = None


class Outcome(StrEnum):
    """What became of a posted result."""

    RECORDED = "recorded"
    UNKNOWN = "unknown"
    FORGED = "forged"
    MALFORMED = "malformed"
    CONTRADICTED = "contradicted"


async def record_result(
    context: Context, gate: str, headers: Mapping[str, str], body: bytes
) -> Outcome:
    """Verify a result, then parse and keep it; wakes the application if it says something new."""
    if len(gate) > LONGEST_ID or not gate.replace("-", "").replace(".", "").isalnum():
        return Outcome.UNKNOWN
    views, now = context.store.views, context.clock()
    for _ in range(TRIES):
        kept = await asyncio.to_thread(load, views, gate)
        if kept is None:
            return Outcome.UNKNOWN
        secret = context.gate_keys.get(kept.host) if kept.host else None
        if secret is None or not is_signed(headers, body, (secret,), now):
            return Outcome.FORGED
        try:
            result = Result.model_validate_json(body)
        except ValueError:
            return Outcome.MALFORMED
        after = _after(kept, result, now)
        if after is None:
            return Outcome.RECORDED
        if kept.answer.state is not GateState.RUNNING:
            return Outcome.CONTRADICTED
        if await asyncio.to_thread(save, views, gate, kept, after):
            key = application_key(gate.partition(".")[0])
            await asyncio.to_thread(context.store.queue.trigger, [key], now)
            return Outcome.RECORDED
    return Outcome.UNKNOWN


def _after(kept: KeptAnswer, result: Result, now: datetime) -> KeptAnswer | None:
    """The answer after a result; None if that changes nothing."""
    before, running = kept.answer, result.state is GateState.RUNNING
    if before.state is result.state and not running:
        return None
    if before.state is not GateState.RUNNING and running:
        return None
    until = result.until if result.until is not None and result.until > now else before.again
    after = GateAnswer(
        state=result.state,
        begun=before.begun,
        since=before.since if running else now,
        message=result.message[:MOST_TEXT],
        url=_web(result.url),
        again=until if running else None,
    )
    return None if after == before else replace(kept, answer=after)


def _web(url: str) -> str:
    """The address of a page for people, if it is one."""
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_TEXT
    return url if plain and url.startswith(("https://", "http://")) else ""
