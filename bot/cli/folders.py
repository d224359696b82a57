"""Reads folders into the values that the service reads from repositories."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from bot.charts import Charts
from bot.cli.errors import InputError, ProblemsError
from bot.clock import system_clock
from bot.documents import APPLICATION_FILE, LoadedFleet, Problem, read_application, read_fleet
from bot.documents.addresses import with_addresses
from bot.documents.facts import read_facts
from bot.documents.merged_replicas import with_merged_replicas
from bot.documents.tenants import is_tenant_setup, tenant_applications, with_tenant_setups
from bot.documents.trust import TrustError, with_trust
from bot.engine.ownership import OwnershipReader
from bot.engine.usage import UnitUsage, UsageReader, claims_of
from bot.gather.errors import DocumentsError, GatherError
from bot.gather.sources import AppFiles, read_sources
from planners.model import FilePosition, Fleet, Registration, Repo, Revision, Tenant
from planners.model.fleet_files import FleetFiles
from planners.model.snapshot import (
    LONG_AGO,
    DeployBase,
    OwnedObjects,
    ReportedFacts,
    ResourceClaim,
    Snapshot,
)
from planners.rules.decide import undecided
from renderers import yaml
from renderers.layout import Layout, kept_file
from renderers.rule_records import read
from renderers.tree import MAX_FILE, MAX_TOTAL, NOT_FOLLOWED, FileTree, PartialTree, below, blob_id

MAX_FILES = 50_000
HERE = Repo("folder", "folder")
NO_COMMIT = "0" * 40


def read_folder(folder: Path) -> FileTree:
    """Every regular file below a folder but `.git`, by its path; links and large ones stay unread.

    Raises:
        InputError: the folder does not exist, or holds too many files.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: folder not found")
    found: dict[str, bytes] = {}
    unread: dict[str, str] = {}
    total = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == ".git" or name.startswith(".git/"):
            continue
        if path.is_symlink():
            unread[name] = NOT_FOLLOWED
        elif path.is_file():
            size = path.stat().st_size
            if size > MAX_FILE:
                unread[name] = f"the file is larger than {MAX_FILE} bytes"
            elif total + size > MAX_TOTAL:
                unread[name] = f"is not read: the files exceed {MAX_TOTAL} bytes in total"
            else:
                found[name] = path.read_bytes()
                total += size
        if len(found) > MAX_FILES:
            raise InputError(f"{folder}: the folder has more than {MAX_FILES} files")
    return PartialTree(found, unread)


def load_fleet_folder(folder: Path) -> LoadedFleet:
    """The fleet that a folder describes, with its warnings.

    Raises:
        InputError: every mistake, one per line.
    """
    loaded = read_fleet(read_folder(folder))
    if loaded.problems:
        raise ProblemsError(folder, loaded.problems)
    return replace(loaded, fleet=with_tenant_setups(loaded.fleet, HERE))


def read_fleet_folder(folder: Path) -> Fleet:
    """The fleet that a folder describes. Raises as `load_fleet_folder`."""
    return load_fleet_folder(folder).fleet


def find_registration(
    app: Path | None, files: FileTree, fleet: Fleet, name: str | None
) -> Registration:
    """The registration of the application in a folder, or of the one named.

    Raises:
        InputError: the document is wrong, or the fleet does not register it.
    """
    if name is None and app is None:
        raise InputError("missing --app DIR or --application tenant-NAME")
    if name is None:
        loaded = read_application(files, None, None)
        if loaded.application is None:
            raise ProblemsError(app, loaded.problems)
        name = loaded.application.name
    registration = fleet.registration(name)
    if registration is None:
        known = ", ".join(each.application for each in fleet.registrations) or "none"
        message = f"the fleet registers no application {name!r} (registered: {known})"
        hint = "add a Registration to applications/ of the fleet repo"
        if app is None:
            raise InputError(f"{message}: {hint}")
        position = FilePosition(APPLICATION_FILE, 1, 1)
        raise ProblemsError(app, (Problem(position, message, hint),))
    if app is None and not is_tenant_setup(registration):
        raise InputError(f"--app DIR is missing: the folder of the app repo of {name}")
    return registration


@dataclass(frozen=True, slots=True)
class _Merged:
    """The folder of the deploy repo: `ids` are blob ids by path, `blobs` the bytes by blob id."""

    ids: Mapping[str, str]
    blobs: Mapping[str, bytes]

    @classmethod
    def of(cls, files: FileTree) -> "_Merged":
        ids = {path: blob_id(content) for path, content in files.items()}
        return cls(ids, {ids[path]: content for path, content in files.items()})

    def file(self, path: str) -> bytes | None:
        """The bytes of a file, if it is there."""
        blob = self.ids.get(path)
        return None if blob is None else self.blobs[blob]

    def units(self, registration: Registration) -> FleetFiles:
        """The files of an application's units."""
        return FleetFiles.of(Layout.of(registration).by_unit(self.ids))


