"""`place`: suggests that components run on one cluster more or less, for a time."""

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
from bot.documents.edits import moment
from planners.model import Json, Role, Unit

ADDS = "`{0}` runs on `{1}` as well{2}; choices of its placement do not count `{1}` as theirs."
REMOVES = (
    "`{0}` leaves `{1}`{2}, and gets the next best cluster instead where its placement chooses."
)


class PlaceCommand:
    """Places for a time."""

    name = "place"
    role = Role.WRITE
    is_action = True
    changes = Changes.APP
    verb = Verb(
        "place",
        (Argument("component", summary="The components.", repeatable=True),),
        (
            Option("add", summary="A cluster that it runs on as well."),
            Option("remove", summary="A cluster that it leaves."),
            Option("for", Kind.DURATION, summary="For how long; until it is deleted without."),
            Option("reason", required=True, summary="Why, for those who review it."),
        ),
        "Suggest to the app repo, as a merge request, an exception from the placement.",
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
            raise RefusedError("place takes either --add or --remove, with one cluster")
        until, snapshot = call.until("for"), call.gathered.snapshot
        with refusals():
            found = await app_files(call.context, snapshot)
            for component in components:
                self._check(call, found, Unit(component, cluster), adding=bool(add))
            exception: dict[str, Json] = {"components": [*components], verb: [cluster]}
            if until is not None:
                exception["until"] = moment(until)
            exception["reason"] = call.text("reason")
            changes = await found.excepted(call.context, snapshot, exception)
            end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
            named = ", ".join(components)
            title = f"{'Add' if add else 'Remove'} {named} on {cluster}{end}"
            follows = (ADDS if add else REMOVES).format(named, cluster, end)
            name = name_for(found.application.name, *components, verb, cluster)
            change = IntentChange(f"place-{name}", title, follows, changes)
            return proposes(call, found.checkout, change, f"{named}@{cluster}")

    def _check(self, call: Call, found: AppFiles, unit: Unit, *, adding: bool) -> None:
        """Raise RefusedError where that is so already, or cannot be by an exception alone."""
        component, cluster = unit.component, unit.cluster
        for rule in found.in_force(component, call.gathered.snapshot):
            known = rule.add if adding else rule.remove
            if cluster in known:
                raise RefusedError(f"{rule.position} says so already: {rule}")
            if adding and cluster in rule.remove:
                taken = f"takes {component} away from {cluster}"
                raise RefusedError(f"{rule.position} {taken}, which wins: delete that first")
        runs = unit in call.proposal.plan.units
        if runs is adding:
            state = "is placed there already" if runs else "is not placed there"
            raise RefusedError(f"{unit}: it {state}; `explain {component} {cluster}` says why")


COMMAND: Command = PlaceCommand()
