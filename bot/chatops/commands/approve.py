"""`approve`: as the forge's own approval, bound to the content of each wave as it stands."""

from bot.chatops.commands import TARGET, Answer, Call, Command, RefusedError
from bot.chatops.parser import Verb
from bot.wording.markdown import listing
from planners.gating.evaluate import WaveState
from planners.gating.merge_requests import shows
from planners.model import Role

MOST = 200


class Approve:
    """Approves."""

    name = "approve"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "approve",
        (TARGET,),
        (),
        "Approve waves as they stand; a changed byte asks anew.",
        ("/switchyard approve canary.1", "/switchyard approve"),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        open_ones = {
            each.change.wave.name: (each.merge_request, each.change)
            for each in call.wave_statuses(call.target())
            if each.merge_request is not None and each.state is WaveState.WAITING
        }
        if not open_ones:
            raise RefusedError("nothing of that waits for an approval")
        if len(open_ones) > MOST:
            raise RefusedError(f"that are {len(open_ones)} waves, at most {MOST} at once: name one")
        changed = [
            name for name, (request, change) in open_ones.items() if not shows(request, change)
        ]
        if changed:
            raise RefusedError(
                f"{listing(changed)} changed before this was read: look at it again, then approve"
            )
        return Answer(facts={name: change.digest for name, (_, change) in open_ones.items()})


COMMAND: Command = Approve()
