"""`retry`: starts a new pass at once and retries merges that the forge refused."""

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Verb
from planners.model import Role


class RetryCommand:
    """Retries merges."""

    name = "retry"
    role = Role.WRITE
    is_action = True
    verb = Verb("retry", (), (), "Retry the merges that the forge refused.", ("/switchyard retry",))

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waves = call.proposal.evaluation.wave_statuses
        requests = [each.merge_request for each in waves if each.merge_request is not None]
        return Answer(effects=tuple(call.retry(each.number) for each in requests))


COMMAND: Command = RetryCommand()
