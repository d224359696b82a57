"""`merge`: merges at once what has no closed gate, though the forge refused it a moment ago."""

from bot.chatops.commands import TARGET, Answer, Call, Command, RefusedError
from bot.chatops.parser import Verb
from bot.wording.prose import say
from bot.wording.reasons import reason_and_remedy
from planners.gating.evaluate import WaveState
from planners.model import Role


class MergeCommand:
    """Merges; Switchyard does so by itself, but waits longer after each refusal of the forge."""

    name = "merge"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "merge",
        (TARGET,),
        (),
        "Retry at once to merge waves whose gates are all open. Opens no gate.",
        ("/switchyard merge canary.2", "/switchyard merge"),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target = call.target()
        left = [each for each in call.wave_statuses(target) if each.change.files]
        due = [each for each in left if each.state is WaveState.MERGING]
        if not left:
            raise RefusedError(say("these waves are already merged"))
        if not due:
            first = left[0]
            raise RefusedError(
                say("{}: {}", first.change.wave.name, reason_and_remedy(first.gates[0]))
            )
        requests = [each.merge_request for each in due if each.merge_request is not None]
        retries = tuple(call.retry(each.number) for each in requests)
        return Answer(facts={"target": target}, effects=retries)


COMMAND: Command = MergeCommand()
