"""`skip`: nobody waits for a cluster any more; what is merged for it stays merged."""

from bot.chatops.commands import Answer, Call, Command, RefusedError
from bot.chatops.parser import Argument, Option, Verb
from planners.model import Role


class Skip:
    """Skips a cluster."""

    name = "skip"
    role = Role.MAINTAIN
    is_action = True
    verb = Verb(
        "skip",
        (Argument("cluster", summary="The cluster."),),
        (Option("reason", required=True, summary="Why, for the record."),),
        "Wait for a cluster no longer, until it is resumed.",
        ('/switchyard skip edge-17 --reason "no power until Monday"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        cluster = call.words.first("cluster", str) or ""
        if call.gathered.snapshot.cluster(cluster) is None:
            raise RefusedError(f"the fleet has no cluster {cluster}")
        return Answer(facts={"target": cluster, "reason": call.words.first("reason", str) or ""})


COMMAND: Command = Skip()
