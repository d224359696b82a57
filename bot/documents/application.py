"""Reads an app repo's `switchyard.yaml` and checks it against its files and the fleet."""

from collections.abc import Mapping

from pydantic import ValidationError

from bot.documents import intents
from bot.documents.checks import check_application
from bot.documents.models import ApplicationDocument, ComponentPart
from bot.documents.problems import Located, Problem, finish, from_pydantic
from planners.model import (
    Application,
    Component,
    ComponentSource,
    Dependency,
    DependencyCondition,
    DependencyScope,
    FilePosition,
    Fleet,
    OnFailure,
    Registration,
)
from renderers import yaml

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
        return None, (Problem(FilePosition(FILE, 1, 1), "the file is missing", hint),)
    try:
        documents = yaml.load_documents(content)
    except yaml.YamlError as error:
        return None, (Problem(FilePosition(FILE, error.line, error.column), str(error)),)
    if len(documents) != 1:
        message = f"{len(documents)} documents; expected one Application"
        return None, (Problem(FilePosition(FILE, 1, 1), message),)
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
        placements=tuple(
            intents.placement(each, located.at("spec", "placement", index))
            for index, each in enumerate(spec.placement)
        ),
        customizations=tuple(
            intents.customization(each, located.at("spec", "customizations", index))
            for index, each in enumerate(spec.customizations)
        ),
        stages=tuple(intents.stage(each) for each in spec.rollout.stages),
        on_failure=OnFailure(spec.rollout.on_failure),
        exceptions=tuple(
            intents.exception(each, located.at("spec", "exceptions", index))
            for index, each in enumerate(spec.exceptions)
        ),
        optimal=spec.strategy == "optimal",
    )


def _component(part: ComponentPart) -> Component:
    ((kind, folder),) = part.source.chosen().items()
    defaults = Dependency(part.name)
    return Component(
        part.name,
        ComponentSource(kind, folder),
        tuple(
            Dependency(
                need.component,
                DependencyCondition(need.when),
                DependencyScope(need.on),
                need.quorum,
                need.soak if need.soak is not None else defaults.soak,
                need.timeout if need.timeout is not None else defaults.timeout,
                OnFailure(need.on_failure),
                need.application,
            )
            for need in part.depends_on
        ),
    )
