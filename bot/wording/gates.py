"""Declared gates in words: what each asks, why it is closed, and how it opens."""

from dataclasses import fields
from datetime import timedelta

from bot.wording.prose import NOTHING, Prose, join, names, say
from bot.wording.timetable import span
from planners.model.gate_rules import GatePhase, GateRule, GateSettings, GateState, OnTimeout
from planners.model.gates import AwaitsGate

MOST = 40


def declared_gate(rule: GateRule) -> Prose:
    """A gate as declared: what it asks, when, and what follows without a result."""
    stages = say(" of stage {}", names(rule.stages, MOST)) if rule.stages else NOTHING
    clusters = NOTHING
    if rule.clusters is not None:
        clusters = say(" on clusters with {}", str(rule.clusters))
    by = say(" of policy {}", rule.policy) if rule.policy else NOTHING
    done = ", ".join(rule.actions)
    late = "fails" if rule.on_timeout is OnTimeout.FAIL else "holds"
    return say(
        f"gate {{}}{{}} {rule.phase} {done}{{}}{{}}: {{}} {{}}; without a result within "
        f"{span(rule.timeout)} it {late}",
        rule.name,
        by,
        stages,
        clusters,
        rule.kind,
        _settings(rule.settings),
    )


def _settings(settings: GateSettings) -> Prose:
    given = ((each.name, getattr(settings, each.name)) for each in fields(settings))
    return join(", ", [say("{} {}", name, _text(value)) for name, value in given])


def _text(value: object) -> str:
    return span(value) if isinstance(value, timedelta) else str(value)


def gate_reason(gate: AwaitsGate) -> Prose:
    """Why a declared gate is closed."""
    told = gate.message.rstrip(". ")
    what = say("gate {} {} {}", gate.name, gate.phase.value, gate.wave)
    if gate.phase is GatePhase.BEFORE:
        what = say("gate {}", gate.name)
    if gate.begins:
        return say("{}: it is asked when {}", what, gate.begins)
    where = say(" ({})", gate.url) if gate.url else NOTHING
    if gate.state is GateState.FAILED and not gate.overdue:
        return say("{} failed: {}{}", what, told or "no reason given", where)
    if gate.overdue:
        late = "failed: no result in time" if gate.state is GateState.FAILED else "is overdue"
        return say(f"{{}} {late}{{}}{{}}", what, say(": {}", told) if told else NOTHING, where)
    return say("waits for {}{}{}", what, say(": {}", told) if told else NOTHING, where)


def gate_remedy(gate: AwaitsGate) -> Prose:
    """Who or what opens it; follows the verb `clears`."""
    override = f"/switchyard override {gate.name} --reason TEXT"
    if gate.begins:
        return say("automatically, once it has been asked and passes")
    if gate.state is GateState.FAILED:
        return say(
            "with a new revision, or when someone comments {} or {}",
            f"/switchyard retry {gate.name}",
            override,
        )
    if gate.overdue:
        return say("when it passes, or when someone comments {}", override)
    return say("automatically, when it passes")
