"""Branches that the forge merges only after they contain main's head.

Every merge puts all other branches behind. A branch is rebuilt on main when nothing else keeps its
wave from merging, and one wave at a time: to rebuild every branch after every merge would run the
checks of n waves n times. The content stays the same, and with it digest and approvals.
"""

from collections.abc import Mapping
from typing import TypeAlias

from planners.model.gates import BehindTarget, Gate, RefusedByForge
from planners.model.snapshot import MergeRequest, Snapshot

WaveGates: TypeAlias = tuple[MergeRequest, tuple[Gate, ...]]

PATIENCE = 6
"""How often the forge may refuse an up-to-date wave before the next one is rebuilt."""


def forge_gates(snapshot: Snapshot, request: MergeRequest) -> tuple[Gate, ...]:
    """What the forge has against a merge for which all other gates are open."""
    if request.behind and not _up_to_date(snapshot, request):
        return (BehindTarget(),)
    refusal = request.refusal
    if refusal is None:
        return ()
    return (RefusedByForge(refusal.reason, refusal.until, refusal.attempts),)


def next_wave(snapshot: Snapshot, waves: Mapping[str, WaveGates]) -> str | None:
    """The wave that the others behind main wait for, of waves that only the forge holds back.

    One that merges now goes first, then one that is up to date and that the forge still checks.
    """
    merging = (name for name, (_, gates) in waves.items() if not gates)
    checked = (name for name, each in waves.items() if _is_checked(snapshot, *each))
    behind = (name for name, (_, gates) in waves.items() if BehindTarget() in gates)
    return next(merging, None) or next(checked, None) or next(behind, None)


def _is_checked(snapshot: Snapshot, request: MergeRequest, gates: tuple[Gate, ...]) -> bool:
    """Whether it is up to date, and the forge has not refused it too often."""
    return _up_to_date(snapshot, request) and any(
        isinstance(each, RefusedByForge) and each.attempts < PATIENCE for each in gates
    )


def _up_to_date(snapshot: Snapshot, request: MergeRequest) -> bool:
    return request.branch is not None and request.branch.base == snapshot.base.revision.sha
