"""`status`: how far the rollout is, in one comment."""

from bot.chatops.commands import Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.comment import headline
from bot.wording.markdown import code
from bot.wording.reasons import NOT_MERGED, reason, stops, told
from planners.model import Role


class StatusCommand:
    """Tells how far it is."""

    name = "status"
    role = Role.READ
    is_action = False
    verb = Verb("status", (), (), "Tell how far the rollout is.", ("/switchyard status",))

    async def run(self, call: Call) -> Answer:
        """See Command."""
        lines = [f"**{code(headline(call.proposal, preview=call.preview), 300)}**", ""]
        lines += [NOT_MERGED, ""] if call.preview else []
        for each in call.proposal.evaluation.wave_statuses[:100]:
            gates = told(each.gates, preview=call.preview)
            why = f": {code(reason(gates[0]), 300)}" if gates else ""
            why += "".join(f"; also {code(reason(gate), 150)}" for gate in stops(gates[1:])[:1])
            at_once = call.preview and each.change.files and not gates
            state = "merges at once" if at_once else each.state
            lines.append(f"- {code(each.change.wave.name)} {state}{why}")
        return Answer("\n".join(lines))


COMMAND: Command = StatusCommand()
