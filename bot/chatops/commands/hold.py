"""`hold`: stops merging a wave, a cluster or the whole rollout until somebody resumes it."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, StandingCommand
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.commandlog.entry import CommandLogEntry
from planners.model import Role
from planners.model.overrides import Hold, Overrides


class HoldCommand:
    """Holds a rollout."""

    name = "hold"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "hold",
        (
            Argument(
                "target",
                Kind.NAME,
                summary="Wave or cluster. Default: the whole rollout.",
                required=False,
            ),
        ),
        (Option("reason", required=True, summary="The reason; shown to everyone who waits."),),
        "Stop merging until somebody resumes the rollout.",
        ('/switchyard hold canary.2 --reason "looking at the latency"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target = call.target()
        if target:
            call.wave_statuses(target)
        return Answer(facts={"target": target, "reason": call.text("reason")})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: a later hold of the same target replaces the earlier one."""
        held = Hold(entry.target, entry.by, entry.reason, entry.at)
        holds = {each.target: each for each in overrides.holds} | {held.target: held}
        return replace(overrides, holds=tuple(holds.values()))


COMMAND: StandingCommand = HoldCommand()
