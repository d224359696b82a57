"""An effect in words, for people who replay a pass."""

from typing import assert_never

from bot.wording.diffs import counts
from bot.wording.reasons import status_line
from planners.gating.effects import (
    AskGate,
    CloseMergeRequest,
    Effect,
    Merge,
    OpenMergeRequest,
    PushBranch,
    RequeueAt,
    SetOrderStatus,
    UpdateMergeRequest,
)

SHORT = 12


def effect_line(effect: Effect) -> str:
    """What the effect does, after the word `would`."""
    match effect:
        case PushBranch():
            change = f"{effect.change.wave.name}: {counts(effect.change)}"
            return f"push branch {effect.branch} on {effect.base[:SHORT]} ({change})"
        case OpenMergeRequest():
            return f"open a merge request for {effect.branch}"
        case UpdateMergeRequest():
            return f"update title and description of !{effect.number}"
        case CloseMergeRequest():
            return f"close !{effect.number} ({effect.branch})"
        case SetOrderStatus():
            state = "pending" if effect.gates else "success"
            return f"set the status of !{effect.number} to {state}: {status_line(effect.gates)}"
        case Merge():
            return f"merge !{effect.number} at {effect.head[:SHORT]} ({effect.change.wave.name})"
        case AskGate():
            return f"ask gate {effect.rule.name} about {effect.subject.wave}"
        case RequeueAt():
            return f"look again at {effect.at:%Y-%m-%d %H:%M:%S} UTC"
        case _:
            assert_never(effect)
