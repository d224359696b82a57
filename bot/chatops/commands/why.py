"""`why`: every closed gate with its waves, how it clears, and when it is checked next."""

from bot.chatops.commands import TARGET, Answer, Call, Command
from bot.chatops.parser import Verb
from bot.wording.markdown import plural, sentence
from bot.wording.prose import names
from bot.wording.reasons import AFTER_MERGE, time_text
from bot.wording.rules import state_lines
from bot.wording.waves import equal_gates
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
        found = equal_gates(call.wave_statuses(call.target()), preview=call.preview)
        rules = [] if call.preview else list(state_lines(call.gathered.snapshot.rule_states))
        told = [f"- {sentence(each, 400)}" for each in rules[:MOST]]
        told += [f"- and {plural(len(rules) - MOST, 'more rule')}"] if len(rules) > MOST else []
        if not found:
            return Answer("\n".join(["No closed gates.", *([""] if told else []), *told]))
        lines = [AFTER_MERGE, ""] if call.preview else []
        for each in found[:MOST]:
            why, how = each.reason.markdown(400), each.remedy.markdown(300)
            when = self._when(call, each.gate)
            lines.append(f"- {names(each.names).markdown()}: {why}; clears {how}{when}")
        more = [f"- and {plural(len(found) - MOST, 'more gate')}"] if len(found) > MOST else []
        return Answer("\n".join([*lines, *more, *told]))

    def _when(self, call: Call, gate: Gate) -> str:
        until = next_check(gate)
        return f"; next check at {time_text(until, call.gathered.snapshot.now)}" if until else ""


COMMAND: Command = WhyCommand()
