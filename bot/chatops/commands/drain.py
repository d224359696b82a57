"""`drain`: proposes that nothing runs on a cluster, in its document in the fleet repo."""

from bot.chatops.commands import (
    Answer,
    Call,
    Changes,
    Command,
    RefusedError,
    proposes,
    refusals,
)
from bot.chatops.intents import IntentChange
from bot.chatops.intents.fleet import fleet_files
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.documents.edits import with_maintenance
from bot.wording.prose import say
from planners.model import Maintenance, Role

CONSEQUENCES = (
    "components on `{0}` move to other clusters where their placement has a choice, and are "
    "removed from `{0}` when the replacement is ready. The plan of an application that requires "
    "`{0}` reports the conflict."
)


class DrainCommand:
    """Drains a cluster."""

    name = "drain"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "drain",
        (Argument("cluster", Kind.NAME, summary="Name of the cluster."),),
        (Option("reason", required=True, summary="The reason; shown to the reviewers."),),
        "Open a merge request on the fleet repo that drains a cluster.",
        ('/switchyard drain edge-17 --reason "new disks"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        name, found = call.text("cluster"), await fleet_files(call.context)
        with refusals():
            if found.cluster(name).maintenance is Maintenance.DRAINED:
                raise RefusedError(say("the document of {} already says that it is drained", name))
            changes = with_maintenance(found.files, name, drained=True)
            found.check(changes)
            title = f"Drain cluster {name}"
            change = IntentChange(f"drain-{name}", title, CONSEQUENCES.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = DrainCommand()
