"""`cancel`: stops the rollout of this revision for good; merged waves stay."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Option, Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.model import Role
from planners.model.overrides import Cancellation, Overrides


class CancelCommand:
    """Cancels the rollout."""

    name = "cancel"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "cancel",
        (),
        (Option("reason", required=True, summary="The reason; shown to everyone who waits."),),
        "Stop merging this revision for good and close its open merge requests. Merged waves stay.",
        ('/switchyard cancel --reason "1.4.3 comes today"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        snapshot, revision = call.gathered.snapshot, call.proposal.plan.revision.sha
        if snapshot.cancelled is not None:
            raise RefusedError(say("{} already cancelled this rollout", snapshot.cancelled.by))
        if call.proposal.plan.restores is not None:
            raise RefusedError(
                say(
                    "revision {} is being rolled back: use {} to stop that for a while",
                    revision[:12],
                    "hold",
                )
            )
        if not any(each.change.files for each in call.wave_statuses("")):
            raise RefusedError(say("every wave is merged: use {} to revert them", "rollback"))
        return Answer(facts={"revision": revision, "reason": call.text("reason")})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: see Cancellation."""
        cancelled = Cancellation(entry.facts["revision"], entry.by, entry.reason)
        return replace(overrides, cancelled=cancelled)


COMMAND: StandingCommand = CancelCommand()
