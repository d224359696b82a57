"""`approve`: approves the current content of waves, as an approval on the forge does."""

from dataclasses import replace

from bot.chatops.commands import TARGET, Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import names, say
from planners.gating.evaluate import WaveState
from planners.gating.merge_requests import shows
from planners.model import Role
from planners.model.overrides import CommandApproval, Overrides

MOST = 200


class ApproveCommand:
    """Approves waves."""

    name = "approve"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "approve",
        (TARGET,),
        (),
        "Approve waves with their current content. Changed content needs a new approval.",
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
            raise RefusedError(say("none of these waves waits for an approval"))
        if len(open_ones) > MOST:
            raise RefusedError(
                say("{} waves match, more than {}: name one wave", len(open_ones), MOST)
            )
        changed = [
            name for name, (request, change) in open_ones.items() if not shows(request, change)
        ]
        if changed:
            raise RefusedError(
                say("{} changed since you saw it: review it again, then approve", names(changed))
            )
        return Answer(facts={name: change.digest for name, (_, change) in open_ones.items()})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: the facts are the digest of each wave that was approved."""
        approvals = dict(overrides.approvals)
        for wave, digest in entry.facts.items():
            new = CommandApproval(digest, entry.by, entry.account)
            known = approvals.get(wave, ())
            others = [
                each for each in known if (each.digest, each.account) != (new.digest, new.account)
            ]
            approvals[wave] = (*others, new)
        return replace(overrides, approvals=approvals)


COMMAND: StandingCommand = ApproveCommand()
