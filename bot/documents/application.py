"""Reads an app repo's `switchyard.yaml`, and checks it against its files and the fleet."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from bot.documents import intents
from bot.documents.checks import check_application
from bot.documents.models import ApplicationDocument, ComponentPart, DependencyPart
from bot.documents.problems import DocumentPositions, Problem, sorted_problems, validation_problems
from bot.documents.rules import rule
from planners.gate_jobs import with_gate_jobs
from planners.model import (
    Application,
    Component,
    Dependency,
    DependencyCondition,
    DependencyScope,
    FilePosition,
    Fleet,
    OfflineMode,
    OnFailure,
    Registration,
)
from planners.model.connectivity import ConnectivityIntent
from renderers import yaml
from renderers.tree import unread

FILE = "switchyard.yaml"


@dataclass(frozen=True, slots=True)
class LoadedApplication:
    """The application of a document, and its problems; not to be used if there are any.

    `application` is None if the document cannot be read at all.
    """

    application: Application | None = None
    problems: tuple[Problem, ...] = ()


def read_application(
    files: Mapping[str, bytes],
    fleet: Fleet | None,
    registration: Registration | None,
) -> LoadedApplication:
    """Read the application in a folder; `files` are the folder's files by path.

    The document is checked against `fleet` and `registration` if they are given.
    """
    content = files.get(FILE)
    if FILE in unread(files):
        return _unreadable(Problem(FilePosition(FILE, 1, 1), unread(files)[FILE]))
    if content is None:
        hint = "create it; docs/reference/documents.md describes it"
        return _unreadable(Problem(FilePosition(FILE, 1, 1), "file not found", hint))
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        return _unreadable(Problem(FilePosition(FILE, error.line, error.column), str(error)))
    if len(documents) != 1:
        message = f"found {len(documents)} documents; expected one Application"
        return _unreadable(Problem(FilePosition(FILE, 1, 1), message))
    positions = DocumentPositions(FILE, documents[0].places)
    try:
        document = ApplicationDocument.model_validate(documents[0].value)
    except ValidationError as error:
        return _unreadable(*validation_problems(error, ApplicationDocument, positions))
    problems = check_application(document, positions, files, fleet, registration)
    application = with_gate_jobs(_application(document, positions))
    return LoadedApplication(application, sorted_problems(problems))


def read_connectivity(content: bytes) -> tuple[ConnectivityIntent, ...] | None:
    """What a `switchyard.yaml` declares of connectivity, unchecked; None if it cannot be read."""
    try:
        documents = yaml.load_documents(content)
        document = ApplicationDocument.model_validate(documents[0].value)
    except (yaml.YamlError, ValidationError, IndexError):
        return None
    positions = DocumentPositions(FILE, documents[0].places)
    return _connectivity(document, positions)


def _connectivity(
    document: ApplicationDocument, positions: DocumentPositions
) -> tuple[ConnectivityIntent, ...]:
    return tuple(
        intents.connectivity(each, positions.at("spec", "connectivity", index))
        for index, each in enumerate(document.spec.connectivity)
    )


def _unreadable(*problems: Problem) -> LoadedApplication:
    return LoadedApplication(problems=sorted_problems(problems))


def _application(document: ApplicationDocument, positions: DocumentPositions) -> Application:
    spec = document.spec
    return Application(
        name=document.metadata.name,
        tenant=spec.tenant,
        components=tuple(
            sorted(
                (
                    _component(each, positions.at("spec", "components", index, "source"))
                    for index, each in enumerate(spec.components)
                ),
                key=lambda part: part.name,
            )
        ),
        placements=tuple(
            intents.placement(each, positions.at("spec", "placement", index))
            for index, each in enumerate(spec.placement)
        ),
        customizations=tuple(
            intents.customization(each, positions.at("spec", "customizations", index))
            for index, each in enumerate(spec.customizations)
        ),
        stages=tuple(
            intents.stage(each, positions.at("spec", "rollout", "stages", index))
            for index, each in enumerate(spec.rollout.stages)
        ),
        on_failure=OnFailure(spec.rollout.on_failure),
        offline=OfflineMode(spec.rollout.offline),
        exceptions=tuple(
            intents.exception(each, positions.at("spec", "exceptions", index))
            for index, each in enumerate(spec.exceptions)
        ),
        optimal=spec.strategy == "optimal",
        connectivity=_connectivity(document, positions),
        rules=tuple(
            rule(each, positions.at("spec", "rules", index))
            for index, each in enumerate(spec.rules)
        ),
        gates=tuple(intents.gate(each) for each in spec.rollout.gates),
    )


def _component(part: ComponentPart, position: FilePosition) -> Component:
    return Component(
        name=part.name,
        source=intents.source(part.source),
        depends_on=tuple(_dependency(each) for each in part.depends_on),
        position=position,
    )


def _dependency(part: DependencyPart) -> Dependency:
    defaults = Dependency(part.component)
    return Dependency(
        component=part.component,
        when=DependencyCondition(part.when),
        on=DependencyScope(part.on),
        quorum=part.quorum,
        soak=part.soak if part.soak is not None else defaults.soak,
        timeout=part.timeout if part.timeout is not None else defaults.timeout,
        on_failure=OnFailure(part.on_failure),
        application=part.application,
    )
