"""`undrain`: suggests that a drained cluster is used again, in its document in the fleet repo."""

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
    "`{0}` may be chosen again, and what must run there comes back. What moved away by choice "
    "moves back only where `{0}` is better by more than the placement's threshold."
)


class UndrainCommand:
    """Takes a drained cluster into use again."""

    name = "undrain"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "undrain",
        (Argument("cluster", summary="The cluster."),),
        (Option("reason", summary="Why, for those who review it."),),
        "Suggest to the fleet repo, as a merge request, that a drained cluster is used again.",
        ("/switchyard undrain edge-17",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        name, found = call.text("cluster"), await fleet_files(call.context)
        with refusals():
            state = found.cluster(name).maintenance
            if state is not Maintenance.DRAINED:
                raise RefusedError(f"{name} is not drained: its document says maintenance {state}")
            changes = with_maintenance(found.files, name, drained=False)
            found.check(changes)
            title = f"Use cluster {name} again"
            change = IntentChange(f"undrain-{name}", title, FOLLOWS.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = UndrainCommand()
