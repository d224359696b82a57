"""`retry`: starts a new pass at once, retries merges, and asks a declared gate anew."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Argument, Kind, Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.gating.declared_gates import names
from planners.model import Role
from planners.model.overrides import Overrides


class RetryCommand:
    """Retries merges, or a gate."""

    name = "retry"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "retry",
        (
            Argument(
                "gate",
                Kind.NAME,
                summary="A declared gate to ask anew. Default: none.",
                required=False,
            ),
        ),
        (),
        "Retry the merges that the forge refused, or ask a gate anew.",
        ("/switchyard retry", "/switchyard retry smoke-test"),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        gate, known = call.text("gate"), names(call.gathered.snapshot)
        if gate:
            if gate not in known:
                declared = ", ".join(known) or "none"
                raise RefusedError(say("{} is not declared; gates: {}", gate, declared))
            return Answer(facts={"gate": gate})
        waves = call.proposal.evaluation.wave_statuses
        requests = [each.merge_request for each in waves if each.merge_request is not None]
        return Answer(effects=tuple(call.retry(each.number) for each in requests))

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: the gate is asked under another id."""
        gate = entry.facts.get("gate", "")
        if not gate:
            return overrides
        count = overrides.gate_retries.get(gate, 0) + 1
        return replace(overrides, gate_retries={**overrides.gate_retries, gate: count})


COMMAND: StandingCommand = RetryCommand()
