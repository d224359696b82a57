"""The commands that make sense now, ready to copy."""

from collections.abc import Iterable, Iterator, Sequence

from bot.engine.propose import Proposal
from bot.wording.headline import blocking
from bot.wording.markdown import code
from planners.gating.evaluate import WaveStatus
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Cancelled,
    Gate,
    HeldByCommand,
    NotReadyReason,
    PausedByCommand,
    RefusedByForge,
)

PREFIX = "/switchyard"
REASON = '--reason "..."'
ROLLBACK = f"rollback {REASON}"
DIGEST = 12


def commands(proposal: Proposal, *, preview: bool) -> list[str]:
    """What people can comment now, in code spans, the most likely first."""
    found = dict.fromkeys(_commands(proposal, preview=preview))
    return [code(f"{PREFIX} {each}") for each in found]


def reproduce(command: str, digest: str) -> str:
    """How to reproduce this plan; the command fails if the digest differs."""
    return f"reproduce with {code(f'{command} --expect {digest[:DIGEST]}', 600)}"


def _commands(proposal: Proposal, *, preview: bool) -> Iterator[str]:
    if preview:
        yield from _preview_commands(proposal)
        return
    wave_statuses = proposal.evaluation.wave_statuses
    waiting = [(each.change.wave.name, gate) for each in wave_statuses for gate in each.gates]
    gates = [gate for _, gate in waiting]
    yield from [
        f"resume {each.target}".strip() for each in gates if isinstance(each, HeldByCommand)
    ][:1]
    yield from [f"resume {each.target}" for each in gates if isinstance(each, PausedByCommand)][:1]
    yield from [f"approve {wave}" for wave, gate in waiting if isinstance(gate, AwaitsApproval)][:1]
    yield from [f"merge {wave}" for wave, gate in waiting if isinstance(gate, RefusedByForge)][:1]
    yield from [f"why {wave}" for wave, _ in waiting][:1]
    yield from [f"skip {cluster} {REASON}" for cluster in _stuck(wave_statuses, gates)][:1]
    yield from _endings(proposal, gates)
    yield "status"
    yield "help"


def _endings(proposal: Proposal, gates: Sequence[Gate]) -> Iterator[str]:
    """Commands that stop a rollout, for a while or for good."""
    if gates and not any(isinstance(gate, Cancelled) for gate in gates):
        yield f"hold {REASON}"
        if proposal.plan.restores is None:
            yield f"cancel {REASON}"
    if proposal.evaluation.can_roll_back:
        yield ROLLBACK


def _preview_commands(proposal: Proposal) -> Iterator[str]:
    """Commands that are available before a revision is merged."""
    yield from ("plan", "why", "diff")
    yield from [f"explain {each.unit.component}" for each in proposal.plan.trace][:1]
    yield "help"


def _stuck(wave_statuses: Sequence[WaveStatus], gates: Iterable[Gate]) -> Iterator[str]:
    """The clusters that others wait for and that failed, or stopped reporting."""
    yield from (each.unit.cluster for each in blocking(wave_statuses))
    kinds = (AwaitsDependency, AwaitsReplacement, AwaitsStep)
    pending = [each for gate in gates if isinstance(gate, kinds) for each in gate.pending]
    for each in pending:
        if each.overdue or each.reason is NotReadyReason.FRESH_REPORT:
            yield each.unit.cluster
