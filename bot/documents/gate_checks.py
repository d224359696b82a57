"""Checks declared gates: names, stages, servers, and gates that could never open."""

from collections.abc import Iterator, Mapping, Sequence

from bot.documents.intents import gate
from bot.documents.models import ApplicationDocument, GatePart, PolicyDocument
from bot.documents.problems import DocumentPositions, Problem, suggest
from planners.model import FilePosition, Fleet
from planners.model.fleet import policy_gates
from planners.model.gate_rules import GatePhase, GateRule
from planners.order import LEFTOVERS

GATES = ("spec", "rollout", "gates")
IN_CLUSTER = frozenset({"install", "update"})


def gate_problems(
    document: ApplicationDocument,
    positions: DocumentPositions,
    files: Mapping[str, bytes],
    fleet: Fleet | None,
) -> Iterator[Problem]:
    """Every problem of the gates of an application."""
    spec = document.spec
    stages = {LEFTOVERS, *(each.name for each in spec.rollout.stages)}
    components = {each.name for each in spec.components}
    for number, part in enumerate(spec.rollout.gates):
        rule, position = gate(part), positions.at(*GATES, number, "name")
        for index, name in enumerate(part.stages):
            if name not in stages:
                at = positions.at(*GATES, number, "stages", index)
                yield Problem(at, f"unknown stage {name!r}", suggest(name, stages))
        yield from rule_problems(part, rule, position)
        if rule.settings.folder:
            yield from _folder_problems(rule, position, files, components)
        if fleet is not None:
            yield from _taken_names(rule, position, fleet, spec.tenant)
            yield from server_problems(rule, position, fleet, spec.tenant)


def policy_gate_problems(
    document: PolicyDocument, positions: DocumentPositions, fleet: Fleet
) -> Iterator[Problem]:
    """Every problem of the gates of a policy; its servers must serve all tenants that it holds."""
    first: set[str] = set()
    known = [each.name for each in fleet.tenants]
    for number, part in enumerate(document.spec.gates):
        rule, position = gate(part), positions.at("spec", "gates", number, "name")
        if rule.name in first:
            yield Problem(position, f"duplicate gate {rule.name!r}")
        first.add(rule.name)
        yield from rule_problems(part, rule, position)
        if rule.settings.folder:
            message = f"gate {rule.name!r} runs in the cluster: a policy has no manifests"
            yield Problem(position, message, "declare it in the applications")
        for name in part.tenants or known:
            yield from server_problems(rule, position, fleet, name)


def rule_problems(part: GatePart, rule: GateRule, position: FilePosition) -> Iterator[Problem]:
    """Gates that could never open."""
    if rule.settings.defect:
        yield Problem(position, f"gate {rule.name!r} can never open: {rule.settings.defect}")
    delivery = IN_CLUSTER & set(part.actions)
    if rule.settings.folder and delivery and delivery != IN_CLUSTER:
        yield Problem(
            position,
            f"gate {rule.name!r} runs in the cluster, with everything that is installed or updated",
            "let `on` have both `install` and `update`, or none of them, or use another kind",
        )
    if rule.settings.folder and rule.phase is GatePhase.AFTER and "removal" in part.actions:
        yield Problem(
            position,
            f"gate {rule.name!r} runs in the cluster, where a removal leaves nothing to run beside",
            "set `phase: before`, or use another kind of gate",
        )


def server_problems(
    rule: GateRule, position: FilePosition, fleet: Fleet, tenant: str
) -> Iterator[Problem]:
    """Gates that ask a server that no policy names for the tenant."""
    address = rule.settings.server
    if address and fleet.gate_server(address, tenant) is None:
        yield Problem(
            position,
            f"no policy of the fleet lets gates of tenant {tenant!r} ask {address}",
            f'add `gateServers: [{{at: "{address}"}}]` to a policy of the fleet repo',
        )


def _taken_names(
    rule: GateRule, position: FilePosition, fleet: Fleet, tenant: str
) -> Iterator[Problem]:
    """A name stands for one gate: overriding the own one must not open the platform's."""
    for each in policy_gates(fleet.policies, tenant):
        if each.name == rule.name:
            message = f"policy {each.policy!r} has a gate {rule.name!r}, too"
            yield Problem(position, message, "choose another name")


def _folder_problems(
    rule: GateRule,
    position: FilePosition,
    files: Mapping[str, bytes],
    components: Sequence[str] | set[str],
) -> Iterator[Problem]:
    folder = rule.settings.folder
    if not any(path.startswith(f"{folder}/") for path in files):
        folders = {path.rpartition("/")[0] for path in files if "/" in path}
        yield Problem(position, f"no files in folder {folder!r}", suggest(folder, folders))
    if rule.name in components:
        yield Problem(
            position,
            f"gate {rule.name!r} has the name of a component",
            "its objects are delivered as a component of that name: choose another one",
        )
