"""`diff`: shows what changes, on one cluster, in one wave or everywhere."""

import asyncio

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Argument, Kind, Verb
from bot.effects.apply import blobs_of
from bot.wording.diffs import diffs_of, render_diffs
from bot.wording.markdown import link
from planners.model import Role

BUDGET = 50_000


class DiffCommand:
    """Shows diffs."""

    name = "diff"
    role = Role.READ
    is_action = False
    verb = Verb(
        "diff",
        (
            Argument(
                "target", Kind.NAME, summary="Wave or cluster. Default: all waves.", required=False
            ),
        ),
        (),
        "Show the diff.",
        ("/switchyard diff edge-17",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        target = call.target()
        changes = [each.change for each in call.wave_statuses(target) if each.change.files]
        blobs = await asyncio.to_thread(blobs_of, call.gathered, call.proposal, changes)
        where = "Name a wave or a cluster to see less at once."
        if call.context.is_public(call.gathered.app.repo):
            page = call.context.plan_page(call.proposal.plan.application, call.proposal.digest)
            where = f"The {link('page of the plan', page)} shows the full diff."
        text = render_diffs(diffs_of(changes, blobs), BUDGET, where)
        return Answer(text or "Nothing changes there.")


COMMAND: Command = DiffCommand()
