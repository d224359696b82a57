"""Asks declared gates whose turn it is, and keeps what they answer.

An answer that a server posts while it is asked takes precedence over what asking found.
"""

import asyncio
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import structlog

from bot.context import Context
from bot.engine import discovery
from bot.engine.propose import Proposal
from bot.forges import ForgeError
from bot.gates import AskedGate, Finding, Outside, Question
from bot.gather.gates import KeptAnswer, answers, load, save
from bot.gather.snapshot import Gathered
from bot.outbound import Server
from bot.store.audit import AuditEntry
from planners.gating.effects import AskGate
from planners.model.fleet import gate_server
from planners.model.gate_rules import GateAnswer, GateState
from planners.model.snapshot import Snapshot

MOST_AT_ONCE = 16
MOST_TEXT = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Asking:
    """One pass of asking for one application."""

    context: Context
    gathered: Gathered
    slots: asyncio.Semaphore


async def ask_gates(
    context: Context, gathered: Gathered, proposal: Proposal
) -> tuple[Gathered, Proposal]:
    """Ask what is due; the same with the answers, so that they count in this pass."""
    due = [each for each in proposal.evaluation.effects if isinstance(each, AskGate)]
    if not due:
        return gathered, proposal
    asking = _Asking(context, gathered, asyncio.Semaphore(MOST_AT_ONCE))
    await asyncio.gather(*(_ask(asking, each) for each in due))
    snapshot, views = gathered.snapshot, context.store.views
    name = snapshot.application.name
    found = await asyncio.to_thread(answers, views, name, snapshot.now)
    snapshot = replace(snapshot, gate_answers=found)
    return replace(gathered, snapshot=snapshot), await context.propose(snapshot)


async def _ask(asking: _Asking, effect: AskGate) -> None:
    """Note that it is asked, ask, and keep what was found."""
    context, views = asking.context, asking.context.store.views
    before = await asyncio.to_thread(load, views, effect.id)
    if before is None:
        now = context.clock()
        begun = GateAnswer(GateState.RUNNING, now, now, "asked; no result yet", again=now)
        before = KeptAnswer(begun, urlsplit(effect.rule.settings.server).netloc)
        if not await asyncio.to_thread(save, views, effect.id, None, before):
            return
        known = None
    else:
        known = before.answer
    async with asking.slots:
        finding = await _find(asking, effect, known)
    after = replace(before, answer=_answer(before.answer, finding, context))
    if await asyncio.to_thread(save, views, effect.id, before, after):
        await _audit(asking, effect, before.answer, after.answer)


async def _find(asking: _Asking, effect: AskGate, before: GateAnswer | None) -> Finding:
    context, snapshot = asking.context, asking.gathered.snapshot
    kind = discovery.gates()[effect.rule.kind]
    assert isinstance(kind, AskedGate), "others are no effects"
    repo = asking.gathered.deploy.repo
    question = Question(
        id=effect.id,
        application=snapshot.application.name,
        revision=snapshot.revision.sha,
        rule=effect.rule,
        subject=effect.subject,
        callback=context.callback(effect.id),
        now=context.clock(),
        before=before,
    )
    host = urlsplit(effect.rule.settings.server).netloc
    outside = Outside(
        forge=context.forge(repo),
        repository=repo.path,
        outbound=context.outbound,
        server=_server(snapshot, effect),
        secret=context.gate_keys.get(host, b""),
    )
    try:
        return await kind.ask(question, outside)
    except ForgeError as error:
        return Finding(GateState.RUNNING, str(error), again=effect.rule.timeout / 30)


def _server(snapshot: Snapshot, effect: AskGate) -> Server | None:
    """The server that it asks, if the newest policies permit it."""
    address, tenant = effect.rule.settings.server, snapshot.tenant.name
    found = gate_server(snapshot.policies, address, tenant) if address else None
    return Server(found.address, found.private_network) if found is not None else None


def _answer(before: GateAnswer, finding: Finding, context: Context) -> GateAnswer:
    now = context.clock()
    return GateAnswer(
        state=finding.state,
        begun=before.begun,
        since=before.since if finding.state is before.state else now,
        message=finding.message[:MOST_TEXT],
        url=finding.url[:MOST_TEXT],
        again=now + finding.again if finding.again is not None else None,
        memory=finding.memory,
    )


async def _audit(asking: _Asking, effect: AskGate, before: GateAnswer, after: GateAnswer) -> None:
    """Record that a gate passed or failed."""
    if after.state is before.state:
        return
    context, name = asking.context, asking.gathered.snapshot.application.name
    log.info("gate", gate=effect.rule.name, wave=effect.subject.wave, state=after.state.value)
    facts = {
        "gate": effect.rule.name,
        "state": after.state.value,
        "wave": effect.subject.wave,
        "digest": effect.subject.digest,
        "message": after.message,
    }
    entry = AuditEntry(context.clock(), "gate", f"application/{name}", facts)
    await asyncio.to_thread(context.store.audit.append, entry)
