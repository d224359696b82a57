"""What an application's parts say of each other, of its files and of the fleet."""

from collections.abc import Iterator, Mapping, Sequence

from bot.documents.intents import customization
from bot.documents.models import AnyOfPart, ApplicationDocument, CustomizationPart
from bot.documents.problems import Located, Problem, nearest
from bot.documents.types import SelectorPart
from bot.engine import discovery
from planners.model import Component, ComponentSource, Dependency, Fleet, Registration
from planners.model.selectors import Selector
from planners.order import levels
from renderers.patch import PatchError
from renderers.yaml import Path


def check_application(
    document: ApplicationDocument,
    located: Located,
    files: Mapping[str, bytes],
    fleet: Fleet | None,
    registration: Registration | None,
) -> Iterator[Problem]:
    """Every mistake that a single field does not show."""
    yield from _names(document, located)
    yield from _references(document, located)
    yield from _cycles(document, located)
    yield from _sources(document, located, files)
    yield from _customizations(document, located, files)
    if fleet is not None:
        yield from _selectors(document, located, fleet)
        yield from _clusters(document, located, fleet)
        yield from _abroad(document, located, fleet)
    if registration is not None:
        yield from _registration(document, located, registration)


def _names(document: ApplicationDocument, located: Located) -> Iterator[Problem]:
    spec = document.spec
    lists: list[tuple[str, Path, Sequence[str]]] = [
        ("component", ("spec", "components"), [each.name for each in spec.components]),
        ("customisation", ("spec", "customizations"), [each.name for each in spec.customizations]),
        ("stage", ("spec", "rollout", "stages"), [each.name for each in spec.rollout.stages]),
    ]
    for what, path, names in lists:
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            if name in first:
                where = located.at(*path, first[name], "name")
                message = f"{what} {name!r} stands twice, first at {where}"
                yield Problem(located.at(*path, index, "name"), message)
            first.setdefault(name, index)


def _references(document: ApplicationDocument, located: Located) -> Iterator[Problem]:
    known = {each.name for each in document.spec.components}
    for name, path in _used(document):
        if name not in known:
            yield Problem(located.at(*path), f"unknown component {name!r}", nearest(name, known))
    placed = {name for each in document.spec.placement for name in each.components}
    for number, part in enumerate(document.spec.components):
        if part.name not in placed:
            place = located.at("spec", "components", number, "name")
            hint = "name it in an entry of spec.placement"
            yield Problem(place, f"component {part.name!r} is placed nowhere", hint)


def _used(document: ApplicationDocument) -> Iterator[tuple[str, Path]]:
    """Every component that is named somewhere, with where."""
    spec = document.spec
    for number, part in enumerate(spec.components):
        for index, need in enumerate(part.depends_on):
            path: Path = ("spec", "components", number, "dependsOn", index, "component")
            if need.application is None:
                yield need.component, path
    for number, placement in enumerate(spec.placement):
        for index, name in enumerate(placement.components):
            yield name, ("spec", "placement", number, "components", index)
        for index, rule in enumerate(placement.affinity):
            if rule.application is None:
                yield rule.component, ("spec", "placement", number, "affinity", index, "component")
    named = [("customizations", n, c.components) for n, c in enumerate(spec.customizations)]
    named += [("exceptions", n, each.components) for n, each in enumerate(spec.exceptions)]
    for key, number, components in named:
        yield from (
            (name, ("spec", key, number, "components", i)) for i, name in enumerate(components)
        )


def _abroad(document: ApplicationDocument, located: Located, fleet: Fleet) -> Iterator[Problem]:
    """Other applications that are named must be registered."""
    spec = document.spec
    known = {each.application for each in fleet.registrations}
    used: list[tuple[str | None, Path]] = []
    for number, part in enumerate(spec.components):
        for index, need in enumerate(part.depends_on):
            path: Path = ("spec", "components", number, "dependsOn", index, "application")
            used.append((need.application, path))
    for number, placement in enumerate(spec.placement):
        for index, rule in enumerate(placement.affinity):
            used.append((rule.application, ("spec", "placement", number, "affinity", index)))
    for name, path in used:
        if name is not None and name not in known:
            message = f"the fleet registers no application {name!r}"
            yield Problem(located.at(*path), message, nearest(name, known))


def _cycles(document: ApplicationDocument, located: Located) -> Iterator[Problem]:
    parts = [
        Component(
            part.name,
            ComponentSource("manifests", ""),
            tuple(
                Dependency(need.component) for need in part.depends_on if need.application is None
            ),
        )
        for part in document.spec.components
    ]
    try:
        levels(parts)
    except ValueError as error:
        yield Problem(located.at("spec", "components"), str(error), "take one arrow away")