def read_snapshot(
    app: Path | None,
    fleet_folder: Path,
    deploy: Path | None,
    name: str | None,
    charts: Charts | None = None,
    *,
    facts: Mapping[str, ReportedFacts] | None = None,
) -> Snapshot:
    """The Snapshot of an application from folders: without reports, merge requests or branches.

    `app` is the folder of the application, with a `name` that of its app repo. `charts` are those
    outside of it (None: none is fetched).

    Raises:
        InputError: every mistake with its place.
    """
    fleet = read_fleet_folder(fleet_folder)
    registration, read = _read_application(app, fleet, name, charts)
    tenant = read.tenant_of(fleet)
    merged = _Merged.of(read_folder(deploy) if deploy else {})
    snapshot = Snapshot(
        now=system_clock(),
        application=read.application,
        registration=registration,
        tenant=tenant,
        clusters=fleet.clusters,
        revision=Revision(registration.app, NO_COMMIT),
        fleet_revision=Revision(HERE, NO_COMMIT),
        base=_base(merged, registration),
        claims=_claims(merged, fleet, tenant),
        owned=_owned(merged, fleet),
        policies=fleet.policies,
        sources=read.sources,
        files=read.files,
        facts=facts or {},
        tenant_applications=tenant_applications(fleet, registration),
    )
    return undecided(_with_merged(snapshot, merged))


def _read_application(
    app: Path | None, fleet: Fleet, name: str | None, charts: Charts | None
) -> tuple[Registration, AppFiles]:
    files = read_folder(app) if app else {}
    registration = find_registration(app, files, fleet, name)
    inside = registration.path if name else ""
    folder = app and app / inside
    return registration, _read_sources(folder, below(files, inside), fleet, registration, charts)


def _with_merged(snapshot: Snapshot, merged: _Merged) -> Snapshot:
    """The Snapshot with trust between clusters, addresses of Services, and merged replicas."""
    content = merged.blobs.__getitem__
    reported = {cluster: each.addresses for cluster, each in snapshot.facts.items()}
    try:
        found = with_addresses(with_trust(snapshot, content), reported, content)
    except TrustError as error:
        raise InputError(str(error)) from error
    return with_merged_replicas(found, content)


def _read_sources(
    app: Path | None,
    files: FileTree,
    fleet: Fleet,
    registration: Registration,
    charts: Charts | None,
) -> AppFiles:
    try:
        return read_sources(files, fleet, registration, charts)
    except DocumentsError as error:
        raise ProblemsError(app, error.problems) from error
    except GatherError as error:
        raise InputError(str(error)) from error


def _base(merged: _Merged, registration: Registration) -> DeployBase:
    layout = Layout.of(registration)
    entries = merged.units(registration)
    kept = frozenset(cluster for cluster in entries.clusters if kept_file(cluster) in merged.ids)
    files = {unit: merged.file(layout.rules_file(unit)) for unit in entries}
    records = {unit: read(each) for unit, each in files.items() if each is not None}
    revision = Revision(registration.deploy, NO_COMMIT)
    return DeployBase(revision, entries, kept_folders=kept, records=records)


def _claims(merged: _Merged, fleet: Fleet, tenant: Tenant) -> tuple[ResourceClaim, ...]:
    """What every merged unit requests; a folder does not tell when it was merged, so long ago."""
    reader, read_blob = UsageReader(fleet, tenant), merged.blobs.__getitem__
    found: list[ResourceClaim] = []
    for each in fleet.registrations:
        usages = reader.by_unit(each, merged.units(each), read_blob).items()
        found += claims_of(each, (UnitUsage(unit, usage, LONG_AGO) for unit, usage in usages))
    return tuple(found)


def _owned(merged: _Merged, fleet: Fleet) -> tuple[OwnedObjects, ...]:
    """The objects of all applications in the folder of the deploy repo."""
    reader, read_blob = OwnershipReader(), merged.blobs.__getitem__
    return tuple(
        owned
        for each in fleet.registrations
        for owned in reader.owned(each, merged.units(each), read_blob)
    )


def read_facts_file(file: Path) -> dict[str, ReportedFacts]:
    """Reported facts from a YAML file: a mapping of cluster names to the report of each.

    Raises:
        InputError: the file cannot be read or is invalid.
    """
    try:
        documents = [each.value for each in yaml.load_documents(file.read_bytes())]
        if len(documents) != 1 or not isinstance(documents[0], dict):
            raise InputError(f"{file}: expected one mapping of cluster names to facts")
        return read_facts(documents[0])
    except yaml.YamlError as error:
        raise InputError(f"{file}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{file}: {where}: {first['msg']}") from error
