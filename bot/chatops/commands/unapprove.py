"""`unapprove`: withdraws the author's own approvals by command."""

from dataclasses import replace

from bot.chatops.commands import TARGET, Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.model import Role
from planners.model.overrides import Overrides


class UnapproveCommand:
    """Withdraws approvals."""

    name = "unapprove"
    role = Role.WRITE
    is_action = True
    verb = Verb(
        "unapprove", (TARGET,), (), "Withdraw your approvals.", ("/switchyard unapprove canary.1",)
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waves = {each.change.wave.name for each in call.wave_statuses(call.target())}
        found = {
            wave: ""
            for wave, given in call.gathered.snapshot.overrides.approvals.items()
            if wave in waves and any(each.account == call.account for each in given)
        }
        if not found:
            raise RefusedError(
                say(
                    "you approved none of these waves by command; withdraw an approval given on "
                    "the forge there"
                )
            )
        return Answer(facts=found)

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: the facts name the waves."""
        approvals = {
            wave: tuple(
                each for each in given if wave not in entry.facts or each.account != entry.account
            )
            for wave, given in overrides.approvals.items()
        }
        return replace(overrides, approvals=approvals)


COMMAND: StandingCommand = UnapproveCommand()
