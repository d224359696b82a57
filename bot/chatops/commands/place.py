"""`place`: proposes an exception: components also run on a cluster, or leave it."""

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
from bot.chatops.intents.app import AppFiles, app_files
from bot.chatops.parser import Argument, Kind, Option, Verb
from bot.documents.edits import format_time
from bot.wording.prose import say
from planners.model import Json, Role, Unit

ADDS = "`{0}` also runs on `{1}`{2}, in addition to the clusters that its placement chooses."
REMOVES = "`{0}` leaves `{1}`{2}; where its placement chooses, the next best cluster replaces it."


class PlaceCommand:
    """Adds or removes a cluster."""

    name = "place"
    role = Role.WRITE
    is_action = True
    changes = Changes.APP
    verb = Verb(
        "place",
        (Argument("component", Kind.NAME, summary="Names of the components.", repeatable=True),),
        (
            Option("add", Kind.NAME, summary="Cluster to run on as well."),
            Option("remove", Kind.NAME, summary="Cluster to leave."),
            Option("for", Kind.DURATION, summary="Duration. Default: no expiry."),
            Option("reason", required=True, summary="The reason; shown to the reviewers."),
        ),
        "Open a merge request on the app repo with an exception from the placement.",
        (
            '/switchyard place redis cart --add edge-9 --for 2d --reason "the fair in hall 3"',
            '/switchyard place cart --remove edge-4 --reason "too hot"',
        ),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        components = list(dict.fromkeys(call.parsed.every("component", str)))
        add, remove = call.text("add"), call.text("remove")
        cluster, verb = add or remove, "add" if add else "remove"
        if bool(add) == bool(remove):
            raise RefusedError(say("give either {} or {}, with one cluster", "--add", "--remove"))
        until, snapshot = call.until("for"), call.gathered.snapshot
        with refusals():
            found = await app_files(call.context, snapshot)
            for component in components:
                self._check(call, found, Unit(component, cluster), adding=bool(add))
            exception: dict[str, Json] = {"components": [*components], verb: [cluster]}
            if until is not None:
                exception["until"] = format_time(until)
            exception["reason"] = call.text("reason")
            changes = await found.excepted(call.context, snapshot, exception)
            end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
            named = ", ".join(components)
            title = f"{'Add' if add else 'Remove'} {named} on {cluster}{end}"
            consequences = (ADDS if add else REMOVES).format(named, cluster, end)
            name = name_for(found.application.name, *components, verb, cluster)
            change = IntentChange(f"place-{name}", title, consequences, changes)
            return proposes(call, found.checkout, change, f"{named}@{cluster}")

    def _check(self, call: Call, found: AppFiles, unit: Unit, *, adding: bool) -> None:
        """Raise RefusedError if it is already so, or needs more than a new exception."""
        component, cluster = unit.component, unit.cluster
        for rule in found.in_force(component, call.gathered.snapshot):
            known = rule.add if adding else rule.remove
            if cluster in known:
                raise RefusedError(
                    say("already an exception at {}: {}", str(rule.position), str(rule))
                )
            if adding and cluster in rule.remove:
                text = (
                    "the exception at {} removes {} from {} and takes precedence: delete it first"
                )
                raise RefusedError(say(text, str(rule.position), component, cluster))
        runs = unit in call.proposal.plan.units
        if runs is adding:
            state = "is already placed" if runs else "is not placed"
            text = f"{{}} {state} on {{}}; see {{}}"
            command = f"explain {component} {cluster}"
            raise RefusedError(say(text, component, cluster, command))


COMMAND: Command = PlaceCommand()
