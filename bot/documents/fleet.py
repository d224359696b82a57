"""Reads the fleet repo: clusters, tenants, applications and policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from bot.documents.models import (
    FLEET_DOCUMENTS,
    ClusterDocument,
    PolicyDocument,
    RegistrationDocument,
    TenantDocument,
)
from bot.documents.problems import Located, Problem, finish, from_pydantic, nearest
from bot.documents.tenants import PREFIX
from bot.documents.types import Part
from bot.documents.values import cluster, policy, registration, tenant
from planners.model import FilePosition, Fleet
from renderers import yaml

KNOWN_AGENTS = frozenset({"flux"})
ENDINGS = (".yaml", ".yml")


@dataclass(slots=True)
class _Reading:
    """One run over the fleet's files."""

    known_agents: frozenset[str]
    problems: list[Problem] = field(default_factory=list)
    documents: list[tuple[Part, Located]] = field(default_factory=list)
    names: dict[tuple[str, str], FilePosition] = field(default_factory=dict)

    def read(self, file: str, content: bytes, model: type[Part]) -> None:
        """Read one file of documents of one kind."""
        try:
            documents = yaml.load_documents(content)
        except yaml.YamlError as error:
            self.problems.append(Problem(FilePosition(file, error.line, error.column), str(error)))
            return
        for document in documents:
            located = Located(file, document.places)
            try:
                read = model.model_validate(document.value)
            except ValidationError as error:
                self.problems += from_pydantic(error, model, located)
            else:
                self.keep(read, located)

    def keep(self, document: Part, located: Located) -> None:
        """Keep a document under its name, which must be new."""
        assert isinstance(
            document, ClusterDocument | TenantDocument | RegistrationDocument | PolicyDocument
        )
        key = (document.kind, document.metadata.name)
        place = located.at("metadata", "name")
        if key in self.names:
            message = f"{key[0]} {key[1]!r} stands twice, first at {self.names[key]}"
            self.problems.append(Problem(place, message, "give one of them another name"))
            return
        self.names[key] = place
        self.documents.append((document, located))

    def check(self) -> None:
        """Check what documents say of each other."""
        tenants = {name for kind, name in self.names if kind == "Tenant"}
        applications: dict[str, FilePosition] = {}
        for document, located in self.documents:
            if isinstance(document, ClusterDocument):
                agent = document.spec.agent
                if agent not in self.known_agents:
                    hint = nearest(agent, self.known_agents)
                    place = located.at("spec", "agent")
                    self.problems.append(Problem(place, f"unknown agent {agent!r}", hint))
            if isinstance(document, RegistrationDocument):
                self.check_registration(document, located, tenants, applications)

    def check_registration(
        self,
        document: RegistrationDocument,
        located: Located,
        tenants: set[str],
        applications: dict[str, FilePosition],
    ) -> None:
        """A registration names a tenant that is there, and an application nobody else names."""
        spec = document.spec
        if spec.tenant not in tenants:
            place = located.at("spec", "tenant")
            hint = nearest(spec.tenant, tenants)
            self.problems.append(Problem(place, f"unknown tenant {spec.tenant!r}", hint))
        place = located.at("spec", "application")
        if spec.application.startswith(PREFIX):
            message = f"application {spec.application!r}: names that begin with {PREFIX} are taken"
            self.problems.append(Problem(place, message, "tenants' own set-ups have them"))
        if spec.application in applications:
            first = applications[spec.application]
            message = f"application {spec.application!r} is registered twice, first at {first}"
            self.problems.append(Problem(place, message))
        applications.setdefault(spec.application, place)


def read_fleet(
    files: Mapping[str, bytes], known_agents: frozenset[str] = KNOWN_AGENTS
) -> tuple[Fleet, tuple[Problem, ...]]:
    """Read every document below `clusters/`, `tenants/`, `applications/` and `policies/`.

    Returns the fleet and every mistake; with a mistake the fleet may be partial.
    """
    reading = _Reading(known_agents)
    for file in sorted(files):
        model = FLEET_DOCUMENTS.get(file.partition("/")[0])
        if model is not None and file.endswith(ENDINGS):
            reading.read(file, files[file], model)
    reading.check()
    documents = [document for document, _ in reading.documents]
    clusters = [cluster(each) for each in documents if isinstance(each, ClusterDocument)]
    tenants = [tenant(each) for each in documents if isinstance(each, TenantDocument)]
    entries = [registration(each) for each in documents if isinstance(each, RegistrationDocument)]
    policies = [policy(each) for each in documents if isinstance(each, PolicyDocument)]
    fleet = Fleet(
        clusters=tuple(sorted(clusters, key=lambda each: each.name)),
        tenants=tuple(sorted(tenants, key=lambda each: each.name)),
        registrations=tuple(sorted(entries, key=lambda each: each.application)),
        policies=tuple(sorted(policies, key=lambda each: each.name)),
    )
    return fleet, finish(reading.problems)
