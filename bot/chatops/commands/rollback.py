"""`rollback`: reverts this revision in reverse order, to the exact bytes of an earlier one."""

import asyncio
from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Argument, Option, Verb
from bot.commandlog.entry import CommandLogEntry
from bot.gather.previous import read_previous, revisions
from bot.wording.prose import say
from planners.model import Role
from planners.model.overrides import Overrides
from planners.model.snapshot import PreviousDeployment

MOST_NAMED = 5
SHORT = 12
SHORTEST = 7


class RollbackCommand:
    """Rolls back."""

    name = "rollback"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "rollback",
        (
            Argument(
                "to",
                summary="App revision to restore. Default: what ran before this one.",
                required=False,
            ),
        ),
        (Option("reason", required=True, summary="The reason; kept in the command log."),),
        "Roll this revision back, byte for byte, in reverse order.",
        (
            '/switchyard rollback --reason "errors in the canary"',
            '/switchyard rollback 1f7c2e9 --reason "the one before leaks as well"',
        ),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        base = call.gathered.snapshot.base
        revision = call.proposal.plan.revision.sha
        if not any(change.source == revision for change in base.changes.values()):
            raise RefusedError(say("no wave of revision {} is merged", revision[:SHORT]))
        if call.gathered.snapshot.rolled_back:
            raise RefusedError(say("revision {} is already being rolled back", revision[:SHORT]))
        facts = {"revision": revision, "reason": call.text("reason")}
        if wanted := call.text("to"):
            facts["to"] = await self._known(call, wanted.lower())
        elif await self._previous(call) is None:
            raise RefusedError(
                say(
                    "nothing ran before revision {}: use {} to stop merging it",
                    revision[:SHORT],
                    "cancel",
                )
            )
        return Answer(facts=facts)

    async def _previous(self, call: Call) -> PreviousDeployment | None:
        """What ran before this revision."""
        gathered, snapshot = call.gathered, call.gathered.snapshot
        return await asyncio.to_thread(
            lambda: read_previous(
                call.context.results,
                gathered.deploy,
                snapshot.registration,
                snapshot.application,
                snapshot.revision.sha,
                requested=True,
            )
        )

    async def _known(self, call: Call, wanted: str) -> str:
        """The full id of the one earlier revision that begins with this."""
        gathered, now = call.gathered, call.proposal.plan.revision.sha
        application = gathered.snapshot.application.name
        every = await asyncio.to_thread(revisions, gathered.deploy, application)
        earlier = [each for each in every if each != now]
        found = [each for each in earlier if each.startswith(wanted)]
        if len(wanted) >= SHORTEST and len(found) == 1:
            return found[0]
        named = ", ".join(each[:SHORT] for each in earlier[:MOST_NAMED]) or "none"
        why = "several revisions begin with that" if found else "no such revision ran here"
        if len(wanted) < SHORTEST:
            why = f"give at least {SHORTEST} characters of the revision"
        text = f"cannot roll back to {{}}: {why}; earlier revisions: {{}}"
        raise RefusedError(say(text, wanted[:40], named))

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: the newest rollback counts."""
        facts = entry.facts
        return replace(overrides, reverted=facts["revision"], restored=facts.get("to", ""))


COMMAND: StandingCommand = RollbackCommand()
