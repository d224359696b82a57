"""A check of the forge on the deploy merge request's head; after the merge on the merged commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.gates import Finding, GateKind, Outside, Question
from planners.model.gate_rules import GateSettings, GateState

if TYPE_CHECKING:
    from bot.forges import Status

OWN = "switchyard/"
EVERY = "*"
FRESH = timedelta(seconds=10)
AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class CommitCheckSettings(GateSettings):
    """A check of the forge on the commit."""

    check: str = field(
        metadata={
            "description": "Name of the check run, commit status or job that must be successful; "
            "`*`: all that there are except Switchyard's own, and at least one.",
            "pattern": r"^[^\x00-\x1f]{1,200}$",
        }
    )

    @property
    def defect(self) -> str:
        """Switchyard's own statuses wait for the merge."""
        if self.check.startswith(OWN):
            return (
                f"{self.check} is Switchyard's own status: it is successful only once the merge "
                f"that this gate holds may be made"
            )
        return ""


@dataclass(frozen=True, slots=True)
class CommitCheck:
    """Reads the checks of the commit anew in each pass: they can change until the merge."""

    name: str = "commitCheck"
    summary: str = "a check run, commit status or job on the commit is successful"
    settings: type[GateSettings] = CommitCheckSettings

    async def ask(self, question: Question, outside: Outside) -> Finding:
        """See AskedGate."""
        settings = question.rule.settings
        assert isinstance(settings, CommitCheckSettings)
        found = await outside.forge.checks(outside.repository, question.subject.commit)
        return judge(settings.check, found)


def judge(name: str, found: "Sequence[Status]") -> Finding:
    """What checks say together: all that are meant must be successful."""
    meant = [
        each for each in found if not each.context.startswith(OWN) and name in {each.context, EVERY}
    ]
    if not meant:
        which = "any check" if name == EVERY else name
        return Finding(GateState.RUNNING, f"{which} is not reported on the commit", again=AGAIN)
    for state, result, told in (
        ("failure", GateState.FAILED, "failed"),
        ("pending", GateState.RUNNING, "pending"),
    ):
        for each in meant:
            if each.state.value == state:
                more = f": {each.description}" if each.description else ""
                return Finding(result, f"{each.context} {told}{more}", each.url, AGAIN)
    return Finding(GateState.PASSED, "", meant[0].url, FRESH)


GATE: GateKind = CommitCheck()
