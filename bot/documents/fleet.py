"""Reads the documents of the fleet repo: clusters, tenants, registrations and policies."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, get_args

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from bot.documents.gate_checks import policy_gate_problems
from bot.documents.models import (
    FLEET_DOCUMENTS,
    ClusterDocument,
    PolicyDocument,
    RegistrationDocument,
    TenantDocument,
)
from bot.documents.models.agents import field_name, given_settings, required_settings
from bot.documents.problems import (
    DocumentPositions,
    Problem,
    sorted_problems,
    suggest,
    validation_problems,
)
from bot.documents.references import unknown_references
from bot.documents.selectors import OrderedEntry, idle_selectors, unreachable
from bot.documents.tenant_checks import tenant_problems
from bot.documents.tenants import PREFIX
from bot.documents.types import Part
from bot.documents.values import cluster, policy, registration, tenant
from bot.engine import discovery
from planners.model import FilePosition, Fleet, Repo
from plugins import AppliesUnits
from renderers import yaml
from renderers.agents import root_name
from renderers.tree import unread

FILE_SUFFIXES = (".yaml", ".yml")
OTHER_SUFFIXES = (".json", ".yaml.txt", ".yml.txt")
MARK = b"apiVersion: switchyard.dev/"
_KIND = re.compile(rb"^kind: ([A-Z][a-z]+)", re.MULTILINE)


def _kind_of(model: type[Part]) -> str:
    """The only value of a document's `kind`."""
    return str(get_args(model.model_fields["kind"].annotation)[0])


_FOLDERS = {_kind_of(model): folder for folder, model in FLEET_DOCUMENTS.items()}

FleetDocument = ClusterDocument | TenantDocument | RegistrationDocument | PolicyDocument
D = TypeVar("D", bound=Part)


@dataclass(frozen=True, slots=True)
class LoadedFleet:
    """The fleet, and the problems of its documents; it may be partial if there are any.

    `warnings` are of what has no effect.
    """

    fleet: Fleet
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _LocatedDocument:
    document: FleetDocument
    positions: DocumentPositions


