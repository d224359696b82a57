"""What agents render for: a component, an application, a tenant, or a whole cluster.

The part of an agent plugin that rendering and the command line need; `plugins` holds the whole
contract.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from planners.model import AgentSettings, Json, Repo

Objects = tuple[dict[str, Json], ...]
ROOT = "switchyard"
MAX_ROOT_NAME = 38
"""Of a RootSync of Config Sync, whose names are the shortest."""
KEPT = b"""\
# Folder of this cluster's agent

Switchyard wrote this file when the last component of an application left the cluster. It keeps the
folder: an agent whose folder has gone deletes nothing, and what it applied would run on.
"""
"""What is in the file that keeps the `sync` folder of a cluster on which nothing stays."""
_SIMPLE_PATH = re.compile(r"[a-z0-9]+(/[a-z0-9]+)*")


def root_name(deploy: Repo) -> str:
    """What an agent calls objects that a cluster has once for each deploy repo.

    `switchyard-fleet-deploy` for `fleet/deploy`. Otherwise two deploy repos would replace each
    other's root, and the agent would prune what the first one had brought. A path with other
    characters, or a long one, ends with a hash.
    """
    name = f"{ROOT}-{re.sub('[^a-z0-9]+', '-', deploy.path.lower())}"
    if _SIMPLE_PATH.fullmatch(deploy.path) and len(name) <= MAX_ROOT_NAME:
        return name
    digest = hashlib.sha256(str(deploy).encode()).hexdigest()[:8]
    return f"{name[: MAX_ROOT_NAME - 9].rstrip('-')}-{digest}"


@dataclass(frozen=True, slots=True)
class Target:
    """One component on one cluster; `folder` of the deploy repo holds its objects.

    `namespaces` are the tenant's, the main one first. The component that sets up a tenant is
    applied with the rights of the agent, all others with those of the tenant only.
    In a set-up, `other_deploys` are the deploy repos of the tenant's applications.
    """

    cluster: str
    settings: AgentSettings
    tenant: str
    application: str
    component: str
    namespaces: tuple[str, ...]
    folder: str
    deploy: Repo
    is_tenant_setup: bool = False
    other_deploys: tuple[Repo, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationTarget:
    """One application of a tenant on one cluster; `folder` holds a folder for each component.

    The folder may not exist yet. `namespaces` are the tenant's, the main one first.
    """

    cluster: str
    settings: AgentSettings
    tenant: str
    application: str
    namespaces: tuple[str, ...]
    folder: str
    deploy: Repo


@dataclass(frozen=True, slots=True)
class TenantTarget:
    """One tenant on one cluster; `namespaces` are its own, the main one first."""

    cluster: str
    settings: AgentSettings
    tenant: str
    namespaces: tuple[str, ...]
    deploy: Repo


@dataclass(frozen=True, slots=True)
class ClusterTarget:
    """One cluster that is connected to a deploy repo, and reports to `report_url`.

    It may be connected to several, each with a root of its own that is named `root_name(deploy)`.
    `sync_folder` holds the objects that the agent renders for components, below folders of tenants.
    `url` and `branch` are those to clone the deploy repo with.
    """

    cluster: str
    settings: AgentSettings
    deploy: Repo
    url: str
    branch: str
    sync_folder: str
    report_url: str


@dataclass(frozen=True, slots=True)
class Account:
    """A service account on the cluster."""

    namespace: str
    name: str


class References(Protocol):
    """EMCO's role "references": the agent's own objects, which make it pull what was merged."""

    @property
    def settings(self) -> type[AgentSettings]:
        """The type of a cluster's settings of this agent: a frozen dataclass.

        Each field has a description in its metadata. The Cluster document has it as
        `spec.<agent>`, and its reference page and schema list it.
        """

    def refusals(self, target: Target) -> tuple[str, ...]:
        """Why the agent could not deliver a component there, such as a name that is too long.

        Of a cluster's name only the length decides.
        """

    def references(self, target: Target) -> Objects:
        """The objects for one component, in the `sync` folder of the cluster."""

    def accounts(self, target: TenantTarget) -> tuple[Account, ...]:
        """The accounts that the agent acts as for a tenant; the tenant's set-up creates them.

        They get the tenant's rights in all its namespaces.
        """

    def tenant_references(self, target: TenantTarget) -> Objects:
        """Further objects for a tenant, applied together with its namespaces."""

    def application_references(self, target: ApplicationTarget) -> Objects:
        """The objects for an application as a whole, applied together with the tenant's."""

    def cluster_references(self, target: ClusterTarget) -> Objects:
        """The objects that an administrator applies once, so that the agent begins to pull."""


@runtime_checkable
class ReportsStartedJobs(Protocol):
    """An agent that reports a component as ready when its Jobs have started, not completed."""

    @property
    def started_jobs_are_ready(self) -> bool:
        """True."""


@runtime_checkable
class RefusesObjects(Protocol):
    """The further part of an agent that cannot apply all that a tenant may have."""

    def object_refusals(
        self, target: Target, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Why the agent could not apply some of the objects of a component there.

        The name of the cluster does not matter.
        """
