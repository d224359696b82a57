"""What a rollout needs of people now, each with the command to copy.

A command stands in a fence, which forges show with a button to copy it. The fence is indented in a
list, so that no line of a comment begins with `/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording.commands import PREFIX, REASON
from bot.wording.headline import STALE, failures, holding, needs_person
from bot.wording.markdown import fence, link, plain, plural
from bot.wording.prose import NOTHING, Prose, Value, join, names, say
from bot.wording.reasons import (
    approval_rule,
    approvers,
    ignored_approvals,
    pending_clusters,
    reason,
    remedy,
)
from planners.gating.evaluate import WaveStatus
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Cancelled,
    Gate,
    PendingUnit,
)
from planners.model.snapshot import MergeRequest

MOST = 4
LONGEST_COMMAND = 300
ORDER = AwaitsDependency | AwaitsStep | AwaitsReplacement


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to do: what, where, why, and how with the command."""

    what: Prose
    why: Prose = NOTHING
    request: MergeRequest | None = None
    how: Prose = NOTHING
    command: str = ""
    later: tuple[str, ...] = ()


def section(proposal: Proposal, sign: str, most: int = MOST) -> str:
    """The first of them, and how many more there are; empty while nobody is needed."""
    found = needs(proposal)
    lines = [_item(each, sign) for each in found[:most]]
    if len(found) > most:
        lines.append(f"- and {plural(len(found) - most, 'more thing')}: see the closed gates")
    return "\n".join(lines)


def _item(need: Need, sign: str) -> str:
    where = why = ""
    if need.request is not None:
        where = f", {link(f'{sign}{need.request.number}', need.request.url)}"
    if need.why:
        why = f": {need.why.markdown(600)}"
    text = f"- {need.what.markdown(600)}{where}{why}"
    if need.command:
        shown = fence(plain(f"{PREFIX} {need.command}", LONGEST_COMMAND), "").splitlines()
        text = "\n".join([f"{text}. {need.how.markdown()}:", *(f"  {line}" for line in shown)])
    if need.later:
        return f"{text}\n  {say('Later the same for {}.', names(need.later, 5)).markdown()}"
    return text


def needs(proposal: Proposal) -> list[Need]:
    """What has failed, what is silent, approvals, and what else people have stopped."""
    wave_statuses = proposal.evaluation.wave_statuses
    waiting = [each for each in wave_statuses if each.gates]
    if any(isinstance(gate, Cancelled) for each in waiting for gate in each.gates):
        return []
    return [*_failed(proposal), *_silent(wave_statuses), *_approvals(waiting), *_others(waiting)]


def _failed(proposal: Proposal) -> Iterator[Need]:
    wave_statuses = proposal.evaluation.wave_statuses
    if proposal.plan.restores is not None or not holding(wave_statuses):
        return
    failed = failures(wave_statuses)
    yield Need(
        say("**Repair** {}, or push a new revision", pending_clusters(failed)),
        how=say("To go on without {}, comment", failed[0].unit.cluster),
        command=f"skip {failed[0].unit.cluster} {REASON}",
    )


def _silent(wave_statuses: Sequence[WaveStatus]) -> Iterator[Need]:
    found = list(late(wave_statuses))
    if found:
        yield Need(
            say("**Check** {}: the rollout continues when it reports", pending_clusters(found)),
            how=say("To go on without {}, comment", found[0].unit.cluster),
            command=f"skip {found[0].unit.cluster} {REASON}",
        )


def late(wave_statuses: Sequence[WaveStatus]) -> Iterator[PendingUnit]:
    """Units that others have waited for too long, though they did not fail."""
    failed = {each.unit for each in failures(wave_statuses)}
    seen = set()
    for wave_status in wave_statuses:
        for gate in wave_status.gates:
            if not isinstance(gate, ORDER):
                continue
            for each in gate.pending:
                overdue = each.overdue or each.reason in STALE
                if overdue and each.unit not in failed and each.unit not in seen:
                    seen.add(each.unit)
                    yield each


def _approvals(waiting: Iterable[WaveStatus]) -> Iterator[Need]:
    """One for each group of approvers: the wave whose turn is next, and those that come later."""
    groups: dict[Prose, list[tuple[WaveStatus, AwaitsApproval]]] = {}
    for each in waiting:
        for gate in each.gates:
            if isinstance(gate, AwaitsApproval):
                key = say("{} {}", approvers(gate), approval_rule(gate))
                groups.setdefault(key, []).append((each, gate))
    for group in groups.values():
        turn = [pair for pair in group if all(map(needs_person, pair[0].gates))]
        first, gate = (turn or group)[0]
        ignored, name = ignored_approvals(gate), first.change.wave.name
        rule = [approval_rule(gate), *([ignored] if ignored else [])]
        yield Need(
            say("**Approve** {}", name),
            say("by {} ({})", approvers(gate), join("; ", rule)),
            first.merge_request,
            say("On the merge request, or by comment"),
            f"approve {name}",
            tuple(each.change.wave.name for each, _ in group if each is not first),
        )


def _others(waiting: Iterable[WaveStatus]) -> Iterator[Need]:
    """Every other gate that waits for a person, once for all waves that have it."""
    found: dict[Prose, tuple[Gate, list[WaveStatus]]] = {}
    for each in waiting:
        for gate in each.gates:
            if needs_person(gate) and not isinstance(gate, AwaitsApproval | ORDER):
                found.setdefault(reason(gate), (gate, []))[1].append(each)
    for why, (gate, waves) in found.items():
        yield Need(
            names([each.change.wave.name for each in waves]),
            say("{}; continues {}", why, remedy(gate)),
            waves[0].merge_request if len(waves) == 1 else None,
            say("To copy"),
            _command(remedy(gate)),
        )


def _command(how: Prose) -> str:
    """The last command that a remedy names, without its prefix."""
    commands = [each.text for each in how.parts if isinstance(each, Value)]
    found = [each for each in commands if each.startswith(f"{PREFIX} ")]
    return found[-1].removeprefix(f"{PREFIX} ") if found else ""
