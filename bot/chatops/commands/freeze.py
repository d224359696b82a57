"""`freeze`: proposes a period in which nothing merges, as a policy in the fleet repo."""

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
from bot.documents.edits import format_time, with_freeze
from bot.wording.prose import say
from planners.model import Role

CONSEQUENCES = (
    "waves on these clusters wait until {until:%Y-%m-%d %H:%M} UTC. Before this is merged nothing "
    "is frozen; the command hold stops one rollout at once. After its end the file has no effect "
    "and may be deleted."
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
                summary="Cluster, or labels such as region=eu. Default: all clusters.",
                required=False,
            ),
        ),
        (
            Option("until", Kind.TIME, required=True, summary="End of the freeze."),
            Option("reason", required=True, summary="The reason; shown to everyone who waits."),
        ),
        "Open a merge request on the fleet repo that freezes clusters: nothing merges there.",
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
                raise RefusedError(say("{} is in the past", format_time(until)))
            every = (each for policy in found.fleet.policies for each in policy.freezes)
            for known in every:
                same = known.clusters == target.selector and known.start <= begin
                if same and known.end >= until:
                    raise RefusedError(
                        say(
                            "{} is already frozen until {} by {}",
                            str(target),
                            format_time(known.end),
                            known.name,
                        )
                    )
            name = f"{target.name}-{until:%Y%m%d-%H%M}"
            changes = with_freeze(
                found.files,
                {
                    "name": name,
                    "clusters": dict(target.written),
                    "from": format_time(begin),
                    "until": format_time(until),
                    "reason": call.text("reason"),
                },
            )
            found.check(changes)
            title = f"Freeze {target} until {until:%Y-%m-%d %H:%M} UTC"
            consequences = CONSEQUENCES.format(until=until)
            change = IntentChange(f"freeze-{target.name}", title, consequences, changes)
            return proposes(call, found.checkout, change, str(target))


COMMAND: Command = FreezeCommand()
