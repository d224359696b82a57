"""`scale`: proposes an exception: the number of replicas of a component on some clusters."""

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
from bot.documents.edits import format_time
from bot.wording.prose import say
from planners.model import Json, Role

CONSEQUENCES = (
    "`{0}` has {1} replicas on each selected cluster ({2}){3}, whatever customisations and the "
    "placement say. An autoscaler in the cluster may change the number again."
)


class ScaleCommand:
    """Sets the number of replicas."""

    name = "scale"
    role = Role.WRITE
    is_action = True
    changes = Changes.APP
    verb = Verb(
        "scale",
        (
            Argument("component", Kind.NAME, summary="Name of the component."),
            Argument("replicas", Kind.COUNT, summary="Number of replicas on each cluster."),
        ),
        (
            Option("on", summary="Cluster, or labels such as region=eu. Default: all clusters."),
            Option("for", Kind.DURATION, summary="Duration. Default: no expiry."),
            Option("reason", required=True, summary="The reason; shown to the reviewers."),
        ),
        "Open a merge request on the app repo that sets the number of replicas by an exception.",
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
                    raise RefusedError(
                        say("already an exception at {}: {}", str(rule.position), str(rule))
                    )
            exception: dict[str, Json] = {
                "components": [component],
                "replicas": count,
                **({"clusters": dict(target.written)} if target.written else {}),
                **workload_of(found.application, snapshot, component),
                **({"until": format_time(until)} if until is not None else {}),
                "reason": call.text("reason"),
            }
            changes = await found.excepted(call.context, snapshot, exception)
            end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
            title = f"Scale {component} to {count} on {target}{end}"
            consequences = CONSEQUENCES.format(component, count, target, end)
            name = name_for(found.application.name, component, *target.parts)
            change = IntentChange(f"scale-{name}", title, consequences, changes)
            return proposes(call, found.checkout, change, component)


COMMAND: Command = ScaleCommand()
