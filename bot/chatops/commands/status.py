"""`status`: the state of the rollout and of each wave."""

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.comment import headline
from bot.wording.markdown import code
from bot.wording.reasons import AFTER_MERGE, STATE_NAMES, reason, set_by_people, shown_gates
from planners.model import Role


class StatusCommand:
    """Shows the state."""

    name = "status"
    role = Role.READ
    is_action = False
    verb = Verb(
        "status",
        (),
        (),
        "Show the state of the rollout and of each wave.",
        ("/switchyard status",),
    )

    async def run(self, call: Call) -> Answer:
        """See Command."""
        lines = [f"**State:** {headline(call.proposal, preview=call.preview).markdown()}", ""]
        lines += [AFTER_MERGE, ""] if call.preview else []
        for each in call.proposal.evaluation.wave_statuses[:100]:
            gates = shown_gates(each.gates, preview=call.preview)
            why = f": {reason(gates[0]).markdown(300)}" if gates else ""
            why += "".join(
                f"; also {reason(gate).markdown(150)}" for gate in set_by_people(gates[1:])[:1]
            )
            unblocked = call.preview and each.change.files and not gates
            state = "ready to merge" if unblocked else STATE_NAMES[each.state]
            lines.append(f"- {code(each.change.wave.name)} {state}{why}")
        return Answer("\n".join(lines))


COMMAND: Command = StatusCommand()
