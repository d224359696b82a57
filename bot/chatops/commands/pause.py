"""`pause`: stops every rollout of a tenant or on a cluster until somebody resumes it."""

from bot.chatops.commands import Answer, Call, Command, RefusedError
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.chatops.pauses import PauseError
from planners.model import Role


class PauseCommand:
    """Pauses a tenant or cluster."""

    name = "pause"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "pause",
        (Argument("target", Kind.NAME, summary="tenant/NAME or cluster/NAME."),),
        (Option("reason", required=True, summary="The reason; shown to everyone who waits."),),
        "Stop merging for a tenant or a cluster, in all applications, until somebody resumes it. "
        "Requires the role in every deploy repo concerned.",
        (
            '/switchyard pause tenant/shop --reason "the audit"',
            '/switchyard pause cluster/edge-17 --reason "new disks"',
        ),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target = call.text("target")
        reason = call.text("reason")
        try:
            effects = await call.pauses(target, reason)
        except PauseError as error:
            raise RefusedError(error.text) from error
        return Answer(facts={"target": target, "reason": reason}, effects=effects)


COMMAND: Command = PauseCommand()
