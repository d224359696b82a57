"""Renders the agents' own objects: one file for each unit, and those of a tenant's set-up.

They are serialised once for each component, agent and settings, with a placeholder for the name of
the cluster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from planners.model import AgentSettings, Cluster, Json, Unit
from planners.model.snapshot import Snapshot
from renderers import yaml
from renderers.agents import (
    ApplicationTarget,
    References,
    RefusesObjects,
    Target,
    TenantTarget,
)
from renderers.layout import Layout, object_files
from renderers.tenant_setup import access_objects
from renderers.tree import FileTree

CLUSTER_PLACEHOLDER = "stand_in.cluster"  # a valid name has no underscore (RFC 1123)
_PLACEHOLDER = CLUSTER_PLACEHOLDER.encode()


@dataclass(frozen=True, slots=True)
class AgentKey:
    """What distinguishes the text of an agent's objects on two clusters."""

    agent: str
    settings: AgentSettings


@dataclass(slots=True)
class ReferenceFiles:
    """The agents' objects of one plan."""

    snapshot: Snapshot
    layout: Layout
    agents: Mapping[str, References]
    _templates: dict[tuple[str, str, AgentKey], bytes] = field(default_factory=dict)
    _setups: dict[tuple[str, AgentKey], FileTree] = field(default_factory=dict)
    _rendered_names: dict[str, str] = field(default_factory=dict)

    def key(self, cluster: Cluster) -> AgentKey:
        """The agent of a cluster, and its settings there."""
        settings = cluster.agent_settings or self.agents[cluster.agent].settings()
        return AgentKey(cluster.agent, settings)

    def files(self, unit: Unit, cluster: Cluster) -> FileTree:
        """The agent's objects for a unit, in one file."""
        key, name = self.key(cluster), self._rendered_name(cluster)
        template = self._templates.get((unit.component, name, key))
        if template is None:
            template = self._templates[unit.component, name, key] = self._written(
                key, Unit(unit.component, name)
            )
        content = template.replace(_PLACEHOLDER, cluster.name.encode())
        return {self.layout.sync_file(unit): content} if content else {}

    def setup_files(self, cluster: Cluster) -> FileTree:
        """What a tenant's set-up has on a cluster because of its agent, by file name."""
        key, name = self.key(cluster), self._rendered_name(cluster)
        if (name, key) not in self._setups:
            items = self._setup_objects(key, name)
            files = object_files(items, self.snapshot.tenant.namespace)
            written = {file: yaml.dump(item) for file, item in zip(files, items, strict=True)}
            self._setups[name, key] = written
        return {
            file: content.replace(_PLACEHOLDER, cluster.name.encode())
            for file, content in self._setups[name, key].items()
        }

    def _rendered_name(self, cluster: Cluster) -> str:
        """The placeholder, or the name itself if YAML would quote it."""
        name = cluster.name
        if name not in self._rendered_names:
            plain = yaml.dump(name) == f"{name}\n".encode()
            self._rendered_names[name] = CLUSTER_PLACEHOLDER if plain else name
        return self._rendered_names[name]

    def refusals(self, unit: Unit, cluster: Cluster) -> tuple[str, ...]:
        """Why the agent could not deliver the unit."""
        key = self.key(cluster)
        return self.agents[key.agent].refusals(self._target(key, unit))

    def object_refusals(
        self, unit: Unit, cluster: Cluster, objects: Iterable[Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Why the agent could not apply some of the unit's objects."""
        key = self.key(cluster)
        agent: object = self.agents[key.agent]
        if not isinstance(agent, RefusesObjects):
            return ()
        return agent.object_refusals(self._target(key, unit), objects)

    def _setup_objects(self, key: AgentKey, cluster: str) -> list[dict[str, Json]]:
        """The accounts, then the agent's objects for the tenant and for its applications."""
        tenant, plugin = self.snapshot.tenant, self.agents[key.agent]
        deploy = self.snapshot.registration.deploy
        target = TenantTarget(cluster, key.settings, tenant.name, tenant.all_namespaces, deploy)
        items = [*access_objects(tenant, plugin.accounts(target))]
        items += plugin.tenant_references(target)
        for each in self.snapshot.tenant_applications:
            items += plugin.application_references(
                ApplicationTarget(
                    cluster=cluster,
                    settings=key.settings,
                    tenant=tenant.name,
                    application=each.application,
                    namespaces=tenant.all_namespaces,
                    folder=Layout.of(each).application_folder(cluster),
                    deploy=each.deploy,
                )
            )
        return items

    def _written(self, key: AgentKey, unit: Unit) -> bytes:
        """The agent's objects for a unit, as YAML."""
        items = self.agents[key.agent].references(self._target(key, unit))
        return b"---\n".join(yaml.dump(item) for item in items)

    def _target(self, key: AgentKey, unit: Unit) -> Target:
        snapshot = self.snapshot
        return Target(
            cluster=unit.cluster,
            settings=key.settings,
            tenant=snapshot.tenant.name,
            application=self.layout.application,
            component=unit.component,
            namespaces=snapshot.tenant.all_namespaces,
            folder=self.layout.objects_folder(unit),
            deploy=snapshot.registration.deploy,
            is_tenant_setup=snapshot.application.is_tenant_setup,
        )
