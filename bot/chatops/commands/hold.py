"""`hold`: nothing of a wave, a cluster or the whole rollout merges until somebody resumes it."""

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Argument, Option, Verb
from planners.model import Role


class Hold:
    """Holds."""

    name = "hold"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "hold",
        (
            Argument(
                "target", summary="A wave or a cluster; the whole rollout without.", required=False
            ),
        ),
        (Option("reason", required=True, summary="Why, for those who wait."),),
        "Merge nothing until somebody resumes it.",
        ('/switchyard hold canary.2 --reason "looking at the latency"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target = call.target()
        if target:
            call.wave_statuses(target)
        return Answer(facts={"target": target, "reason": call.words.first("reason", str) or ""})


COMMAND: Command = Hold()