@dataclass(slots=True)
class _FleetReader:
    """One run over the files of the fleet repo; `names` are the positions of (kind, name).

    `broken` are the names of documents with mistakes.
    """

    repo: Repo | None = None
    problems: list[Problem] = field(default_factory=list)
    documents: list[_LocatedDocument] = field(default_factory=list)
    names: dict[tuple[str, str], FilePosition] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)

    def read(self, file: str, content: bytes, model: type[Part]) -> None:
        """Read a file with documents of one kind."""
        try:
            documents = yaml.load_documents(content)
        except yaml.YamlError as error:
            self.problems.append(Problem(FilePosition(file, error.line, error.column), str(error)))
            return
        for each in documents:
            positions = DocumentPositions(file, each.places)
            try:
                document = model.model_validate(each.value)
            except ValidationError as error:
                self.problems += validation_problems(error, model, positions)
                self._remember(each.value)
            else:
                self._add(document, positions)

        if not any(each.value is not None for each in documents):
            hint = f"write a {_kind_of(model)}, or delete the file"
            self.problems.append(Problem(FilePosition(file, 1, 1), "the file is empty", hint))

    def _remember(self, document: object) -> None:
        """The name of a document with mistakes: that others refer to it is none."""
        match document:
            case {"kind": str(kind), "metadata": {"name": str(name)}}:
                self.broken.add((kind, name))
            case _:
                pass

    def _add(self, document: Part, positions: DocumentPositions) -> None:
        """Add a document, unless another one of its kind has the name."""
        assert isinstance(document, FleetDocument)
        kind, name = key = (document.kind, document.metadata.name)
        position = positions.at("metadata", "name")
        if key in self.names:
            hint = f"first defined at {self.names[key]}; rename one of them"
            self.problems.append(Problem(position, f"duplicate {kind} {name!r}", hint))
            return
        self.names[key] = position
        self.documents.append(_LocatedDocument(document, positions))

    def check(self) -> None:
        """Check the references between documents."""
        for each in self.documents:
            if isinstance(each.document, ClusterDocument):
                self.problems += self._check_agent(each.document, each.positions)
        self.problems += self._check_references()
        self.problems += self._check_registrations()
        self.problems += self._check_deploy_repos()
        self.problems += self._check_queries()
        self.problems += self._check_failover()
        self.problems += self._check_channels()
        self.problems += tenant_problems(
            (each.document, each.positions)
            for each in self.documents
            if isinstance(each.document, TenantDocument)
        )

    def _check_agent(
        self, document: ClusterDocument, positions: DocumentPositions
    ) -> Iterator[Problem]:
        agent, known = document.spec.agent, discovery.agents()
        given = given_settings(document.spec)
        if agent not in known:
            hint = suggest(agent, known)
            yield Problem(positions.at("spec", "agent"), f"unknown agent {agent!r}", hint)
        elif agent not in given and (needed := required_settings(known[agent].settings)):
            hint = f"it requires {', '.join(needed)}"
            message = f"agent {agent!r} has no settings"
            yield Problem(positions.at("spec", "agent"), message, hint)
        for other in given.keys() - {agent}:
            position = positions.at("spec", to_camel(field_name(other)))
            hint = f"the agent of the cluster is {agent!r}: remove them"
            yield Problem(position, f"settings of another agent, {other!r}", hint)

    def check_direct_access(self, fleet: Fleet) -> None:
        """Clusters that Switchyard writes to itself have a policy that allows it."""
        clusters = {each.name: each for each in fleet.clusters}
        for each in self.documents:
            if not isinstance(each.document, ClusterDocument):
                continue
            cluster = clusters[each.document.metadata.name]
            if not isinstance(discovery.agents().get(cluster.agent), AppliesUnits):
                continue
            reason = fleet.refusal_of_direct_access(cluster)
            if reason:
                hint = "use an agent that pulls, or select the cluster in `directClusters`"
                message = f"Switchyard may not write to {cluster.name}: {reason}"
                position = each.positions.at("spec", "agent")
                self.problems.append(Problem(position, message, hint))

    def idle_selectors(self, fleet: Fleet) -> Iterator[Problem]:
        """Selectors of tenants and policies that match no cluster: what they ask has no effect."""
        for each in self.documents if fleet.clusters else ():
            yield from idle_selectors(each.document, each.positions, fleet)

    def check_gates(self, fleet: Fleet) -> None:
        """Gates of policies can open."""
        for each in self.documents:
            if isinstance(each.document, PolicyDocument):
                self.problems += policy_gate_problems(each.document, each.positions, fleet)

    def _check_references(self) -> Iterator[Problem]:
        """Names of clusters, tenants and applications stand for one that the fleet has."""
        applications = {each.spec.application for each in self.of_kind(RegistrationDocument)}
        tenants = self.of_kind(TenantDocument)
        setups = {PREFIX + each.metadata.name for each in tenants if each.spec.deploy is not None}
        known = {
            "cluster": {name for kind, name in (*self.names, *self.broken) if kind == "Cluster"},
            "tenant": {name for kind, name in (*self.names, *self.broken) if kind == "Tenant"},
            "application": applications | setups,
        }
        for each in self.documents:
            yield from unknown_references(each.document, each.positions, known)

    def _check_registrations(self) -> Iterator[Problem]:
        """Each application has one registration, and each folder of an app repo too."""
        first: dict[str, FilePosition] = {}
        folders: dict[tuple[Repo, str], FilePosition] = {}
        for each in self.documents:
            if not isinstance(each.document, RegistrationDocument):
                continue
            spec, positions = each.document.spec, each.positions
            name, position = spec.application, positions.at("spec", "application")
            if name.startswith(PREFIX):
                hint = f"the prefix {PREFIX} is reserved for the set-ups of tenants"
                yield Problem(position, f"reserved application name {name!r}", hint)
            if name in first:
                hint = f"first defined at {first[name]}"
                yield Problem(position, f"duplicate registration of application {name!r}", hint)
            elif (spec.app, spec.path) in folders:
                where = f"folder {spec.path} of {spec.app}" if spec.path else str(spec.app)
                hint = f"first registered at {folders[spec.app, spec.path]}; give one a `path`"
                message = f"{where} is registered for another application"
                yield Problem(positions.at("spec", "app"), message, hint)
            first.setdefault(name, position)
            folders.setdefault((spec.app, spec.path), position)

    def _check_deploy_repos(self) -> Iterator[Problem]:
        """Only Switchyard writes to deploy repos, and agents tell their roots apart by name."""
        registered = self.of_kind(RegistrationDocument)
        taken = {each.spec.app: f"the app repo of {each.spec.application}" for each in registered}
        if self.repo is not None:
            taken[self.repo] = "the fleet repo"
        first: dict[str, tuple[Repo, FilePosition]] = {}
        for each in self.documents:
            if not isinstance(each.document, TenantDocument | RegistrationDocument):
                continue
            deploy, position = each.document.spec.deploy, each.positions.at("spec", "deploy")
            if deploy is None:
                continue
            if deploy in taken:
                message = f"deploy repo {deploy} is {taken[deploy]}"
                hint = "only Switchyard writes to a deploy repo: create another repository for it"
                yield Problem(position, message, hint)
            known, place = first.setdefault(root_name(deploy), (deploy, position))
            if known != deploy:
                message = f"deploy repo {deploy} has the same name for agents as {known}"
                hint = f"first named at {place}; give one of them another path"
                yield Problem(position, message, hint)

    def _check_queries(self) -> Iterator[Problem]:
        """Queries have one meaning in all policies: their values are kept by name."""
        first: dict[str, FilePosition] = {}
        for each in self.documents:
            if isinstance(each.document, PolicyDocument):
                for number, query in enumerate(each.document.spec.queries):
                    position = each.positions.at("spec", "queries", number, "name")
                    if query.name in first:
                        hint = f"first defined at {first[query.name]}; rename one of them"
                        yield Problem(position, f"duplicate query {query.name!r}", hint)
                    first.setdefault(query.name, position)

    def _check_failover(self) -> Iterator[Problem]:
        """The first entry that selects a cluster counts, in the order of the policies' names."""
        policies = [
            (each.document, each.positions)
            for each in self.documents
            if isinstance(each.document, PolicyDocument)
        ]
        yield from unreachable(
            OrderedEntry(
                "this failover", part.clusters.value(), positions.at("spec", "failover", number)
            )
            for document, positions in sorted(policies, key=lambda each: each[0].metadata.name)
            for number, part in enumerate(document.spec.failover)
        )

    def _check_channels(self) -> Iterator[Problem]:
        """A channel is of one kind in all policies: its secret is found by its name."""
        first: dict[str, tuple[str, FilePosition]] = {}
        for each in self.documents:
            if isinstance(each.document, PolicyDocument):
                for number, part in enumerate(each.document.spec.notify):
                    position = each.positions.at("spec", "notify", number, "channel")
                    kind, place = first.setdefault(part.channel, (part.kind, position))
                    if kind != part.kind:
                        message = f"channel {part.channel!r} is of kind {part.kind} and of {kind}"
                        hint = f"first defined at {place}; rename one of them"
                        yield Problem(position, message, hint)

    def of_kind(self, kind: type[D]) -> list[D]:
        """The documents of a kind."""
        return [each.document for each in self.documents if isinstance(each.document, kind)]


