"""`pause`: holds every rollout of a tenant, or on a cluster, until somebody resumes it."""

from bot.chatops.commands import Answer, Call, Command, RefusedError
from bot.chatops.parser import Argument, Option, Verb
from bot.chatops.pauses import PauseError
from planners.model import Role


class PauseCommand:
    """Pauses."""

    name = "pause"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "pause",
        (Argument("target", summary="tenant/<name> or cluster/<name>."),),
        (Option("reason", required=True, summary="Why, for those who wait."),),
        "Merge nothing of a tenant, or for a cluster, of whatever application, until it is "
        "resumed. It takes the role in every deploy repo concerned.",
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
            raise RefusedError(str(error)) from error
        return Answer(facts={"target": target, "reason": reason}, effects=effects)


COMMAND: Command = PauseCommand()
