"""`scale`: suggests how many replicas a component has on some clusters, for a time."""

from bot.chatops.commands import (
    Answer,
    Call,
    Changes,
    Command,
    RefusedError,
    proposes,
    refusals,
)
from bot.chatops.intents import IntentChange, name_for
from bot.chatops.intents.app import app_files, workload_of
from bot.chatops.intents.fleet import meant
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.documents.edits import moment
from planners.model import Json, Role

FOLLOWS = (
    "`{0}` has {1} replicas on each cluster that is selected ({2}){3}, whatever customisations and "
    "the placement say. An autoscaler of its own may change them again."
)


class ScaleCommand:
    """Scales for a time."""

    name = "scale"
    role = Role.WRITE
    is_action = True
    changes = Changes.APP
    verb = Verb(
        "scale",
        (
            Argument("component", summary="The component."),
            Argument("replicas", Kind.COUNT, summary="How many, on each cluster."),
        ),
        (
            Option("on", summary="A cluster, or labels like region=eu; every cluster without."),
            Option("for", Kind.DURATION, summary="For how long; until it is deleted without."),
            Option("reason", required=True, summary="Why, for those who review it."),
        ),
        "Suggest to the app repo, as a merge request, so many replicas by exception.",
        ('/switchyard scale cart 6 --on region=eu --for 2d --reason "the sale"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        component, count = call.text("component"), call.parsed.first("replicas", int)
        until, snapshot = call.until("for"), call.gathered.snapshot
        assert count is not None, "the verb requires it"
        with refusals():
            found = await app_files(call.context, snapshot)
            target = meant(found.fleet, call.text("on"))
            for rule in found.in_force(component, snapshot):
                if (rule.replicas, rule.clusters) == (count, target.selector):
                    raise RefusedError(f"{rule.position} says so already: {rule}")
            exception: dict[str, Json] = {
                "components": [component],
                "replicas": count,
                **({"clusters": dict(target.written)} if target.written else {}),
                **workload_of(found.application, snapshot, component),
                **({"until": moment(until)} if until is not None else {}),
                "reason": call.text("reason"),
            }
            changes = await found.excepted(call.context, snapshot, exception)
            end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
            title = f"Scale {component} to {count} on {target}{end}"
            follows = FOLLOWS.format(component, count, target, end)
            name = name_for(found.application.name, component, *target.parts)
            change = IntentChange(f"scale-{name}", title, follows, changes)
            return proposes(call, found.checkout, change, component)


COMMAND: Command = ScaleCommand()
