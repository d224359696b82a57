"""What agents render for: a component, an application, a tenant, or a whole cluster.

The part of an agent plugin that rendering and the command line need; `plugins` holds the whole
contract.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from planners.model import AgentSettings, Json, Repo

Objects = tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One component on one cluster; `folder` of the deploy repo holds its objects.

    `namespaces` are the tenant's, the main one first. The component that sets up a tenant is
    applied with the rights of the agent, all others with those of the tenant only.
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

    `sync_folder` holds the objects that the agent renders for components, below folders of tenants.
    `url` and `branch` are those to clone the deploy repo with.
    """

    cluster: str
    settings: AgentSettings
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
class RefusesObjects(Protocol):
    """The further part of an agent that cannot apply all that a tenant may have."""

    def object_refusals(
        self, target: Target, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Why the agent could not apply some of the objects of a component there.

        The name of the cluster does not matter.
        """
