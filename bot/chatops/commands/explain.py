"""`explain`: explains why a component runs on some clusters and not on others."""

from bot.chatops.commands import Answer, Call, Command, RefusedError
from bot.chatops.parser import Argument, Kind, Verb
from bot.wording.explanation import explanation
from bot.wording.markdown import fence
from bot.wording.prose import NOTHING, say
from planners.model import Role

MOST = 150


class ExplainCommand:
    """Explains a placement."""

    name = "explain"
    role = Role.READ
    is_action = False
    verb = Verb(
        "explain",
        (
            Argument("component", Kind.NAME, summary="Name of the component."),
            Argument(
                "cluster", Kind.NAME, summary="Cluster. Default: all clusters.", required=False
            ),
        ),
        (),
        "Explain the placement of a component.",
        ("/switchyard explain cart edge-17",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        component = call.text("component")
        cluster = call.parsed.first("cluster", str)
        every = call.proposal.plan.trace
        wanted = [each for each in every if cluster in {None, each.unit.cluster}]
        lines = explanation(component, wanted, every)
        if not lines:
            where = say(" on cluster {}", cluster) if cluster else NOTHING
            raise RefusedError(say("no placement is known for component {}{}", component, where))
        return Answer(fence("\n".join(lines[:MOST]), "text"))


COMMAND: Command = ExplainCommand()
