"""`override`: opens the gates of one kind, whatever their condition."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.gating.declared_gates import overridable
from planners.model import Role
from planners.model.gates import OVERRIDABLE
from planners.model.overrides import GateOverride, Overrides


class OverrideCommand:
    """Overrides a gate."""

    name = "override"
    role = Role.ADMIN
    is_action = True
    verb = Verb(
        "override",
        (
            Argument(
                "gate",
                Kind.NAME,
                summary=f"One of {', '.join(OVERRIDABLE)}, or the name of a declared gate.",
            ),
            Argument("wave", Kind.NAME, summary="Wave. Default: all waves.", required=False),
        ),
        (Option("reason", required=True, summary="The reason; kept in the command log."),),
        "Open a gate although its condition is not met.",
        ('/switchyard override freeze canary.1 --reason "the fix for the outage"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        gate, wave = call.text("gate"), call.target("wave")
        known = [*OVERRIDABLE, *overridable(call.gathered.snapshot)]
        if gate not in known:
            raise RefusedError(
                say("{} cannot be overridden; gates that can: {}", gate, ", ".join(known))
            )
        call.wave_statuses(wave)
        reason = call.text("reason")
        return Answer(facts={"gate": gate, "target": wave, "reason": reason})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: it opens that gate for the wave, or for all."""
        opened = GateOverride(entry.facts["gate"], entry.target, entry.by, entry.reason)
        return replace(overrides, gate_overrides=(*overrides.gate_overrides, opened))


COMMAND: StandingCommand = OverrideCommand()
