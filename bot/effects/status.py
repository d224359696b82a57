"""The required status `switchyard/order`: what it should say, beside what the forge has now."""

from collections.abc import Iterable
from datetime import timedelta

from bot.effects.model import Pace, SetStatus
from bot.forges import ORDER, Status, StatusState
from bot.wording.reasons import status_line
from planners.model import Repo
from planners.model.gates import Gate

EVERY = timedelta(minutes=1)


def order_status(
    repo: Repo, commit: str, gates: tuple[Gate, ...], page: str, known: Iterable[Status]
) -> tuple[SetStatus, ...]:
    """The status of a commit: pending while a gate is closed; nothing where `known` has it.

    While the first gate is of the same kind, its text changes with every report of every cluster:
    it is written once a minute at most, so that the forge's limits are left for merging. A status
    that is not there is written at once, as nothing else keeps people from merging.
    """
    state = StatusState.PENDING if gates else StatusState.SUCCESS
    status, there = Status(ORDER, state, status_line(gates), page), tuple(known)
    if status in there:
        return ()
    pace = None
    if gates:
        kind, absent = type(gates[0]).__name__, all(each.context != ORDER for each in there)
        pace = Pace(("status", str(repo), commit, ORDER), kind, EVERY, absent)
    return (SetStatus(repo, commit, status, pace),)
