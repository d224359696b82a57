"""`resume`: ends a hold, and waits again for a cluster that was skipped."""

from bot.commands import Answer, Call, Command, RefusedError
from bot.slash import Argument, Verb
from planners.model import Role


class Resume:
    """Resumes."""

    name = "resume"
    role = Role.WRITE
    steers = True
    verb = Verb(
        "resume",
        (
            Argument(
                "target", summary="What was held or skipped; everything without.", required=False
            ),
        ),
        (),
        "End a hold, or wait for a skipped cluster again.",
        ("/switchyard resume", "/switchyard resume canary.2"),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target, steering = call.target(), call.gathered.snapshot.steering
        held = {hold.target for hold in steering.holds} | set(steering.skipped)
        if target not in held and not (target == "" and held):
            if call.gathered.snapshot.cancelled is not None:
                raise RefusedError("it is cancelled, for good: merge a new revision")
            told = ", ".join(sorted(each or "the rollout" for each in held)) or "nothing"
            raise RefusedError(f"{target or 'the rollout'} is not held; held or skipped: {told}")
        return Answer(facts={"target": target})


COMMAND: Command = Resume()
