"""`status`: how far the rollout is, in one comment."""

from bot.commands import Answer, Call, Command
from bot.slash import Verb
from bot.wording.comment import headline
from bot.wording.markdown import code
from bot.wording.reasons import reason
from planners.model import Role


class Status:
    """Tells how far it is."""

    name = "status"
    role = Role.READ
    steers = False
    verb = Verb("status", (), (), "Tell how far the rollout is.", ("/switchyard status",))

    async def run(self, call: Call) -> Answer:
        """See Command."""
        lines = [f"**{code(headline(call.proposal, preview=call.preview), 300)}**", ""]
        for each in call.proposal.decision.standings[:100]:
            why = f": {code(reason(each.gates[0]), 300)}" if each.gates else ""
            lines.append(f"- {code(each.change.wave.name)} {each.state}{why}")
        return Answer("\n".join(lines))


COMMAND: Command = Status()
