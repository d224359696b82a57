"""`unapprove`: takes one's approvals by command back."""

from bot.chatops.commands import TARGET, Answer, Call, Command, RefusedError
from bot.chatops.parser import Verb
from planners.model import Role


class Unapprove:
    """Takes approvals back."""

    name = "unapprove"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "unapprove", (TARGET,), (), "Take your approvals back.", ("/switchyard unapprove canary.1",)
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waves = {each.change.wave.name for each in call.wave_statuses(call.target())}
        command_log = call.gathered.command_log
        mine = [each for each in command_log.entries if each.by == call.by] if command_log else []
        given = [wave for each in mine if each.verb == "approve" for wave in each.facts]
        found = dict.fromkeys((wave for wave in given if wave in waves), "")
        if not found:
            raise RefusedError(
                "you approved nothing of that by a command; what was approved by the forge's own "
                "button is taken back there"
            )
        return Answer(facts=found)


COMMAND: Command = Unapprove()
