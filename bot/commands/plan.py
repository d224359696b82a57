"""`plan`: looks at everything anew; on a merge request from a fork it allows the plan."""

from bot.commands import Answer, Call, Command
from bot.slash import Verb
from planners.model import Role


class Plan:
    """Plans again; that is what a pass does, so there is nothing more to do."""

    name = "plan"
    role = Role.READ
    steers = False
    verb = Verb("plan", (), (), "Plan anew, now.", ("/switchyard plan",))

    async def run(self, call: Call) -> Answer:
        """See Command."""
        del call
        return Answer()


COMMAND: Command = Plan()
