"""`skip`: no wave waits for a cluster any more; what is merged for it stays merged."""

from dataclasses import replace

from bot.chatops.commands import Answer, Call, RefusedError, StandingCommand
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.commandlog.entry import CommandLogEntry
from bot.wording.prose import say
from planners.model import Role
from planners.model.overrides import Overrides


class SkipCommand:
    """Skips a cluster."""

    name = "skip"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "skip",
        (Argument("cluster", Kind.NAME, summary="Name of the cluster."),),
        (Option("reason", required=True, summary="The reason; kept in the command log."),),
        "Stop waiting for a cluster until somebody resumes it.",
        ('/switchyard skip edge-17 --reason "no power until Monday"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        cluster = call.text("cluster")
        if call.gathered.snapshot.cluster(cluster) is None:
            raise RefusedError(say("the fleet has no cluster {}", cluster))
        return Answer(facts={"target": cluster, "reason": call.text("reason")})

    def apply(self, overrides: Overrides, entry: CommandLogEntry) -> Overrides:
        """See StandingEffect: see Overrides.skipped."""
        skipped = {**overrides.skipped, entry.target: f"{entry.by}: {entry.reason}"}
        return replace(overrides, skipped=skipped)


COMMAND: StandingCommand = SkipCommand()
