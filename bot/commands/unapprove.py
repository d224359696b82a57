"""`unapprove`: takes one's approvals by command back."""

from bot.commands import TARGET, Answer, Call, Command
from bot.slash import Verb
from planners.model import Role


class Unapprove:
    """Takes approvals back."""

    name = "unapprove"
    role = Role.READ
    steers = True
    verb = Verb(
        "unapprove", (TARGET,), (), "Take your approvals back.", ("/switchyard unapprove canary.1",)
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waves = (each.change.wave.name for each in call.standings(call.target()))
        return Answer(facts=dict.fromkeys(waves, ""))


COMMAND: Command = Unapprove()
