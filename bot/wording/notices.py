"""What is said once, in a comment of its own, since nobody is notified of an edited comment.

A notice goes out when a wave begins to wait for a person. An approval is asked for on the wave's
own merge request, when it lacks nothing else; everything else concerns who wrote the change, on
the app merge request. Who holds something by a label or a command knows it: that is no notice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording.headline import STALE, failures, holding, needs_person
from bot.wording.markdown import code, link
from bot.wording.reasons import approvers, cure, places, reason, remedy
from planners.gating.evaluate import WaveStatus
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
    """One sentence, said once for its `key`; on merge request `number` of the deploy repo.

    Without a number it is said on the app merge request.
    """

    key: str
    text: str
    number: int | None = None


def notices(proposal: Proposal) -> tuple[Notice, ...]:
    """What needs a person now."""
    if proposal.problems or proposal.evaluation.done:
        return ()
    wave_statuses = proposal.evaluation.wave_statuses
    found = {each.key: each for each in _troubles(proposal)}
    for wave_status in wave_statuses:
        if wave_status.change.files and wave_status.gates:
            found |= {each.key: each for each in _of_wave(wave_status)}
    return tuple(found.values())


def together(found: Sequence[Notice], marker: str, page: str) -> str:
    """The comment with these notices."""
    lines = [f"- {each.text}" for each in found] if len(found) > 1 else [found[0].text]
    return "\n\n".join(
        [marker, "\n".join(lines), f"<sub>{link('The plan and how it stands', page)}</sub>"]
    )


def _troubles(proposal: Proposal) -> Iterator[Notice]:
    """Clusters that failed or fell silent, by the wave that brings them what they run."""
    plan, wave_statuses = proposal.plan, proposal.evaluation.wave_statuses
    if plan.restores is not None:
        if plan.failures:
            why = code(places(plan.failures), 600)
            what = code(plan.revision.sha[:12])
            yield Notice("rollback", f"Revision {what} failed and is taken back: {why}.")
        return
    found: dict[str, list[PendingUnit]] = {}
    waves = {
        unit: each.change.wave.name for each in wave_statuses for unit in each.change.wave.units
    }
    if holding(wave_statuses):
        for each in failures(wave_statuses):
            found.setdefault(f"failed {waves[each.unit]}", []).append(each)
    for each in _late(wave_statuses):
        found.setdefault(f"late {waves.get(each.unit, '')}", []).append(each)
    for key, pending in found.items():
        yield Notice(key, f"{code(places(pending), 600)}. It waits for {code(cure(pending))}.")


def _late(wave_statuses: Sequence[WaveStatus]) -> Iterator[PendingUnit]:
    """What others wait for, too long already, though it did not fail."""
    failed = {each.unit for each in failures(wave_statuses)}
    seen = set()
    for wave_status in wave_statuses:
        for gate in wave_status.gates:
            if not isinstance(gate, AwaitsDependency | AwaitsStep | AwaitsReplacement):
                continue
            for each in gate.pending:
                late = each.overdue or each.reason in STALE
                if late and each.unit not in failed and each.unit not in seen:
                    seen.add(each.unit)
                    yield each


def _of_wave(wave_status: WaveStatus) -> Iterator[Notice]:
    """What a wave lacks that only people can give."""
    wave, request = wave_status.change.wave.name, wave_status.merge_request
    others = [each for each in wave_status.gates if not isinstance(each, AwaitsApproval)]
    asked = [each for each in wave_status.gates if isinstance(each, AwaitsApproval)]
    for gate in others:
        if _is_news(gate):
            text = f"{code(wave)}: {code(reason(gate), 600)}. It waits for {code(remedy(gate))}."
            yield Notice(f"{type(gate).__name__} {wave}", text)
    if asked and not others and request is not None:
        key = f"approval {wave} {wave_status.change.digest[:12]}"
        yield Notice(key, " ".join(_asks(wave, gate) for gate in asked), request.number)


def _is_news(gate: Gate) -> bool:
    """Whether it is about the wave itself, and nobody's own doing that they know of."""
    about = AwaitsDependency | AwaitsStep | AwaitsReplacement | HeldByLabel | HeldByCommand
    return needs_person(gate) and not isinstance(gate, about)


def _asks(wave: str, gate: AwaitsApproval) -> str:
    """Who is asked; names of the fleet's policies are live, for this is to reach them."""
    missing = [each for each in gate.users if each not in gate.given]
    named = " ".join(_mention(each) for each in missing[:MOST_NAMED])
    to = f"{named}: " if named else ""
    text = f"{to}{code(wave)} lacks nothing but approval by {code(approvers(gate))}"
    return f"{text} ({code(reason(gate), 400)})."


def _mention(name: str) -> str:
    live = _NAME.fullmatch(name) is not None and name.lower() not in _EVERYBODY
    return f"@{name}" if live else code(name)
