"""`why`: every gate of a wave, who or what clears it, and when it is looked at next."""

from bot.commands import TARGET, Answer, Call, Command
from bot.slash import Verb
from bot.wording.markdown import code
from bot.wording.reasons import reason, remedy
from planners.gates import next_look
from planners.model import Role

MOST = 20


class Why:
    """Tells why it waits."""

    name = "why"
    role = Role.READ
    steers = False
    verb = Verb(
        "why", (TARGET,), (), "Tell what a wave waits for, and who clears it.",
        ("/switchyard why canary.2",),
    )  # fmt: skip

    async def run(self, call: Call) -> Answer:
        """See Command."""
        waiting = [each for each in call.standings(call.target()) if each.gates]
        if not waiting:
            return Answer("Nothing of that waits.")
        lines = []
        for each in waiting[:MOST]:
            lines.append(f"- {code(each.change.wave.name)}")
            for gate in each.gates:
                until = next_look(gate)
                when = f"; next look {until:%H:%M:%S} UTC" if until else ""
                lines.append(
                    f"  - {code(reason(gate), 400)}: cleared by {code(remedy(gate), 300)}{when}"
                )
        more = [f"- and {len(waiting) - MOST} waves more"] if len(waiting) > MOST else []
        return Answer("\n".join([*lines, *more]))


COMMAND: Command = Why()
