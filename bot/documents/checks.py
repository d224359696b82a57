"""Checks the references in an application document: between its parts, to files and the fleet.

`bot.documents.models` checks single fields. Called by `bot.documents.application`.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.documents.gate_checks import GATES, gate_problems
from bot.documents.intents import connectivity, customization, source
from bot.documents.models import ApplicationDocument, CustomizationPart
from bot.documents.models.connectivity import CalleePart, CallerPart
from bot.documents.problems import DocumentPositions, Problem, suggest
from bot.documents.references import references, unknown_references
from bot.documents.rules import check_metrics, check_rules
from bot.documents.selectors import OrderedEntry, idle_selectors, unreachable
from bot.engine import discovery
from planners.model import (
    Component,
    ComponentSource,
    CustomizationIntent,
    Dependency,
    FilePosition,
    Fleet,
    Registration,
)
from planners.model.connectivity import Protocol
from planners.order import levels
from renderers.patch import PatchError
from renderers.substitution import CALLED
from renderers.substitution import references as value_references
from renderers.tree import unread
from renderers.yaml import Path


@dataclass(frozen=True, slots=True)
class _NameReference:
    """A name that the document mentions, with its path."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class _NamedList:
    """A list of the document whose entries must have different names."""

    kind: str
    path: Path
    names: Sequence[str]


def check_application(
    document: ApplicationDocument,
    positions: DocumentPositions,
    files: Mapping[str, bytes],
    fleet: Fleet | None,
    registration: Registration | None,
) -> Iterator[Problem]:
    """Every problem that no single field shows."""
    yield from _duplicate_names(document, positions)
    yield from _unknown_components(document, positions)
    yield from _unplaced_components(document, positions)
    yield from _repeated_connections(document, positions)
    yield from _shared_hosts(document, positions)
    yield from _dependency_cycles(document, positions)
    yield from _unreachable_entries(document, positions)
    yield from _repeated_dependencies(document, positions)
    yield from check_rules(document, positions)
    yield from _empty_sources(document, positions, files)
    yield from _customization_problems(document, positions, files)
    yield from gate_problems(document, positions, files, fleet)
    if fleet is not None:
        yield from idle_selectors(document, positions, fleet)
        yield from _unknown_references(document, positions, fleet)
        yield from _unknown_origins(document, positions, fleet)
        yield from check_metrics(document, positions, fleet)
    if registration is not None:
        yield from _registration_mismatches(document, positions, registration)


