"""`unfreeze`: suggests the end of a freeze, in the policies of the fleet repo."""

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
from bot.documents.edits import without_freeze
from planners.model import Role

FOLLOWS = "waves wait no longer for the freeze `{0}`, which ends with it."


class UnfreezeCommand:
    """Ends a freeze."""

    name = "unfreeze"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "unfreeze",
        (Argument("name", summary="The freeze; without, the only one there is.", required=False),),
        (Option("reason", summary="Why, for those who review it."),),
        "Suggest to the fleet repo, as a merge request, that a freeze ends now.",
        ("/switchyard unfreeze holidays",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        found, now = await fleet_files(call.context), call.context.clock()
        every = [each for policy in found.fleet.policies for each in policy.freezes]
        names = [each.name for each in every if now < each.end]
        asked = call.text("name")
        name = asked or (names[0] if len(names) == 1 else "")
        if names.count(name) != 1:
            told = ", ".join(sorted(names)) or "none"
            named = f"freeze {name}" if name else "one freeze"
            raise RefusedError(f"there is not one {named} to end: there is {told}")
        with refusals():
            changes = without_freeze(found.files, name)
            found.check(changes)
            title = f"End the freeze {name}"
            change = IntentChange(f"unfreeze-{name}", title, FOLLOWS.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = UnfreezeCommand()
