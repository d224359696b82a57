"""`override`: opens gates of one kind, on somebody's word, for the record."""

from bot.chatops.commands import Answer, Call, Command, RefusedError
from bot.chatops.parser import Argument, Option, Verb
from planners.model import Role
from planners.model.gates import OVERRIDABLE


class Override:
    """Overrides a gate."""

    name = "override"
    role = Role.ADMIN
    is_action = True
    verb = Verb(
        "override",
        (
            Argument("gate", summary=f"One of {', '.join(OVERRIDABLE)}."),
            Argument("wave", summary="The wave; every wave without.", required=False),
        ),
        (Option("reason", required=True, summary="Why, for the record."),),
        "Open a gate that would wait.",
        ('/switchyard override freeze canary.1 --reason "the fix for the outage"',),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        gate, wave = call.words.first("gate", str) or "", call.target("wave")
        if gate not in OVERRIDABLE:
            raise RefusedError(f"{gate} cannot be overridden; these can: {', '.join(OVERRIDABLE)}")
        call.wave_statuses(wave)
        reason = call.words.first("reason", str) or ""
        return Answer(facts={"gate": gate, "target": wave, "reason": reason})


COMMAND: Command = Override()