def _misplaced(file: str, content: bytes) -> Iterator[Problem]:
    """A document of the fleet where nothing reads it: in a wrong folder, or of a wrong suffix."""
    folder, slash, _ = file.partition("/")
    position = FilePosition(file, 1, 1)
    if folder in FLEET_DOCUMENTS and file.endswith(OTHER_SUFFIXES):
        yield Problem(position, "nothing reads this file", "rename it: its name must end in .yaml")
    elif file.endswith(FILE_SUFFIXES) and MARK in content:
        kind = _KIND.search(content)
        near = difflib.get_close_matches(folder, FLEET_DOCUMENTS, 1) if slash else ()
        of_kind = [] if slash or kind is None else [_FOLDERS.get(kind[1].decode(), "")]
        for each in filter(None, near or of_kind):
            where = f"the folder {folder!r}" if slash else "documents in the root folder"
            yield Problem(position, f"nothing reads {where}", f"move it to {each}/")


def read_fleet(files: Mapping[str, bytes], repo: Repo | None = None) -> LoadedFleet:
    """Read the documents in `clusters/`, `tenants/`, `applications/` and `policies/`.

    `repo` is the fleet repo, where that is known: it is no deploy repo.
    """
    reader = _FleetReader(repo)
    for file in sorted(files):
        model = FLEET_DOCUMENTS.get(file.partition("/")[0])
        if model is not None and file.endswith(FILE_SUFFIXES):
            reader.read(file, files[file], model)
        else:
            reader.problems += _misplaced(file, files[file])
    for file, reason in unread(files).items():
        if file.partition("/")[0] in FLEET_DOCUMENTS and file.endswith(FILE_SUFFIXES):
            reader.problems.append(Problem(FilePosition(file, 1, 1), reason))
    reader.check()
    clusters = [cluster(each) for each in reader.of_kind(ClusterDocument)]
    tenants = [tenant(each) for each in reader.of_kind(TenantDocument)]
    registrations = [registration(each) for each in reader.of_kind(RegistrationDocument)]
    policies = [policy(each) for each in reader.of_kind(PolicyDocument)]
    fleet = Fleet(
        clusters=tuple(sorted(clusters, key=lambda each: each.name)),
        tenants=tuple(sorted(tenants, key=lambda each: each.name)),
        registrations=tuple(sorted(registrations, key=lambda each: each.application)),
        policies=tuple(sorted(policies, key=lambda each: each.name)),
    )
    reader.check_direct_access(fleet)
    reader.check_gates(fleet)
    return LoadedFleet(
        fleet, sorted_problems(reader.problems), sorted_problems(reader.idle_selectors(fleet))
    )
