"""`unfreeze`: proposes to end a freeze, in the policies of the fleet repo."""

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
from bot.documents.edits import without_freeze
from bot.wording.prose import say
from planners.model import Role

CONSEQUENCES = "the freeze `{0}` ends, and no wave waits for it any more."


class UnfreezeCommand:
    """Ends a freeze."""

    name = "unfreeze"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "unfreeze",
        (
            Argument(
                "name",
                Kind.NAME,
                summary="Name of the freeze. Default: the only one.",
                required=False,
            ),
        ),
        (Option("reason", summary="The reason; shown to the reviewers."),),
        "Open a merge request on the fleet repo that ends a freeze now.",
        ("/switchyard unfreeze holidays",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        found, now = await fleet_files(call.context), call.context.clock()
        every = [each for policy in found.fleet.policies for each in policy.freezes]
        names = [each.name for each in every if now < each.end]
        name = call.text("name") or (names[0] if len(names) == 1 else "")
        if names.count(name) != 1:
            known = ", ".join(sorted(names)) or "none"
            if not name:
                raise RefusedError(say("name one freeze: {}", known))
            raise RefusedError(say("unknown freeze {}; freezes: {}", name, known))
        with refusals():
            changes = without_freeze(found.files, name)
            found.check(changes)
            title = f"End the freeze {name}"
            change = IntentChange(f"unfreeze-{name}", title, CONSEQUENCES.format(name), changes)
            return proposes(call, found.checkout, change, name)


COMMAND: Command = UnfreezeCommand()