def _duplicate_names(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    spec = document.spec
    stages = spec.rollout.stages
    for each in (
        _NamedList("component", ("spec", "components"), [c.name for c in spec.components]),
        _NamedList(
            "customisation", ("spec", "customizations"), [c.name for c in spec.customizations]
        ),
        _NamedList("stage", ("spec", "rollout", "stages"), [stage.name for stage in stages]),
        _NamedList("gate", GATES, [gate.name for gate in spec.rollout.gates]),
    ):
        first: dict[str, int] = {}
        for index, name in enumerate(each.names):
            if name in first:
                hint = f"first defined at {positions.at(*each.path, first[name], 'name')}"
                position = positions.at(*each.path, index, "name")
                yield Problem(position, f"duplicate {each.kind} {name!r}", hint)
            first.setdefault(name, index)


def _unknown_components(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    known = {each.name for each in document.spec.components}
    for reference in _component_references(document):
        if reference.name not in known:
            message = f"unknown component {reference.name!r}"
            hint = suggest(reference.name, known)
            yield Problem(positions.at(*reference.path), message, hint)


def _unplaced_components(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    placed = {name for each in document.spec.placement for name in each.components}
    for number, part in enumerate(document.spec.components):
        if part.name not in placed:
            position = positions.at("spec", "components", number, "name")
            message = f"component {part.name!r} has no placement"
            yield Problem(position, message, "add it to an entry of spec.placement")


def _component_references(document: ApplicationDocument) -> Iterator[_NameReference]:
    """Every mention of a component of this application."""
    spec = document.spec
    for number, part in enumerate(spec.components):
        for index, dependency in enumerate(part.depends_on):
            path: Path = ("spec", "components", number, "dependsOn", index, "component")
            if dependency.application is None:
                yield _NameReference(dependency.component, path)
    for number, placement in enumerate(spec.placement):
        for index, name in enumerate(placement.components):
            yield _NameReference(name, ("spec", "placement", number, "components", index))
        for index, rule in enumerate(placement.affinity):
            path = ("spec", "placement", number, "affinity", index, "component")
            if rule.application is None:
                yield _NameReference(rule.component, path)
    yield from _connected_components(document)
    lists = [("customizations", n, each.components) for n, each in enumerate(spec.customizations)]
    lists += [("exceptions", n, each.components) for n, each in enumerate(spec.exceptions)]
    for key, number, components in lists:
        for index, name in enumerate(components):
            yield _NameReference(name, ("spec", key, number, "components", index))


def _connected_components(document: ApplicationDocument) -> Iterator[_NameReference]:
    for number, intent in enumerate(document.spec.connectivity):
        sides: tuple[tuple[str, CallerPart | CalleePart], ...] = (
            ("from", intent.caller),
            ("to", intent.callee),
        )
        for key, part in sides:
            if part.own:
                name = str(part.component)
                yield _NameReference(name, ("spec", "connectivity", number, key, "component"))


def _repeated_connections(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    """Intents for one pair: what two of them allow would be open, which none of them says."""
    first: dict[Hashable, FilePosition] = {}
    for number, part in enumerate(document.spec.connectivity):
        position = positions.at("spec", "connectivity", number)
        intent = connectivity(part, position)
        callee = replace(intent.callee, protocol=Protocol.TCP)
        host = intent.external.host if intent.external else ""
        key = (intent.caller, callee, intent.callee.protocol.transport, host)
        if key in first:
            message = f"duplicate connectivity from {intent}, first declared at {first[key]}"
            hint = "write one entry, with all requests in its `allow` and one `tls`"
            yield Problem(position, message, hint)
        first.setdefault(key, position)


def _shared_hosts(document: ApplicationDocument, positions: DocumentPositions) -> Iterator[Problem]:
    """External hosts of several components: callers of one host reach one gateway."""
    owners: dict[str, str | None] = {}
    for number, part in enumerate(document.spec.connectivity):
        if part.external is not None:
            owner = owners.setdefault(part.external.host, part.callee.component)
            if owner != part.callee.component:
                position = positions.at("spec", "connectivity", number, "external", "host")
                message = f"host {part.external.host} already leads to component {owner}"
                yield Problem(position, message, "give each component a host of its own")


def _unknown_references(
    document: ApplicationDocument, positions: DocumentPositions, fleet: Fleet
) -> Iterator[Problem]:
    """Clusters, their labels and other applications that the fleet does not have."""
    known = {
        "cluster": {each.name for each in fleet.clusters},
        "application": {each.application for each in fleet.registrations},
        "cluster label": {label for each in fleet.clusters for label in each.labels},
    }
    return unknown_references(document, positions, known)


def _dependency_cycles(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    components = [
        Component(
            part.name,
            ComponentSource("manifests", ""),
            tuple(
                Dependency(each.component) for each in part.depends_on if each.application is None
            ),
        )
        for part in document.spec.components
    ]
    try:
        levels(components)
    except ValueError as error:
        hint = "remove one of these dependencies"
        yield Problem(positions.at("spec", "components"), str(error), hint)


def _unreachable_entries(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    """Stages and weights after one that leaves them no cluster."""
    stages = enumerate(document.spec.rollout.stages)
    yield from unreachable(
        OrderedEntry(
            f"stage {each.name!r}",
            each.clusters.value() if each.clusters else None,
            positions.at("spec", "rollout", "stages", number),
        )
        for number, each in stages
    )
    for number, placement in enumerate(document.spec.placement):
        path: Path = ("spec", "placement", number, "replicas", "weights")
        weights = placement.replicas.weights if placement.replicas else ()
        yield from unreachable(
            OrderedEntry(f"weight {each.weight}", each.clusters.value(), positions.at(*path, index))
            for index, each in enumerate(weights)
        )


def _repeated_dependencies(
    document: ApplicationDocument, positions: DocumentPositions
) -> Iterator[Problem]:
    """A dependency that is there twice, or names this application as another one."""
    for number, part in enumerate(document.spec.components):
        first: dict[tuple[str | None, str], FilePosition] = {}
        for index, each in enumerate(part.depends_on):
            position = positions.at("spec", "components", number, "dependsOn", index)
            key = each.application, each.component
            if key in first:
                message = f"duplicate dependency of {part.name!r} on {each.component!r}"
                yield Problem(position, message, f"first declared at {first[key]}; keep one")
            first.setdefault(key, position)
    for reference in references(document):
        if (reference.what, reference.name) == ("application", document.metadata.name):
            message = f"{reference.name!r} is this application"
            yield Problem(positions.at(*reference.path), message, "leave out `application`")


def _empty_sources(
    document: ApplicationDocument, positions: DocumentPositions, files: Mapping[str, bytes]
) -> Iterator[Problem]:
    for number, part in enumerate(document.spec.components):
        found = source(part.source)
        at: Path = ("spec", "components", number, "source", found.kind)
        prefix = f"{found.path}/" if found.path else ""
        if not found.digest and not any(path.startswith(prefix) for path in files):
            folders = {path.rpartition("/")[0] for path in files if "/" in path}
            hint = suggest(found.path, folders)
            yield Problem(positions.at(*at), f"no files in folder {found.path!r}", hint)
        for file in found.files:
            if file not in files:
                message = f"file {file!r} not found"
                yield Problem(positions.at(*at), message, suggest(file, files))


def _unknown_origins(
    document: ApplicationDocument, positions: DocumentPositions, fleet: Fleet
) -> Iterator[Problem]:
    """Charts from places that no policy names for the tenant."""
    for number, part in enumerate(document.spec.components):
        found, tenant = source(part.source), document.spec.tenant
        if found.digest and fleet.chart_origin(found.path, tenant) is None:
            yield Problem(
                positions.at("spec", "components", number, "source", found.kind),
                f"no policy of the fleet lets tenant {tenant!r} use the chart {found.path}",
                f"add `charts: [{{from: {found.path.rpartition('/')[0]}}}]` to a policy of the "
                f"fleet repo",
            )


def _customization_problems(
    document: ApplicationDocument, positions: DocumentPositions, files: Mapping[str, bytes]
) -> Iterator[Problem]:
    """Invalid patches, and files that do not exist."""
    patches = discovery.patches()
    for number, part in enumerate(document.spec.customizations):
        path: Path = ("spec", "customizations", number)
        intent = customization(part, positions.at(*path))
        if intent.kind:
            try:
                patches[intent.kind].check(intent.body)
            except PatchError as error:
                yield Problem(positions.at(*path, intent.kind), str(error))
        if intent.values is not None:
            position = positions.at(*path, "helmValues")
            yield from _charts_missing(document, intent, position)
            yield from _unresolved_values(intent, position)
        for file in intent.files:
            if file not in files:
                position = positions.at(*path, *_file_path(part, file))
                why = unread(files).get(file, "not found")
                hint = "" if file in unread(files) else suggest(file, files)
                yield Problem(position, f"file {file!r} {why}", hint)


def _charts_missing(
    document: ApplicationDocument, intent: CustomizationIntent, position: FilePosition
) -> Iterator[Problem]:
    """Values for components that have no chart."""
    kinds = {each.name: source(each.source).kind for each in document.spec.components}
    for name in intent.components:
        if name in kinds and not discovery.sources()[kinds[name]].per_cluster:
            message = f"component {name!r} takes no values: its source is {kinds[name]}"
            yield Problem(position, message, "use a patch, or give it a Helm chart")


def _unresolved_values(intent: CustomizationIntent, position: FilePosition) -> Iterator[Problem]:
    """Values that are known only after charts are rendered."""
    for name in sorted(value_references(intent.values)):
        if name.startswith(CALLED):
            message = f"${{{name}}} is not available in helmValues: placement decides it"
            yield Problem(position, message, "use a patch or a template")


def _file_path(part: CustomizationPart, file: str) -> Path:
    """The path of a file's mention within its customisation."""
    if part.template is not None:
        return ("template",)
    name, data = ("configMap", part.config_map) if part.config_map else ("secret", part.secret)
    assert data is not None
    index = next(number for number, each in enumerate(data.files) if each.file == file)
    return (name, "files", index, "file")


def _registration_mismatches(
    document: ApplicationDocument, positions: DocumentPositions, registration: Registration
) -> Iterator[Problem]:
    name, tenant = document.metadata.name, document.spec.tenant
    if name != registration.application:
        message = f"the name is {name!r}, but the fleet registers {registration.application!r}"
        yield Problem(positions.at("metadata", "name"), message)
    if tenant != registration.tenant:
        message = f"the tenant is {tenant!r}, but the fleet registers {registration.tenant!r}"
        yield Problem(positions.at("spec", "tenant"), message)
