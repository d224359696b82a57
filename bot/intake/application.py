"""Reads an app repo's `switchyard.yaml` and checks it against its files and the fleet."""

from collections.abc import Mapping

from pydantic import ValidationError

from bot import discovery
from bot.intake.checks import check_application
from bot.intake.documents import (
    ApplicationDocument,
    ComponentPart,
    CustomizationPart,
    PlacementPart,
    StagePart,
)
from bot.intake.problems import Located, Problem, finish, from_pydantic
from planners.model import (
    AnyOf,
    Application,
    Component,
    Count,
    CustomizationIntent,
    Dependency,
    Fleet,
    On,
    Place,
    PlacementIntent,
    Registration,
    Source,
    Stage,
    Target,
    When,
)
from renderers import yamlio

FILE = "switchyard.yaml"


def read_application(
    files: Mapping[str, bytes],
    fleet: Fleet | None,
    registration: Registration | None,
) -> tuple[Application | None, tuple[Problem, ...]]:
    """The application in a folder (`files` by their paths in it), and every mistake.

    `fleet` and `registration` are checked against when given. With a mistake the value may be None,
    or must not be used.
    """
    content = files.get(FILE)
    if content is None:
        hint = "write one; docs/reference/documents.md describes it"
        return None, (Problem(Place(FILE, 1, 1), "the file is missing", hint),)
    try:
        documents = yamlio.load_documents(content)
    except yamlio.YamlError as error:
        return None, (Problem(Place(FILE, error.line, error.column), str(error)),)
    if len(documents) != 1:
        message = f"{len(documents)} documents; expected one Application"
        return None, (Problem(Place(FILE, 1, 1), message),)
    located = Located(FILE, documents[0].places)
    try:
        read = ApplicationDocument.model_validate(documents[0].value)
    except ValidationError as error:
        return None, finish(from_pydantic(error, ApplicationDocument, located))
    problems = check_application(read, located, files, fleet, registration)
    return _application(read, located), finish(problems)


def _application(document: ApplicationDocument, located: Located) -> Application:
    spec = document.spec
    return Application(
        name=document.metadata.name,
        tenant=spec.tenant,
        components=tuple(
            sorted((_component(each) for each in spec.components), key=lambda part: part.name)
        ),
        placements=tuple(_placement(each) for each in spec.placement),
        customizations=tuple(
            _customization(each, located.at("spec", "customizations", index))
            for index, each in enumerate(spec.customizations)
        ),
        stages=tuple(_stage(each) for each in spec.rollout.stages),
    )


def _component(part: ComponentPart) -> Component:
    source = part.source
    if source.manifests is not None:
        where = Source("manifests", source.manifests)
    else:
        where = Source("kustomize", source.kustomize or "")
    defaults = Dependency(part.name)
    return Component(
        part.name,
        where,
        tuple(
            Dependency(
                need.component,
                When(need.when),
                On(need.on),
                need.quorum,
                need.soak if need.soak is not None else defaults.soak,
                need.timeout if need.timeout is not None else defaults.timeout,
            )
            for need in part.depends_on
        ),
    )


def _placement(part: PlacementPart) -> PlacementIntent:
    any_of = None
    if part.any_of is not None:
        count = Count(part.any_of.count, part.any_of.count)
        any_of = AnyOf((part.any_of.select.value(),), count)
    return PlacementIntent(
        tuple(part.components), tuple(each.value() for each in part.all_of), any_of
    )


def _customization(part: CustomizationPart, place: Place) -> CustomizationIntent:
    bodies = {"strategicMerge": part.strategic_merge, "jsonPatch": part.json_patch}
    kind, body = next((kind, body) for kind, body in bodies.items() if body is not None)
    assert kind in discovery.customizers()
    return CustomizationIntent(
        name=part.name,
        components=tuple(part.components),
        target=Target(part.target.kind, part.target.name),
        kind=kind,
        body=body,
        clusters=part.clusters.value() if part.clusters else None,
        excluded=part.excluded.value() if part.excluded else None,
        place=place,
    )


def _stage(part: StagePart) -> Stage:
    size = part.max_at_once
    return Stage(
        part.name,
        part.clusters.value() if part.clusters else None,
        part.soak if part.soak is not None else Stage(part.name).soak,
        size if isinstance(size, int) else None,
        int(size.removesuffix("%")) if isinstance(size, str) else None,
    )
