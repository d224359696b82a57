"""`why`: every gate of a wave, who or what clears it, and when it is looked at next."""

from bot.chatops.commands import TARGET, Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.markdown import code
from bot.wording.reasons import NOT_MERGED, moment, reason, remedy, told
from planners.model import Role
from planners.model.gates import Gate, next_check

MOST = 20


class WhyCommand:
    """Tells why it waits."""

    name = "why"
    role = Role.READ
    is_action = False
    verb = Verb(
        "why", (TARGET,), (), "Tell what a wave waits for, and who clears it.",
        ("/switchyard why canary.2",),
    )  # fmt: skip

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waiting = {
            each.change.wave.name: told(each.gates, preview=call.preview)
            for each in call.wave_statuses(call.target())
        }
        waiting = {wave: gates for wave, gates in waiting.items() if gates}
        if not waiting:
            return Answer("Nothing of that waits.")
        lines = [NOT_MERGED, ""] if call.preview else []
        for wave in list(waiting)[:MOST]:
            lines.append(f"- {code(wave)}")
            for gate in waiting[wave]:
                when = self._when(call, gate)
                lines.append(
                    f"  - {code(reason(gate), 400)}: cleared by {code(remedy(gate), 300)}{when}"
                )
        more = [f"- and {len(waiting) - MOST} waves more"] if len(waiting) > MOST else []
        return Answer("\n".join([*lines, *more]))

    def _when(self, call: Call, gate: Gate) -> str:
        until = next_check(gate)
        return f"; next look {moment(until, call.gathered.snapshot.now)}" if until else ""


COMMAND: Command = WhyCommand()
