"""`drain`: suggests that a cluster keeps nothing, in its document in the fleet repo."""

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
from bot.chatops.parser import Argument, Option, Verb
from bot.documents.edits import with_maintenance
from planners.model import Maintenance, Role

FOLLOWS = (
    "what runs on `{0}` moves to other clusters where its placement leaves a choice, and is taken "
    "away there when its replacement is ready. An application that names `{0}` as a place where it "
    "must run says so in its plan."
)


class DrainCommand:
    """Drains a cluster."""

    name = "drain"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "drain",
        (Argument("cluster", summary="The cluster."),),
        (Option("reason", required=True, summary="Why, for those who review it."),),
        "Suggest to the fleet repo, as a merge request, that a cluster keeps nothing.",
        ('/switchyard drain edge-17 --reason "new disks"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        name, found = call.text("cluster"), await fleet_files(call.context)
        with refusals():
            if found.cluster(name).maintenance is Maintenance.DRAINED:
                raise RefusedError(f"{name} is drained already, as its document says")
            changes = with_maintenance(found.files, name, drained=True)
            found.check(changes)
            title = f"Drain cluster {name}"
            change = IntentChange(f"drain-{name}", title, FOLLOWS.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = DrainCommand()
