"""What a rollout needs of people now, each with the command to copy.

A command stands in a fence, which forges show with a button to copy it. The fence is indented in a
list, so that no line of a comment begins with `/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.engine.propose import Proposal
from bot.wording.commands import PREFIX, REASON, ROLLBACK
from bot.wording.headline import STALE, blocking, failures, needs_person, stopping
from bot.wording.markdown import fence, link, plain, plural
from bot.wording.prose import NOTHING, Prose, Value, join, names, say
from bot.wording.reasons import (
    approval_rule,
    approvers,
    ignored_approvals,
    pending_clusters,
)
from bot.wording.waves import equal_gates
from planners.gating.evaluate import WaveStatus
from planners.model.gate_rules import GatePhase, GateState
from planners.model.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsGate,
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
class NextCommand:
    """A command that people can comment, without its prefix, and what for."""

    purpose: Prose
    text: str


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to do: what, where, why, and the commands that do it."""

    what: Prose
    why: Prose = NOTHING
    request: MergeRequest | None = None
    commands: tuple[NextCommand, ...] = ()
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
    lines = [f"- {need.what.markdown(600)}{where}{why}"]
    for index, command in enumerate(need.commands):
        shown = fence(plain(f"{PREFIX} {command.text}", LONGEST_COMMAND), "").splitlines()
        purpose = f"{command.purpose.markdown()}:"
        lines = [*lines, f"  {purpose}"] if index else [f"{lines[0]}. {purpose}"]
        lines += (f"  {line}" for line in shown)
    if need.later:
        lines.append(f"  {say('Later the same for {}.', names(need.later, 5)).markdown()}")
    return "\n".join(lines)


def needs(proposal: Proposal) -> list[Need]:
    """What has failed, what is silent, approvals, and what else people have stopped."""
    wave_statuses = proposal.evaluation.wave_statuses
    waiting = [each for each in wave_statuses if each.gates]
    if any(isinstance(gate, Cancelled) for each in waiting for gate in each.gates):
        return []
    return [*_failed(proposal), *_late(proposal), *_approvals(waiting), *_others(proposal, waiting)]


def _failed(proposal: Proposal) -> Iterator[Need]:
    failed = stopping(proposal)
    if failed:
        yield Need(
            say("**Repair** {}, or push a new revision", pending_clusters(failed)),
            commands=(*_skip(blocking(proposal.evaluation.wave_statuses)), *_roll_back(proposal)),
        )


def _late(proposal: Proposal) -> Iterator[Need]:
    found = list(late(proposal.evaluation.wave_statuses))
    who = "it reports" if len({each.unit.cluster for each in found}) == 1 else "they report"
    if found:
        yield Need(
            say(f"**Check** {{}}: the rollout continues when {who} Ready", pending_clusters(found)),
            commands=(*_skip(found), *_roll_back(proposal)),
        )


def _skip(awaited: Sequence[PendingUnit]) -> Iterator[NextCommand]:
    for cluster in [each.unit.cluster for each in awaited][:1]:
        yield NextCommand(say("To go on without {}, comment", cluster), f"skip {cluster} {REASON}")


def _roll_back(proposal: Proposal) -> Iterator[NextCommand]:
    if proposal.evaluation.can_roll_back:
        yield NextCommand(say("To restore what ran before this revision, comment"), ROLLBACK)


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
            (NextCommand(say("On the merge request, or by comment"), f"approve {name}"),),
            tuple(each.change.wave.name for each, _ in group if each is not first),
        )


def _others(proposal: Proposal, waiting: Iterable[WaveStatus]) -> Iterator[Need]:
    """Every other gate that waits for a person, once for all waves that have it."""
    for each in equal_gates(waiting, counts=_is_other):
        yield Need(
            names(each.names),
            say("{}; continues {}", each.reason, each.remedy),
            each.waves[0].merge_request if len(each.waves) == 1 else None,
            (*_named(each.remedy), *(_roll_back(proposal) if _is_failure(each.gate) else ())),
        )


def _is_other(gate: Gate) -> bool:
    return not isinstance(gate, AwaitsApproval | ORDER) and needs_person(gate)


def _named(how: Prose) -> Iterator[NextCommand]:
    """The last command that a remedy names."""
    values = [each.text for each in how.parts if isinstance(each, Value)]
    for command in [each for each in values if each.startswith(f"{PREFIX} ")][-1:]:
        yield NextCommand(say("To copy"), command.removeprefix(f"{PREFIX} "))


def _is_failure(gate: Gate) -> bool:
    """Whether something that is merged failed, by the result of a declared gate."""
    return (
        isinstance(gate, AwaitsGate)
        and gate.phase is GatePhase.AFTER
        and gate.state is GateState.FAILED
    )
