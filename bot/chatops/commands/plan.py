"""`plan`: plans again; on a merge request from a fork it requests the plan."""

from bot.chatops.commands import HEAD, Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.headline import headline
from planners.model import Role

MOST_LETTERS = 600


class PlanCommand:
    """Plans again: every pass does, so the command only reports the result."""

    name = "plan"
    role = Role.READ
    is_action = False
    verb = Verb(
        "plan",
        (HEAD,),
        (),
        "Plan again now. A merge request from a fork is planned for the named commit only.",
        ("/switchyard plan",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        state = headline(call.proposal, preview=call.preview)
        return Answer(f"New plan: {state.markdown(MOST_LETTERS)}")


COMMAND: Command = PlanCommand()