def _sources(
    document: ApplicationDocument, located: Located, files: Mapping[str, bytes]
) -> Iterator[Problem]:
    for number, part in enumerate(document.spec.components):
        ((kind, folder),) = part.source.chosen().items()
        start = f"{folder}/" if folder else ""
        if not any(path.startswith(start) for path in files):
            place = located.at("spec", "components", number, "source", kind)
            folders = {path.rpartition("/")[0] for path in files if "/" in path}
            yield Problem(place, f"no files in {folder!r}", nearest(str(folder), folders))


def _customizations(
    document: ApplicationDocument, located: Located, files: Mapping[str, bytes]
) -> Iterator[Problem]:
    patches = discovery.patches()
    for number, part in enumerate(document.spec.customizations):
        start: Path = ("spec", "customizations", number)
        intent = customization(part, located.at(*start))
        if intent.kind:
            try:
                patches[intent.kind].check(intent.body)
            except PatchError as error:
                yield Problem(located.at(*start, intent.kind), str(error))
        for file in intent.files:
            if file not in files:
                place = located.at(*start, *_file_path(part, file))
                yield Problem(place, f"no file {file!r}", nearest(file, files))


def _file_path(part: CustomizationPart, file: str) -> Path:
    if part.template is not None:
        return ("template",)
    name, data = ("configMap", part.config_map) if part.config_map else ("secret", part.secret)
    assert data is not None
    index = next(number for number, each in enumerate(data.files) if each.file == file)
    return (name, "files", index, "file")


def _selectors(document: ApplicationDocument, located: Located, fleet: Fleet) -> Iterator[Problem]:
    spec = document.spec
    used: list[tuple[SelectorPart | None, Path]] = []
    for number, placement in enumerate(spec.placement):
        start: Path = ("spec", "placement", number)
        for index, entry in enumerate(placement.all_of):
            if entry.any_of is None:
                used.append((entry, (*start, "allOf", index)))
            else:
                used += _selected(entry.any_of, (*start, "allOf", index, "anyOf", "select"))
        if placement.any_of is not None:
            used += _selected(placement.any_of, (*start, "anyOf", "select"))
    for number, change in enumerate(spec.customizations):
        start = ("spec", "customizations", number)
        used += [(change.clusters, (*start, "clusters")), (change.excluded, (*start, "except"))]
    for number, stage in enumerate(spec.rollout.stages):
        used.append((stage.clusters, ("spec", "rollout", "stages", number, "clusters")))
    for number, each in enumerate(spec.exceptions):
        used.append((each.clusters, ("spec", "exceptions", number, "clusters")))
    for selector, path in ((part.value(), path) for part, path in used if part is not None):
        if not any(selector.matches(cluster) for cluster in fleet.clusters):
            message = f"{selector} selects no cluster of the fleet"
            yield Problem(located.at(*path), message, _hint(selector, fleet))


def _clusters(document: ApplicationDocument, located: Located, fleet: Fleet) -> Iterator[Problem]:
    """Clusters that exceptions name must be there."""
    known = {cluster.name for cluster in fleet.clusters}
    for number, exception in enumerate(document.spec.exceptions):
        for key, names in (("add", exception.add), ("remove", exception.remove)):
            for index, name in enumerate(names):
                if name not in known:
                    place = located.at("spec", "exceptions", number, key, index)
                    message = f"the fleet has no cluster {name!r}"
                    yield Problem(place, message, nearest(name, known))


def _selected(part: AnyOfPart, path: Path) -> list[tuple[SelectorPart | None, Path]]:
    if isinstance(part.select, list):
        return [(each, (*path, index)) for index, each in enumerate(part.select)]
    return [(part.select, path)]


def _hint(selector: Selector, fleet: Fleet) -> str:
    """The nearest name or label that some cluster has."""
    known = {cluster.name for cluster in fleet.clusters}
    for name in selector.names:
        if name not in known:
            return nearest(name, known)
    for key, value in selector.match_labels.items():
        values = {c.labels[key] for c in fleet.clusters if key in c.labels}
        if not values:
            keys = {name for cluster in fleet.clusters for name in cluster.labels}
            return nearest(key, keys)
        if value not in values:
            return f"{key} is one of: {', '.join(sorted(values)[:8])}"
    return ""


def _registration(
    document: ApplicationDocument, located: Located, registration: Registration
) -> Iterator[Problem]:
    name, tenant = document.metadata.name, document.spec.tenant
    if name != registration.application:
        message = f"the application is called {name!r}, but registered as"
        yield Problem(located.at("metadata", "name"), f"{message} {registration.application!r}")
    if tenant != registration.tenant:
        message = f"tenant is {tenant!r}, but the fleet repo registers it for"
        yield Problem(located.at("spec", "tenant"), f"{message} {registration.tenant!r}")
