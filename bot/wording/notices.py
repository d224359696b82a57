"""Notifications: comments of their own, because forges notify nobody of an edited comment.

A notice is posted when a wave begins to wait for a person. An approval is requested on the wave's
own merge request once nothing else is missing; everything else concerns the author of the change
and goes to the app merge request. A hold by label or command is no news to whoever set it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording.headline import failures, holding, needs_person
from bot.wording.markdown import code, link
from bot.wording.needs import late
from bot.wording.reasons import approvers, pending_clusters, reason, reason_and_remedy, remedy_for
from planners.gating.evaluate import WaveStatus
from planners.model import listing
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Gate,
    HeldByCommand,
    HeldByLabel,
    PendingUnit,
)

MOST_NAMED = 5
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?(?:/[A-Za-z0-9](?:[\w.-]*\w)?)*", re.ASCII)
_EVERYBODY = frozenset({"all", "channel", "everyone", "here"})


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence, posted once for its `key` on merge request `number` of the deploy repo.

    Without a number it is posted on the app merge request. Reviews of `reviewers` are requested
    with it; of those in `again` also if that was done before: they approved something else since.
    """

    key: str
    text: str
    number: int | None = None
    reviewers: tuple[str, ...] = ()
    again: frozenset[str] = frozenset()


def notices(proposal: Proposal) -> tuple[Notice, ...]:
    """What needs a person now."""
    if proposal.problems or proposal.evaluation.done:
        return ()
    wave_statuses = proposal.evaluation.wave_statuses
    found = {each.key: each for each in _failures(proposal)}
    for wave_status in wave_statuses:
        if wave_status.change.files and wave_status.gates:
            found |= {each.key: each for each in _of_wave(wave_status)}
    return tuple(found.values())


def notice_comment(found: Sequence[Notice], marker: str, page: str) -> str:
    """The comment with these notices."""
    lines = [f"- {each.text}" for each in found] if len(found) > 1 else [found[0].text]
    return "\n\n".join(
        [marker, "\n".join(lines), f"<sub>{link('Plan and current state', page)}</sub>"]
    )


def _failures(proposal: Proposal) -> Iterator[Notice]:
    """Clusters that failed or stopped reporting, by the wave that deploys to them."""
    plan, wave_statuses = proposal.plan, proposal.evaluation.wave_statuses
    if plan.restores is not None:
        if plan.failures:
            why = pending_clusters(plan.failures).markdown()
            what = code(plan.revision.sha[:12])
            yield Notice("rollback", f"Revision {what} failed and is being rolled back: {why}.")
        return
    found: dict[str, list[PendingUnit]] = {}
    waves = {
        unit: each.change.wave.name for each in wave_statuses for unit in each.change.wave.units
    }
    if holding(wave_statuses):
        for each in failures(wave_statuses):
            found.setdefault(f"failed {waves[each.unit]}", []).append(each)
    for each in late(wave_statuses):
        found.setdefault(f"late {waves.get(each.unit, '')}", []).append(each)
    for key, pending in found.items():
        what, then = pending_clusters(pending).markdown(), remedy_for(pending).markdown()
        yield Notice(key, f"{what}. The rollout continues {then}.")


def _of_wave(wave_status: WaveStatus) -> Iterator[Notice]:
    """What a wave lacks that only people can provide."""
    wave, request = wave_status.change.wave.name, wave_status.merge_request
    others = [each for each in wave_status.gates if not isinstance(each, AwaitsApproval)]
    requested = [each for each in wave_status.gates if isinstance(each, AwaitsApproval)]
    for gate in others:
        if _is_news(gate):
            text = f"{code(wave)}: {reason_and_remedy(gate).markdown(800)}."
            yield Notice(f"{type(gate).__name__} {wave}", text)
    if requested and not others and request is not None:
        key = f"approval {wave} {wave_status.change.digest[:12]}"
        text = " ".join(_request(wave, gate) for gate in requested)
        missing = [name for gate in requested for name in _missing(gate)[:MOST_NAMED]]
        again = frozenset(name for gate in requested for name in gate.stale)
        yield Notice(key, text, request.number, tuple(dict.fromkeys(missing)), again)


def _is_news(gate: Gate) -> bool:
    """Whether it is about the wave itself and not set by somebody who knows of it."""
    about = AwaitsDependency | AwaitsStep | AwaitsReplacement | HeldByLabel | HeldByCommand
    return needs_person(gate) and not isinstance(gate, about)


def _request(wave: str, gate: AwaitsApproval) -> str:
    """A request for approval; names in the fleet's policies are live mentions, to reach them."""
    left = gate.needed - len(gate.given)
    missing = _missing(gate)
    who, one = approvers(gate).markdown(), left == 1
    if missing:
        named = listing([_mention(each) for each in missing], MOST_NAMED)
        who = named if one and len(missing) == 1 else f"{left} of {named}"
    verb = "approves" if one else "approve"
    why = reason(gate).markdown(400)
    return f"{code(wave)} is ready to merge once {who} {verb} ({why})."


def _missing(gate: AwaitsApproval) -> list[str]:
    """The named users and teams that have not approved."""
    return [each for each in gate.users if each not in gate.given]


def _mention(name: str) -> str:
    live = _NAME.fullmatch(name) is not None and name.lower() not in _EVERYBODY
    return f"@{name}" if live else code(name)
