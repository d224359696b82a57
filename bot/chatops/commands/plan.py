"""`plan`: looks at everything anew; on a merge request from a fork it allows the plan."""

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.headline import headline
from bot.wording.markdown import code
from planners.model import Role

MOST_LETTERS = 600


class PlanCommand:
    """Plans again; that is what a pass does, so there is nothing more to do than to say it."""

    name = "plan"
    role = Role.READ
    is_action = False
    verb = Verb("plan", (), (), "Plan anew, now.", ("/switchyard plan",))

    async def run(self, call: Call) -> Answer:
        """See Command."""
        told = headline(call.proposal, preview=call.preview)
        return Answer(f"Planned anew: {code(told, MOST_LETTERS)}")


COMMAND: Command = PlanCommand()
