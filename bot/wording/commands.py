"""The commands that make sense now, ready to copy."""

from collections.abc import Iterator

from bot.core import Proposal
from bot.wording.headline import failures
from bot.wording.markdown import code
from planners.gates import AwaitsApproval, Held

PREFIX = "/switchyard"
DIGEST = 12


def commands(proposal: Proposal, *, preview: bool) -> str:
    """One line of code spans, the most likely first."""
    found = dict.fromkeys(_commands(proposal, preview=preview))
    return "Commands: " + " ".join(code(f"{PREFIX} {each}") for each in found)


def reproduce(command: str, digest: str) -> str:
    """How to make this plan again; the command fails when it becomes another one."""
    return f"reproduce with {code(f'{command} --expect {digest[:DIGEST]}', 600)}"


def _commands(proposal: Proposal, *, preview: bool) -> Iterator[str]:
    standings = proposal.decision.standings
    if preview:
        yield "plan"
        return
    waiting = [(each.change.wave.name, gate) for each in standings for gate in each.gates]
    for kind, verb in ((Held, "unhold"), (AwaitsApproval, "approve")):
        yield from [f"{verb} {wave}" for wave, gate in waiting if isinstance(gate, kind)][:1]
    yield from [f"why {wave}" for wave, _ in waiting][:1]
    if failures(standings):
        yield "retry"
    if not proposal.decision.done:
        yield "hold"
    if proposal.plan.restores is None:
        yield "rollback"
    yield "help"
