"""`why`: every closed gate of a wave, how it clears, and when it is checked next."""

from bot.chatops.commands import TARGET, Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.markdown import code, sentence
from bot.wording.reasons import AFTER_MERGE, reason, remedy, shown_gates, time_text
from bot.wording.rules import state_lines
from planners.model import Role
from planners.model.gates import Gate, next_check

MOST = 20


class WhyCommand:
    """Lists closed gates, and the states of rules."""

    name = "why"
    role = Role.READ
    is_action = False
    verb = Verb(
        "why", (TARGET,), (), "Show the closed gates of a wave, how they clear, and why rules act.",
        ("/switchyard why canary.2",),
    )  # fmt: skip

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waiting = {
            each.change.wave.name: shown_gates(each.gates, preview=call.preview)
            for each in call.wave_statuses(call.target())
        }
        waiting = {wave: gates for wave, gates in waiting.items() if gates}
        rules = [] if call.preview else list(state_lines(call.gathered.snapshot.rule_states))
        told = [f"- {sentence(each, 400)}" for each in rules[:MOST]]
        told += [f"- and {len(rules) - MOST} more rules"] if len(rules) > MOST else []
        if not waiting:
            return Answer("\n".join(["No closed gates.", *([""] if told else []), *told]))
        lines = [AFTER_MERGE, ""] if call.preview else []
        for wave in list(waiting)[:MOST]:
            lines.append(f"- {code(wave)}")
            for gate in waiting[wave]:
                when = self._when(call, gate)
                why, how = reason(gate).markdown(400), remedy(gate).markdown(300)
                lines.append(f"  - {why}; clears {how}{when}")
        more = [f"- and {len(waiting) - MOST} more waves"] if len(waiting) > MOST else []
        return Answer("\n".join([*lines, *more, *told]))

    def _when(self, call: Call, gate: Gate) -> str:
        until = next_check(gate)
        return f"; next check at {time_text(until, call.gathered.snapshot.now)}" if until else ""


COMMAND: Command = WhyCommand()
