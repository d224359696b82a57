"""`undrain`: proposes to use a drained cluster again, in its document in the fleet repo."""

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
    "`{0}` can be chosen again, and components that require it come back. Others move back only "
    "where `{0}` is better by more than the threshold of their placement."
)


class UndrainCommand:
    """Puts a drained cluster back into use."""

    name = "undrain"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "undrain",
        (Argument("cluster", Kind.NAME, summary="Name of the cluster."),),
        (Option("reason", summary="The reason; shown to the reviewers."),),
        "Open a merge request on the fleet repo that puts a drained cluster back into use.",
        ("/switchyard undrain edge-17",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        name, found = call.text("cluster"), await fleet_files(call.context)
        with refusals():
            state = found.cluster(name).maintenance
            if state is not Maintenance.DRAINED:
                raise RefusedError(
                    say("{} is not drained: its document says maintenance {}", name, state)
                )
            changes = with_maintenance(found.files, name, drained=False)
            found.check(changes)
            title = f"Use cluster {name} again"
            change = IntentChange(f"undrain-{name}", title, CONSEQUENCES.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = UndrainCommand()
