"""`freeze`: suggests a time in which nothing merges, as a policy in the fleet repo."""

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
from bot.chatops.intents.fleet import fleet_files, meant
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.documents.edits import moment, new_freeze
from planners.model import Role

FOLLOWS = (
    "waves that touch these clusters wait until {until:%Y-%m-%d %H:%M} UTC, and say so. Until it "
    "is merged nothing is frozen: `hold` stops one rollout at once. When it is over, the file "
    "changes nothing and may be deleted."
)


class FreezeCommand:
    """Freezes clusters."""

    name = "freeze"
    role = Role.WRITE
    is_action = True
    changes = Changes.FLEET
    verb = Verb(
        "freeze",
        (
            Argument(
                "target",
                summary="A cluster, or labels like region=eu; every cluster without.",
                required=False,
            ),
        ),
        (
            Option("until", Kind.TIME, required=True, summary="When it ends."),
            Option("reason", required=True, summary="Why, for those who wait."),
        ),
        "Suggest to the fleet repo, as a merge request, that nothing merges for some time.",
        (
            '/switchyard freeze region=eu --until 3d --reason "the sale"',
            '/switchyard freeze --until 2026-12-27T06:00:00Z --reason "the holidays"',
        ),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        begin, until = call.comment.created_at, call.until("until")
        assert until is not None, "the verb requires it"
        found = await fleet_files(call.context)
        with refusals():
            target = meant(found.fleet, call.text("target"))
            if until <= call.context.clock():
                raise RefusedError(f"{moment(until)} is over")
            every = (each for policy in found.fleet.policies for each in policy.freezes)
            for known in every:
                same = known.clusters == target.selector and known.start <= begin
                if same and known.end >= until:
                    raise RefusedError(
                        f"{target} is frozen until {moment(known.end)} already, by {known.name}"
                    )
            name = f"{target.name}-{until:%Y%m%d-%H%M}"
            changes = new_freeze(
                found.files,
                {
                    "name": name,
                    "clusters": dict(target.written),
                    "from": moment(begin),
                    "until": moment(until),
                    "reason": call.text("reason"),
                },
            )
            found.check(changes)
            title = f"Freeze {target} until {until:%Y-%m-%d %H:%M} UTC"
            follows = FOLLOWS.format(until=until)
            change = IntentChange(f"freeze-{target.name}", title, follows, changes)
            return proposes(call, found.checkout, change, str(target))


COMMAND: Command = FreezeCommand()
