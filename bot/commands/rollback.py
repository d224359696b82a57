"""`rollback`: takes this revision back, in reverse order, to the bytes that were there before."""

from bot.commands import Answer, Call, Command, RefusedError
from bot.slash import Option, Verb
from planners.model import Role


class Rollback:
    """Goes back."""

    name = "rollback"
    role = Role.MAINTAIN
    steers = True
    verb = Verb(
        "rollback",
        (),
        (Option("reason", required=True, summary="Why, for the record."),),
        "Take this revision back, byte for byte, in reverse order.",
        ('/switchyard rollback --reason "errors in the canary"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        base = call.gathered.snapshot.base
        revision = call.proposal.plan.revision.sha
        if not any(change.source == revision for change in base.changes.values()):
            raise RefusedError(f"nothing of revision {revision[:12]} is merged")
        if call.gathered.snapshot.rejected:
            raise RefusedError(f"revision {revision[:12]} is being taken back already")
        return Answer(facts={"revision": revision, "reason": call.words.first("reason", str) or ""})


COMMAND: Command = Rollback()
